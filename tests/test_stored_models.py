"""Models that earlier versions stored load, and recommend what they recommended then."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import reccl

STORED = Path(__file__).parent / "stored"
VERSIONS = sorted(path.name.removeprefix("model-") for path in STORED.glob("model-*"))


def test_the_first_version_is_among_them() -> None:
    assert "0.1.0" in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
class TestEveryVersion:
    def test_its_model_recommends_as_it_did(self, version: str) -> None:
        stored = pl.read_parquet(STORED / f"recommendations-{version}.parquet")
        found = reccl.load(STORED / f"model-{version}").recommend(k=3, item_columns=["title"])
        assert_frame_equal(found, stored, rel_tol=1e-5)

    def test_its_config_loads_and_its_metrics_and_history_are_there(self, version: str) -> None:
        model = reccl.load(STORED / f"model-{version}")
        assert model.experiment.name == "stored"
        assert 0 < model.metrics["test"]["ndcg_at_10"] <= 1
        assert model.history.height == 3

    def test_it_takes_new_users_by_features_and_by_history(self, version: str) -> None:
        model = reccl.load(STORED / f"model-{version}")
        users = pl.DataFrame({"user": ["new"], "town": [2]})
        assert model.recommend(users=["new"], k=2, new_users=users)["source"].to_list() == ["content"] * 2
        history = pl.DataFrame({"user": ["other"], "item": [103]})
        assert model.recommend(users=["other"], k=2, history=history)["source"].to_list() == ["fold_in"] * 2
