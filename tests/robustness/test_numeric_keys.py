"""Every numeric key refuses what it cannot be at once, in one line that names it; what it takes trains or says why."""

import time
from pathlib import Path

import polars as pl
import pytest

from reccl.errors import RecclError
from tests.cli.conftest import Shop
from tests.robustness.numeric_keys import VALUES, NumericKey, numeric_keys

KEYS = list(numeric_keys())
CONFIG = """\
name: base
data: {pipeline: table, interactions: buys.csv, users: users.parquet, items: items.parquet}
encoder: {kind: matrix_factorization, dimension: 4}
objective:
  ranking: {kind: ranking, loss: {kind: info_nce, temperature: 0.2}}
training: {epochs: 1, batch_size: 512}
"""


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory,
    planted: pl.DataFrame,
    planted_users: pl.DataFrame,
    planted_items: pl.DataFrame,
) -> Shop:
    """A folder with the planted world, features too."""
    folder = tmp_path_factory.mktemp("numbers")
    planted.write_csv(folder / "buys.csv")
    planted_users.write_parquet(folder / "users.parquet")
    planted_items.write_parquet(folder / "items.parquet")
    (folder / "base.yaml").write_text(CONFIG)
    return Shop(folder)


def test_there_are_as_many_keys_as_parts_have() -> None:
    assert len(KEYS) > 200


@pytest.mark.parametrize("slot", sorted({key.key.rpartition(".")[0] for key in KEYS}))
def test_a_number_that_cannot_be_is_one_line_with_its_key(shop: Shop, slot: str) -> None:
    for key in (key for key in KEYS if key.key.rpartition(".")[0] == slot):
        for value in VALUES:
            start = time.perf_counter()
            words = [word for text in key.overrides(value) for word in ("--set", text)]
            answer = shop("config", "show", "base.yaml", *words)
            assert time.perf_counter() - start < 10
            assert answer.code in (0, 2), (key, value, answer.err)
            if answer.code:
                for line in answer.err.splitlines():
                    assert line.startswith("error: "), (key, value, answer.err)
                    assert key.key.rpartition(".")[2] in line
                    assert len(line) < 500


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS, ids=lambda key: " ".join((*key.makes[:1], key.key)))
def test_a_number_that_is_accepted_trains_or_says_why_not(shop: Shop, key: NumericKey, inside) -> None:
    from reccl.config import load
    from reccl.experiment import run

    with inside(Path(shop.folder)):
        for value in VALUES:
            try:
                run(load("base.yaml", key.overrides(value)), device="cpu")
            except RecclError as error:
                assert "\n" not in str(error) or "base.yaml" in str(error) or "--set" in str(error)
