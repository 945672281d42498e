"""Random damage to stored models and prepared data: what loads is what was written, all else is refused in one line."""

from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reccl.data import store
from reccl.data.dataset import Dataset
from reccl.data.splits import RandomPerUser
from reccl.recommend import Model, recommend
from reccl.recommend import load as load_model
from reccl.recommend import save as save_model
from reccl.recommend.verify import DIGESTS, seal
from reccl.scorers import Scorer
from tests.robustness.fuzz_stored import damages, lay_files, read_files
from tests.robustness.fuzzing import cases, ends_well, few


class Stored(NamedTuple):
    """Folders of a model and of prepared data, what they held, and where damaged copies go."""

    model: dict[str, bytes]
    data: dict[str, bytes]
    copy: Path

    def __repr__(self) -> str:
        return "stored"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A small model and its data, with tables of users and items."""
    folder = tmp_path_factory.mktemp("stored")
    pairs = [(f"u{user}", item) for user in range(5) for item in range(4) if (user + item) % 3]
    rows = pl.DataFrame(pairs, schema=["user", "item"], orient="row")
    users = pl.DataFrame({"user": ["u0", "u1"], "town": ["here", "there"]})
    items = pl.DataFrame({"item": [0, 1, 2], "title": ["a", None, "c"], "price": [1.0, 2.0, None]})
    data = Dataset.from_frame(rows, users=users, items=items, split=RandomPerUser(test=0.3))
    store.write(data, folder / "data")
    generator = torch.Generator().manual_seed(0)
    embeddings = (torch.randn(size, 3, generator=generator) for size in (len(data.user_ids), len(data.item_ids)))
    save_model(Model.of(Scorer(*embeddings), data), folder / "model")
    return Stored(read_files(folder / "model"), read_files(folder / "data"), folder / "copy")


def load_damaged_model(stored: Stored, files: dict[str, bytes | None], sealed: bool) -> None:
    """What loads is whole; where the digests were made anew, it gives known items with finite scores, or says why."""
    lay_files(stored.copy, files)
    if sealed:
        (stored.copy / DIGESTS).unlink(missing_ok=True)
        seal(stored.copy, *(path.name for path in stored.copy.iterdir()))
    model, _ = ends_well("stored models", lambda: load_model(stored.copy))
    if model is None:
        return
    if not sealed and files.get(DIGESTS) == stored.model[DIGESTS]:
        assert files == stored.model
    lists, _ = ends_well("lists of damaged models", lambda: pl.concat(recommend(model, None, 3)))
    if lists is not None:
        assert lists["score"].is_finite().all()
        assert lists["item"].is_in(model.item_ids.ids.implode()).all()


def read_damaged_data(stored: Stored, files: dict[str, bytes | None]) -> None:
    """What is read is what was written."""
    lay_files(stored.copy, files)
    data, _ = ends_well("prepared data", lambda: store.read(stored.copy))
    if data is not None:
        lay_files(stored.copy, stored.data)  # type: ignore[arg-type]
        whole = store.read(stored.copy)
        assert (data.fingerprint, data.counts) == (whole.fingerprint, whole.counts)
        for part in ("train", "validation", "test"):
            assert data.part(part).equals(whole.part(part))
        assert data.users.equals(whole.users)
        assert data.items.equals(whole.items)


@few
@given(damage=st.data(), sealed=st.booleans())
def test_a_damaged_model_is_refused_or_whole(stored: Stored, damage: st.DataObject, sealed: bool) -> None:
    load_damaged_model(stored, damage.draw(damages(stored.model)), sealed)


@few
@given(damage=st.data())
def test_damaged_prepared_data_is_refused_or_whole(stored: Stored, damage: st.DataObject) -> None:
    read_damaged_data(stored, damage.draw(damages(stored.data)))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(22_000)
@given(damage=st.data(), sealed=st.booleans())
def test_many_damaged_models(stored: Stored, damage: st.DataObject, sealed: bool) -> None:
    load_damaged_model(stored, damage.draw(damages(stored.model)), sealed)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(22_000)
@given(damage=st.data())
def test_many_times_damaged_prepared_data(stored: Stored, damage: st.DataObject) -> None:
    read_damaged_data(stored, damage.draw(damages(stored.data)))
