"""A folder of parts: each whole or not there, the same whoever writes it and however often it is begun."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from reccl.errors import ConfigError
from reccl.recommend import Model, recommend
from reccl.recommend.parts import Plan, Shard, open_parts, write_parts


@pytest.fixture
def plan(model: Model) -> Plan:
    return Plan("run", len(model.user_ids), 30, {"k": 5})


def write(model: Model, folder: Path, plan: Plan, shard: str = "1/1", *, resume: bool = False) -> tuple[int, ...]:
    part = Shard.parse(shard)
    open_parts(folder, plan, part, resume=resume)
    written = write_parts(lambda some: recommend(model, some, 5), model.user_ids.ids.sort(), folder, plan, part)
    return written.rows, written.parts, written.kept, written.missing


def read(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))])


def test_the_parts_hold_what_one_table_holds(model: Model, plan: Plan, tmp_path: Path) -> None:
    assert write(model, tmp_path / "lists", plan) == (1000, 7, 0, 0)
    parts = read(tmp_path / "lists")
    assert parts.columns == ["user", "item", "score", "rank", "source", "run_id"]
    whole = pl.concat(recommend(model, k=5))
    assert parts.drop("run_id", "score").equals(whole.drop("score"))
    assert parts["score"].to_numpy() == pytest.approx(whole["score"].to_numpy(), abs=1e-5)
    assert set(parts["run_id"]) == {"run"}
    assert pl.read_parquet(tmp_path / "lists").height == 1000


def test_shards_share_the_parts(model: Model, plan: Plan, tmp_path: Path) -> None:
    assert write(model, tmp_path / "lists", plan, "2/3")[1:] == (2, 0, 5)
    assert write(model, tmp_path / "lists", plan, "1/3")[1:] == (3, 0, 2)
    assert write(model, tmp_path / "lists", plan, "3/3")[1:] == (2, 0, 0)
    write(model, tmp_path / "whole", plan)
    assert read(tmp_path / "lists").equals(read(tmp_path / "whole"))


def test_a_resumed_folder_keeps_finished_parts_and_equals_one_that_was_not_stopped(
    model: Model, plan: Plan, tmp_path: Path
) -> None:
    def stop_at(limit: int) -> None:
        done = 0

        def lists(some: pl.Series) -> Iterator[pl.DataFrame]:
            nonlocal done
            for table in recommend(model, some, 5):
                done += 1
                if done > limit:
                    raise KeyboardInterrupt
                yield table

        open_parts(folder, plan, Shard(), resume=True)
        with pytest.raises(KeyboardInterrupt):
            write_parts(lists, model.user_ids.ids.sort(), folder, plan)

    folder = tmp_path / "lists"
    stop_at(2)
    first = {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    assert len(first) == 2
    with pytest.raises(ConfigError, match="2 finished parts of the same request: add --resume"):
        write(model, folder, plan)
    stop_at(3)
    assert write(model, folder, plan, resume=True)[1:] == (2, 5, 0)
    assert {path: path.stat().st_mtime_ns for path in first} == first
    write(model, tmp_path / "whole", plan)
    for path in sorted(folder.glob("*.parquet")):
        assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()
    assert not list(folder.glob(".*"))
    assert pl.read_parquet(folder).height == 1000


@pytest.mark.parametrize(
    ("change", "named"), [({"run_id": "other"}, "run_id"), ({"part_users": 31}, "part_users"), ({"request": {}}, "k")]
)
def test_a_folder_that_was_begun_otherwise_is_refused(
    model: Model, plan: Plan, tmp_path: Path, change: dict[str, object], named: str
) -> None:
    write(model, tmp_path / "lists", plan, "1/7")
    other = Plan(**{**vars(plan), **change})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"was begun with another {named}"):
        write(model, tmp_path / "lists", other, resume=True)


def test_other_parquet_files_are_left_alone(model: Model, plan: Plan, tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "mine.parquet")
    with pytest.raises(ConfigError, match=r"holds mine\.parquet, which is no part of such lists"):
        write(model, tmp_path, plan)


@pytest.mark.parametrize("words", ["", "3", "0/2", "3/2", "a/b", "1/0", "-1/2", "1/2/3"])
def test_what_is_no_shard(words: str) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        Shard.parse(words)
