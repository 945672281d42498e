"""A data set that is built on disk, a few rows at a time, is the one that would be built in memory at once."""

import hashlib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import TypeAdapter

from reccl.data import encoded_interactions
from reccl.data.columns import PARTS
from reccl.data.dataset import Dataset, build
from reccl.data.encoded_interactions import EncodedInteractions
from reccl.data.ids import IdMap
from reccl.data.ingest import steps
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.spill import scratch_folder
from reccl.data.ingest.tables import Tables
from reccl.data.prepare import prepare
from reccl.data.settings import AnyData
from reccl.data.splits import (
    ColdItems,
    ColdUsers,
    LeaveLastOut,
    Predefined,
    RandomGlobal,
    RandomPerUser,
    Split,
    Temporal,
    holdout,
)

SPLITS = [ColdItems, ColdUsers, LeaveLastOut, Predefined, RandomGlobal, RandomPerUser, Temporal]


@st.composite
def worlds(draw: st.DrawFn) -> pl.DataFrame:
    """Small tables in any order, with doubled pairs, gaps between ids, text ids, shared instants and parts."""
    row = st.tuples(
        st.integers(-3, 12).map(lambda number: f"u{number}"),
        st.sampled_from([5, 7, 1000, 2**40]),
        st.floats(1, 5, width=16),
        st.integers(0, 9),
        st.sampled_from(PARTS),
    )
    drawn = draw(st.lists(row, min_size=1, max_size=50))
    return pl.DataFrame(drawn, schema=["user", "item", "rating", "timestamp", "part"], orient="row")


def at_once(world: pl.DataFrame, split: Split) -> tuple[IdMap, IdMap, dict[str, pl.DataFrame]]:
    """Split raw rows, then number them: all in memory, in the obvious way."""
    rows = holdout.sort_rows(world)
    test, validation, *_ = split.split(rows)
    part = pl.when(test).then(pl.lit("test")).when(validation).then(pl.lit("validation")).otherwise(pl.lit("train"))
    named = rows.with_columns(part.alias("part"))
    if not split.keep_cold:
        train = named.filter(part="train")
        known = [pl.col(side).is_in(train[side].unique().implode()) for side in ("user", "item")]
        named = named.filter(*known)
    users, items = IdMap.fit(named["user"]), IdMap.fit(named["item"])
    rows = named.with_columns(users.to_rows(named["user"]), items.to_rows(named["item"]))
    return users, items, {part: rows.filter(part=part).drop("part") for part in PARTS}


@pytest.mark.parametrize("keep_cold", [True, False])
@pytest.mark.parametrize("split", SPLITS)
@settings(max_examples=8, deadline=None)
@given(world=worlds(), size=st.sampled_from([1, 3, 10]))
def test_blocks_of_any_size_give_what_all_rows_at_once_give(
    split: type[Split], keep_cold: bool, world: pl.DataFrame, size: int
) -> None:
    world = world if split is Predefined else world.drop("part")
    users, items, parts = at_once(world, split(keep_cold=keep_cold))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded_interactions, "BLOCK", size)
        patch.setattr(holdout, "BLOCK", size)
        data = build(Tables(Funnel.read(world.lazy())), split(keep_cold=keep_cold))
    assert_frame_equal(data.user_ids.ids.to_frame(), users.ids.to_frame())
    assert_frame_equal(data.item_ids.ids.to_frame(), items.ids.to_frame())
    for part in PARTS:
        assert_frame_equal(data.part(part), parts[part])


def test_a_block_holds_whole_users_and_the_first_the_rows_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_interactions, "BLOCK", 3)
    rows = pl.LazyFrame({"user": ["c", "a", None, "b", "c", "a", "b", "c", "c"], "item": [9, 8, 7, 6, 5, 4, 3, 2, 1]})
    with scratch_folder() as folder:
        made = EncodedInteractions.encode(rows, Path(folder))
        users = [pl.read_parquet(block)["user"].to_list() for block in made.blocks]
    assert len(users) > 1
    assert users[0][0] is None
    assert [user for block in users for user in block] == [None, 0, 0, 1, 1, 2, 2, 2, 2]
    assert not any(set(one) & set(other) for place, one in enumerate(users) for other in users[:place])


@pytest.mark.parametrize("split", SPLITS)
def test_no_row_is_lost_in_a_split_for_want_of_an_id(split: type[Split]) -> None:
    users, items = [*range(9), None] * 5, [*[None] * 5, *range(45)]
    rows = {"user": users, "item": items, "timestamp": range(50), "part": ["train", "test"] * 25}
    world = pl.DataFrame(rows) if split is Predefined else pl.DataFrame(rows).drop("part")
    data = build(Tables(Funnel.read(world.lazy())), split())
    assert sum(data.part(part).height for part in PARTS) == 50


@settings(max_examples=40, deadline=None)
@given(worlds(), st.sampled_from(["first", "last"]), st.integers(1, 9))
def test_duplicates_looked_for_a_few_pairs_at_a_time_are_those_of_a_walk_through_all(
    world: pl.DataFrame, keep: str, size: int
) -> None:
    best: dict[tuple, tuple] = {}
    for place, (user, item, _, time, _) in enumerate(world.rows()):
        moment = (time, place) if keep == "last" else (-time, -place)
        best[user, item] = max(best.get((user, item), moment), moment)
    kept = sorted(abs(place) for _, place in best.values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "PAIRS", size)
        found = steps.drop_duplicates(keep)(world.lazy().with_row_index("place")).collect()  # type: ignore[arg-type]
    assert found["place"].to_list() == kept


def digest(data: Dataset) -> str:
    """Of ids, and of the pairs of the three parts in their order."""
    tables = [
        data.user_ids.ids.to_frame(),
        data.item_ids.ids.to_frame(),
        *(data.part(part).select("user", "item") for part in PARTS),
    ]
    return hashlib.sha256(
        "".join(f"Schema({[*table.schema.items()]}){table.write_csv()}" for table in tables).encode()
    ).hexdigest()[:16]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("source", "split", "expected"),
    [
        ("ml-100k", {"kind": "random_per_user", "test": 0.25}, "ba7c8d67d27a7979"),
        ("ml-100k", {"kind": "leave_last_out", "keep_cold": False}, "a1fc7d4e7cc3567d"),
        ("ml-1m", {"kind": "random_per_user"}, "1182805bbcf58cff"),
        ("ml-1m", {"kind": "cold_items"}, "890b679b8999f3ab"),
        ("ml-1m-m1", {"kind": "predefined"}, "27cb8f4ccae788e0"),
        ("gowalla", {"kind": "predefined"}, "d57347256077990a"),
    ],
)
def test_real_data_is_split_as_it_was_when_the_published_figures_were_measured(
    real_data: Path, source: str, split: dict[str, object], expected: str
) -> None:
    if not (real_data / source).is_dir():
        pytest.skip(f"the real {source} is not in RECCL_DATA")
    pipeline = "movielens" if source in ("ml-100k", "ml-1m") else "adjacency"
    section = {"pipeline": pipeline, "source": source, "root": real_data, "split": split}
    assert digest(prepare(TypeAdapter(AnyData).validate_python(section))) == expected
