"""Every split names each row once, by its seed alone, and keeps the future (or the cold half) out of training."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import TypeAdapter, ValidationError

from reccl.data.dataset import Dataset
from reccl.data.splits import (
    AnySplit,
    ColdItems,
    ColdUsers,
    GlobalTimeline,
    LeaveLastOut,
    Predefined,
    RandomGlobal,
    RandomPerUser,
    SlidingWindow,
    Split,
    StrongGeneralization,
    Temporal,
)
from reccl.data.splits.holdout import sort_rows
from reccl.errors import DataError

SPLITS = [
    ColdItems,
    ColdUsers,
    GlobalTimeline,
    LeaveLastOut,
    Predefined,
    RandomGlobal,
    RandomPerUser,
    SlidingWindow,
    StrongGeneralization,
    Temporal,
]
RANDOM = [ColdItems, ColdUsers, Predefined, RandomGlobal, RandomPerUser, StrongGeneralization]


@st.composite
def worlds(draw: st.DrawFn) -> pl.DataFrame:
    """Small interaction tables with doubled pairs, shared instants and a predefined part."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 9), st.sampled_from(["train", "test"])),
            min_size=1,
            max_size=60,
        )
    )
    return pl.DataFrame(rows, schema=["user", "item", "timestamp", "part"], orient="row")


def given_to(split: type[Split], world: pl.DataFrame) -> pl.DataFrame:
    return world if split is Predefined else world.drop("part", strict=False)


def with_parts(planted: pl.DataFrame) -> pl.DataFrame:
    drawn = np.random.default_rng(1).random(planted.height)
    return planted.with_columns(
        pl.when(pl.Series(drawn < 0.2)).then(pl.lit("test")).otherwise(pl.lit("train")).alias("part")
    )


def pairs(table: pl.DataFrame, part: str) -> set[tuple]:
    return set(table.filter(pl.col("part") == part).select("user", "item").rows())


def label(split: Split, interactions: pl.DataFrame) -> pl.DataFrame:
    """Sorted rows with a `part` column."""
    rows = sort_rows(interactions)
    part = pl.repeat("unused", rows.height, eager=True)
    for name, mask in split.split(rows).by_part().items():
        part = part.zip_with(~mask, pl.repeat(name, rows.height, eager=True))
    return rows.with_columns(part.alias("part"))


def sizes(table: pl.DataFrame) -> dict[str, int]:
    return dict(table.group_by("part").len().rows())


@pytest.mark.parametrize("split", SPLITS)
class TestEverySplit:
    @settings(max_examples=25, deadline=None)
    @given(world=worlds())
    def test_names_every_row_exactly_once(self, split: type[Split], world: pl.DataFrame) -> None:
        rows = given_to(split, world)
        assigned = label(split(), rows)
        assert set(assigned["part"]) <= {"train", "validation", "test", "given_validation", "given_test", "unused"}
        before, after = rows.drop("part", strict=False), assigned.drop("part")
        assert_frame_equal(before, after, check_row_order=False)

    @settings(max_examples=25, deadline=None)
    @given(world=worlds(), seed=st.integers(0, 5))
    def test_does_not_depend_on_the_order_of_the_rows(self, split: type[Split], world: pl.DataFrame, seed: int) -> None:
        rows = given_to(split, world)
        moved = rows.sample(fraction=1, shuffle=True, seed=seed)
        assert_frame_equal(label(split(), rows), label(split(), moved))

    def test_is_a_function_of_its_seed(self, split: type[Split], planted: pl.DataFrame) -> None:
        rows = given_to(split, with_parts(planted))
        first, again, other = (label(split(seed=seed), rows) for seed in (1, 1, 2))
        assert_frame_equal(first, again)
        assert first.equals(other) == (split not in RANDOM)

    def test_is_found_by_its_kind_and_survives_its_own_dump(self, split: type[Split]) -> None:
        made = split(seed=7, keep_cold=False)
        assert TypeAdapter(AnySplit).validate_python(made.model_dump(mode="json")) == made

    def test_refuses_a_misspelt_key_and_names_the_nearest(self, split: type[Split]) -> None:
        with pytest.raises(ValidationError, match=r"unknown key 'sed'; did you mean 'seed'"):
            split.model_validate({"sed": 1})


@settings(max_examples=30, deadline=None)
@given(world=worlds(), test=st.floats(0, 0.9), validation=st.floats(0, 0.9))
def test_random_per_user_holds_out_the_rounded_share_of_each_user_and_leaves_one_row(
    world: pl.DataFrame, test: float, validation: float
) -> None:
    assigned = label(RandomPerUser(test=test, validation=validation), world.drop("part"))
    for (_,), rows in assigned.group_by("user"):
        count, held = rows.height, sizes(rows)
        tested = held.get("test", 0)
        assert abs(tested - min(count * test, count - 1)) <= 0.5 + 1e-9
        rest = count - tested
        assert abs(held.get("validation", 0) - min(rest * validation, rest - 1)) <= 0.5 + 1e-9
        assert held["train"] >= 1


def test_random_global_holds_out_shares_of_all_rows(planted: pl.DataFrame) -> None:
    held = sizes(label(RandomGlobal(test=0.25, validation=0.1), planted))
    assert held == {"test": 900, "validation": 270, "train": 2430}


@pytest.mark.parametrize(("test", "validation"), [(0.1, 0.1), (0.3, 0.25)])
def test_temporal_trains_on_the_past_only(planted: pl.DataFrame, test: float, validation: float) -> None:
    assigned = label(Temporal(test=test, validation=validation), planted)
    times = {part: rows["timestamp"] for (part,), rows in assigned.group_by("part")}
    assert times["train"].max() < times["validation"].min()
    assert times["validation"].max() < times["test"].min()
    assert len(times["test"]) == round(3600 * test)
    assert len(times["validation"]) == pytest.approx(3600 * (1 - test) * validation, abs=1)


@settings(max_examples=30, deadline=None)
@given(world=worlds())
def test_temporal_never_parts_rows_of_one_instant(world: pl.DataFrame) -> None:
    assigned = label(Temporal(test=0.2, validation=0.2), world.drop("part"))
    assert assigned.group_by("timestamp").agg(pl.col("part").n_unique())["part"].max() == 1
    order = assigned.sort("timestamp")["part"].to_list()
    assert order == sorted(order, key=["train", "validation", "test"].index)


def test_temporal_says_where_rows_of_one_time_make_a_part_larger_than_asked() -> None:
    rows = pl.DataFrame({"user": [1] * 10, "item": range(10), "timestamp": [1, 2, 3, 4, 5, 6, 9, 9, 9, 9]})
    split = Temporal(test=0.1, validation=0.1)
    why = "because rows of one time stay together"
    assert split.remark(rows, split.split(rows)) == (
        f"split 'temporal': test has 40% of the rows where 10% was asked, {why}",
    )
    even = rows.with_columns(timestamp=pl.col("item"))
    assert split.remark(even, split.split(even)) == ()
    at_once = rows.with_columns(timestamp=pl.lit(9))
    with pytest.raises(DataError, match=r"no training row of 10.* has 100% of the rows where 10% was asked, because"):
        Dataset.from_frame(at_once, timestamp="timestamp", split=split)


def test_ties_in_time_do_not_depend_on_the_order_of_the_rows() -> None:
    rows = pl.DataFrame({"user": [1] * 6, "item": [5, 3, 4, 1, 2, 6], "timestamp": [7] * 5 + [1]})
    for seed in range(5):
        shuffled = sort_rows(rows.sample(fraction=1, shuffle=True, seed=seed))
        test, validation, *_ = LeaveLastOut().split(shuffled)
        assert shuffled.filter(test)["item"].to_list() == [5]
        assert shuffled.filter(validation)["item"].to_list() == [4]


def test_temporal_cuts_at_a_given_moment_in_utc() -> None:
    start = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
    rows = pl.DataFrame(
        {"user": [1] * 4, "item": [1, 2, 3, 4], "timestamp": [start - 86401, start - 1, start, start + 9]}
    )
    split = TypeAdapter(AnySplit).validate_python(
        {"kind": "temporal", "test": "2020-01-01", "validation": "2019-12-31T00:00:00"}
    )
    assert label(split, rows)["part"].to_list() == ["train", "validation", "test", "test"]


@settings(max_examples=40, deadline=None)
@given(world=worlds(), test=st.integers(1, 3), validation=st.integers(0, 2))
def test_leave_last_out_equals_sorting_each_user_by_hand(world: pl.DataFrame, test: int, validation: int) -> None:
    world = world.drop("part").unique()
    assigned = label(LeaveLastOut(test=test, validation=validation), world)
    for (_,), rows in assigned.group_by("user"):
        latest = [part for *_, part in sorted(rows.select("timestamp", "item", "part").rows())]
        tested = min(test, len(latest) - 1)
        validated = min(validation, len(latest) - tested - 1)
        kept = len(latest) - tested - validated
        assert latest == ["train"] * kept + ["validation"] * validated + ["test"] * tested


@pytest.mark.parametrize(("split", "side"), [(ColdItems, "item"), (ColdUsers, "user")])
class TestColdStart:
    def test_cold_nodes_have_no_training_row_and_are_halved(
        self, split: type[Split], side: str, planted: pl.DataFrame
    ) -> None:
        assigned = label(split(cold=0.2), planted)
        nodes = {part: set(rows[side]) for (part,), rows in assigned.group_by("part")}
        everyone = planted[side].n_unique()
        whole = label(split(cold=0.2, warm_test=0, warm_validation=0), planted)
        cold = {part: set(rows[side]) for (part,), rows in whole.group_by("part")}
        assert not cold["train"] & (cold["validation"] | cold["test"])
        assert not cold["validation"] & cold["test"]
        assert len(cold["validation"] | cold["test"]) == round(0.2 * everyone)
        assert len(cold["test"]) - len(cold["validation"]) in (0, 1)
        assert not nodes["train"] & (cold["validation"] | cold["test"])
        assert not nodes["test"] & cold["validation"]
        assert not nodes["validation"] & cold["test"]

    def test_warm_rows_are_held_out_in_their_shares(self, split: type[Split], side: str, planted: pl.DataFrame) -> None:
        assigned = label(split(cold=0.2, warm_validation=0.1, warm_test=0.15), planted)
        cold = set(planted[side]) - set(assigned.filter(pl.col("part") == "train")[side])
        warm = sizes(assigned.filter(~pl.col(side).is_in(cold)))
        count = sum(warm.values())
        assert warm["test"] / count == pytest.approx(0.15, abs=0.001)
        assert warm["validation"] / count == pytest.approx(0.1, abs=0.001)


class TestPredefined:
    def test_the_files_parts_are_kept_and_validation_is_carved_out_of_train(self, planted: pl.DataFrame) -> None:
        rows = with_parts(planted)
        assigned = label(Predefined(validation=0.1), rows)
        assert pairs(assigned, "test") == pairs(rows, "test")
        assert pairs(assigned, "train") | pairs(assigned, "validation") == pairs(rows, "train")
        assert sizes(assigned)["validation"] == pytest.approx(0.1 * len(pairs(rows, "train")), rel=0.2)
        assert set(assigned.filter(pl.col("part") == "train")["user"]) == set(rows["user"])

    def test_validation_rows_of_the_files_are_not_added_to(self) -> None:
        rows = pl.DataFrame({"user": [1] * 30, "item": range(30), "part": ["train"] * 28 + ["validation", "test"]})
        assert_frame_equal(label(Predefined(validation=0.5), rows), rows, check_row_order=False)

    def test_a_block_is_a_row_and_those_most_like_it(self) -> None:
        random = np.random.default_rng(0)
        tastes = [random.permutation(4)[:2] for _ in range(200)]  # each user has six items of ten in two clusters
        items = [sorted(10 * int(c) + i for c in both for i in random.permutation(10)[:6]) for both in tastes]
        rows = pl.DataFrame({"user": range(200), "item": items}).explode("item").with_columns(part=pl.lit("train"))
        held = label(Predefined(block_users=1, block_rows=0.25), rows).filter(pl.col("part") == "validation")
        blocks = held.group_by("user").agg(pl.len(), pl.col("item") // 10)
        assert blocks["len"].to_list() == [3] * 200  # a quarter of twelve
        assert blocks["item"].list.n_unique().to_list() == [1] * 200  # all of one cluster

    def test_of_the_users_some_have_blocks_and_the_others_rows_at_random(self, planted: pl.DataFrame) -> None:
        rows = with_parts(planted)
        at_random, some, all_of_them = (label(Predefined(block_users=share), rows) for share in (0, 0.5, 1))
        first, second = (
            {user: set(held["item"]) for (user,), held in each.filter(pl.col("part") == "validation").group_by("user")}
            for each in (at_random, some)
        )
        assert 0.3 < sum(second[user] == first.get(user) for user in second) / len(second) < 0.7
        assert pairs(some, "test") == pairs(at_random, "test")
        assert sizes(at_random)["validation"] < sizes(some)["validation"] < sizes(all_of_them)["validation"]

    def test_blocks_leave_every_user_a_row_and_are_drawn_again_alike(self, planted: pl.DataFrame) -> None:
        rows = with_parts(planted)
        once, again = (label(Predefined(block_users=1, block_rows=0.9), rows) for _ in range(2))
        assert_frame_equal(once, again)
        assert set(once.filter(pl.col("part") == "train")["user"]) == set(
            rows.filter(pl.col("part") == "train")["user"]
        )

    def test_data_without_parts_and_strange_parts_are_refused(self, planted: pl.DataFrame) -> None:
        with pytest.raises(DataError, match="this data has neither"):
            label(Predefined(), planted)
        with pytest.raises(DataError, match=r"holds 'dev'; it may hold test, train, validation"):
            label(Predefined(), pl.DataFrame({"user": [1, 1], "item": [1, 2], "part": ["train", "dev"]}))
        with pytest.raises(DataError, match=r"holds None; it may hold"):
            label(Predefined(), pl.DataFrame({"user": [1, 1], "item": [1, 2], "part": ["train", None]}))


@pytest.mark.parametrize("split", [GlobalTimeline, LeaveLastOut, SlidingWindow, Temporal])
def test_splits_by_time_say_what_to_do_where_there_is_none(split: type[Split], planted: pl.DataFrame) -> None:
    kind = split().kind
    with pytest.raises(
        DataError, match=rf"split '{kind}' needs times.*data.timestamp=COLUMN, or choose split.kind=random_per_user"
    ):
        label(split(), planted.drop("timestamp"))
    with pytest.raises(DataError, match=rf"split '{kind}' needs a time on every row, and 1 rows have none"):
        label(split(), pl.DataFrame({"user": [1, 1], "item": [1, 2], "timestamp": [None, 3]}))


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValidationError, match="test"):
        RandomPerUser(test=share)


def test_warm_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ValidationError, match="nothing is left to train on"):
        ColdItems(warm_validation=0.5, warm_test=0.5)
