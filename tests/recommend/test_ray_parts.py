"""Parts that Ray scores are those that this process writes, byte by byte."""

import os
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from reccl.errors import ConfigError, RecclError
from reccl.recommend import Model, extend_model, ray_session
from reccl.recommend.item_columns import choose_item_columns
from reccl.recommend.listing import Listing
from reccl.recommend.out_of_band import pack, unpack
from reccl.recommend.parts import Plan, Shard, Written, open_parts, write_parts
from reccl.recommend.ray_session import connect, join_cluster
from reccl.recommend.rules import Calibrated, Rules, resolve_rules

RULES = Rules(where="price < 80", deny=[10], at_most={"shelf": 2}, diversity=Calibrated("shelf", 0.4))


@pytest.fixture(scope="module")
def ray_is_open():
    handler, usual, mine = signal.getsignal(signal.SIGTERM), tempfile.tempdir, Path(tempfile.mkdtemp("", "r", "/tmp"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    tempfile.tempdir = str(mine)
    try:
        with connect() as ray:
            assert len(list(mine.glob(".ray-*"))) == 1
            assert signal.getsignal(signal.SIGTERM) is handler
            yield
    finally:
        tempfile.tempdir = usual
    assert not ray.is_initialized()
    mine.rmdir()  # it is empty
    assert {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} == environment


@pytest.fixture(scope="module")
def items(model: Model) -> pl.DataFrame:
    item = model.item_ids.ids
    return pl.DataFrame(
        {"title": pl.select(pl.format("no. {}", item)).to_series(), "price": item % 100, "shelf": item % 7}
    )


@pytest.fixture(scope="module")
def listing(model: Model, items: pl.DataFrame) -> Listing:
    """Rules, columns of items, a user who has moved and two that are new."""
    history = pl.DataFrame({"user": ["u003", "zed", "zed"], "item": [10, 13, 22]})
    extended = extend_model(model, pl.DataFrame({"user": ["amy"]}), None, history)
    rules = resolve_rules(RULES, extended, items, {}, print)
    return Listing(extended, 5, None, rules, choose_item_columns(items, model.item_ids, ["title", "price"]))


def write(listing: Listing, folder: Path, shard: str = "1/1", *, engine: str = "local", **more) -> Written:
    users = pl.concat([listing.extended.model.user_ids.ids, pl.Series(["who"])]).sort()
    plan, part = Plan("run", len(users), 30, {"k": 5}), Shard.parse(shard)
    open_parts(folder, plan, part, resume=True)
    return write_parts(listing, users, folder, plan, part, engine=engine, **more)  # type: ignore[arg-type]


def test_parts_of_both_engines_are_equal(listing: Listing, tmp_path: Path, ray_is_open, capfd) -> None:
    seen: list[pl.DataFrame] = []
    whole = write(listing, tmp_path / "local")
    first = write(listing, tmp_path / "ray", "2/3")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "ray").iterdir()}
    rest = write(listing, tmp_path / "ray", engine="ray", watch=seen.append)
    assert (rest.parts, rest.kept, rest.missing) == (5, 2, 0)
    assert first.rows + rest.rows == whole.rows == pl.read_parquet(tmp_path / "local").height
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    names = sorted(path.name for path in (tmp_path / "local").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "ray").iterdir())
    for name in names:
        assert (tmp_path / "local" / name).read_bytes() == (tmp_path / "ray" / name).read_bytes()
    assert sum(table.height for table in seen) == rest.rows
    assert sum(table["user"].n_unique() for table in seen) == rest.users
    table = pl.read_parquet(tmp_path / "ray")
    assert table.columns == ["user", "item", "score", "rank", "source", "title", "price", "run_id"]
    assert set(table["source"]) == {"model", "fold_in", "popularity"}
    assert table["price"].max() < 80  # type: ignore[operator]
    assert capfd.readouterr() == ("", "")


def test_what_fails_in_an_actor_is_raised_as_here(listing: Listing, tmp_path: Path, ray_is_open, capfd) -> None:
    broken = replace(listing, beside=pl.DataFrame({"item": [1.5]}))
    with pytest.raises(Exception) as here:
        write(broken, tmp_path / "local")
    with pytest.raises(RecclError, match=f"Ray could not score a part: {type(here.value).__name__}"):
        write(broken, tmp_path / "ray", engine="ray")
    assert not list((tmp_path / "ray").iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["nowhere", "ray://127.0.0.1:10001", "127.0.0.1:1", "127.0.0.1:99999", ":1", ""])
def test_where_no_cluster_is_one_line_says_so(address: str) -> None:
    import ray

    with pytest.raises(ConfigError, match="no Ray cluster at"), join_cluster(ray, address):
        pass


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_session, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"ray is not installed: pip install 'reccl\[ray\]'"), connect():
        pass


def test_tensors_of_every_layout_come_back_and_share_memory() -> None:
    dense = torch.arange(6.0).view(2, 3)
    tensors = (dense, dense.T, dense.to_sparse_csr(), dense.bfloat16(), torch.tensor(True), torch.zeros(0, 3))
    pickled, arrays = pack(tensors)
    for before, after in zip(tensors, unpack(pickled, arrays), strict=True):
        assert (before.layout, before.dtype, before.shape) == (after.layout, after.dtype, after.shape)
        assert torch.equal(before.to_dense(), after.to_dense())
    shared = unpack(pickled, arrays)[0]
    assert any(array.ctypes.data == shared.data_ptr() for array in arrays)
