"""Protocols: held-out users with given rows, two windows of one length, windows that slide, ties that are broken."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reccl.data import store
from reccl.data.dataset import Dataset
from reccl.data.splits import GlobalTimeline, LeaveLastOut, SlidingWindow, StrongGeneralization
from reccl.data.splits.holdout import sort_rows
from reccl.data.weights import DAY
from tests.data.test_splits import label, sizes, worlds


@st.composite
def days(draw: st.DrawFn) -> pl.DataFrame:
    """Distinct pairs at whole hours of 30 days."""
    rows = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 720)), min_size=2, max_size=60))
    made = pl.DataFrame(rows, schema=["user", "item", "timestamp"], orient="row")
    return made.unique(["user", "item"]).with_columns(pl.col("timestamp") * 3600)


class TestStrongGeneralization:
    @settings(max_examples=40, deadline=None)
    @given(world=worlds(), share=st.floats(0.05, 0.9), seed=st.integers(0, 9))
    def test_a_user_is_trained_on_whole_or_not_at_all(self, world: pl.DataFrame, share: float, seed: int) -> None:
        split = StrongGeneralization(test_users=2, validation_users=1, held_out=share, seed=seed)
        assigned = label(split, world.drop("part"))
        kinds = {frozenset(rows["part"]) for _, rows in assigned.group_by("user")}
        allowed = {frozenset({"train"})} | {
            frozenset(some) for part in ("test", "validation") for some in ({f"given_{part}"}, {f"given_{part}", part})
        }
        assert kinds <= allowed
        for _, rows in assigned.group_by("user"):
            held = sizes(rows)
            if "train" not in held:
                assert held.get("test", 0) + held.get("validation", 0) == int(rows.height * share)

    def test_numbers_and_shares_of_users_are_met(self, planted: pl.DataFrame) -> None:
        users = planted["user"].n_unique()
        for tested, wanted in ((0.1, round(0.1 * users)), (7, 7)):
            assigned = label(StrongGeneralization(test_users=tested, validation_users=5), planted)
            in_part = {part: rows["user"].n_unique() for (part,), rows in assigned.group_by("part")}
            assert in_part["given_test"] == in_part["test"] == wanted
            assert in_part["given_validation"] == 5
            assert in_part["train"] == users - wanted - 5

    def test_a_fifth_of_five_rows_is_one(self) -> None:
        rows = pl.DataFrame({"user": sorted([*range(4)] * 5), "item": [*range(5)] * 4})
        assert sizes(label(StrongGeneralization(test_users=2, validation_users=0), rows))["test"] == 2

    def test_no_user_left_to_train_on_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="no user is left to train on"):
            StrongGeneralization(test_users=0.5, validation_users=0.5)

    def test_the_dataset_keeps_given_rows_apart_and_its_items_are_trained(self, planted: pl.DataFrame) -> None:
        data = Dataset.from_frame(planted, split=StrongGeneralization(test_users=20, validation_users=10))
        trained = set(data.train["user"])
        assert not trained & set(data.test["user"]) and not trained & set(data.validation["user"])
        assert set(data.given["test"]["user"]) >= set(data.test["user"])
        assert set(data.test["item"]) | set(data.given["test"]["item"]) <= set(data.train["item"])
        known = data.known_before("test")
        assert known.height == sum(
            len(each) for each in (data.train, data.validation, data.given["validation"], data.given["test"])
        )
        assert data.known_before("validation").height == data.train.height + data.given["validation"].height
        whole = data.merge_validation()
        assert whole.train.height == data.train.height + data.validation.height + data.given["validation"].height
        assert list(whole.given) == ["test"]

    def test_given_rows_are_written_and_read_and_are_in_the_fingerprint(self, planted: pl.DataFrame, tmp_path) -> None:
        data = Dataset.from_frame(planted, split=StrongGeneralization())
        store.write(data, tmp_path / "prepared")
        again = store.read(tmp_path / "prepared")
        assert again.fingerprint == data.fingerprint
        assert again.given["test"].equals(data.given["test"]) and list(again.given) == ["validation", "test"]
        other = Dataset.from_frame(planted, split=StrongGeneralization(held_out=0.4))
        assert other.fingerprint != data.fingerprint


class TestGlobalTimeline:
    @settings(max_examples=40, deadline=None)
    @given(world=days(), length=st.floats(0.5, 20))
    def test_windows_are_equally_long_and_train_is_before_both(self, world: pl.DataFrame, length: float) -> None:
        assigned = label(GlobalTimeline(days=length), world)
        end = world["timestamp"].max() + 1
        for part, first, last in (("test", 0, 1), ("validation", 1, 2)):
            times = assigned.filter(part=part)["timestamp"]
            assert ((times >= end - last * length * DAY) & (times < end - first * length * DAY)).all()
        assert (assigned.filter(part="train")["timestamp"] < end - 2 * length * DAY).all()
        assert "unused" not in sizes(assigned)

    @settings(max_examples=40, deadline=None)
    @given(world=days())
    def test_first_targets_are_each_users_first_of_a_window(self, world: pl.DataFrame) -> None:
        every, first = (
            label(GlobalTimeline(days=8, targets=targets), world).sort("user", "timestamp", "item")
            for targets in ("all", "first")
        )
        for part in ("test", "validation"):
            wanted = every.filter(part=part).group_by("user").first().select("user", "item").sort("user")
            assert first.filter(part=part).select("user", "item").sort("user").equals(wanted)
        assert first.filter(part="train").equals(every.filter(part="train"))

    def test_a_share_sets_the_window_by_rows(self) -> None:
        rows = pl.DataFrame({"user": [1] * 20, "item": range(20), "timestamp": range(20)})
        assert sizes(label(GlobalTimeline(test=0.2), rows)) == {"train": 12, "validation": 4, "test": 4}


class TestSlidingWindow:
    @settings(max_examples=40, deadline=None)
    @given(world=days(), number=st.integers(1, 4))
    def test_windows_of_one_data_set_share_no_test_row_and_cover_its_end(
        self, world: pl.DataFrame, number: int
    ) -> None:
        found = [label(SlidingWindow(windows=number, window=w, days=5), world) for w in range(1, number + 1)]
        tested = pl.concat([each.filter(part="test").select("user", "item") for each in found])
        assert not tested.is_duplicated().any()
        end = world["timestamp"].max() + 1
        assert tested.height == world.filter(pl.col("timestamp") >= end - number * 5 * DAY).height
        for earlier, later in pairwise(found):
            assert (
                later.filter(part="validation")
                .select("user", "item")
                .equals(earlier.filter(part="test").select("user", "item"))
            )
        for each in found:
            times = {part: rows["timestamp"] for (part,), rows in each.group_by("part")}
            order = [times[part] for part in ("train", "validation", "test", "unused") if part in times]
            assert all(one.max() < other.min() for one, other in pairwise(order))

    def test_a_training_period_leaves_out_what_is_older(self) -> None:
        rows = pl.DataFrame({"user": [1] * 10, "item": range(10), "timestamp": [day * DAY for day in range(10)]})
        assigned = label(SlidingWindow(windows=1, window=1, days=1, train_days=3), rows)
        assert assigned["part"].to_list() == ["unused"] * 5 + ["train"] * 3 + ["validation", "test"]

    def test_a_window_that_there_is_not_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="window 5 of 3: choose 1 to 3"):
            SlidingWindow(windows=3, window=5)


class TestTies:
    rows = pl.DataFrame({"user": [1] * 6, "item": [5, 3, 4, 1, 2, 6], "timestamp": [7] * 5 + [1]})

    def test_drawn_ties_depend_on_the_seed_alone_and_never_leave_the_instant(self) -> None:
        found = set()
        for seed in range(12):
            split = LeaveLastOut(ties="random", seed=seed)
            first, again = (
                label(split, self.rows.sample(fraction=1, shuffle=True, seed=s)).filter(part="test")["item"].item()
                for s in (1, 2)
            )
            assert first == again != 6
            found.add(first)
        assert len(found) > 2

    def test_that_ties_decide_is_said_with_the_share_of_users(self) -> None:
        rows = sort_rows(
            pl.concat([self.rows, self.rows.with_columns(user=2 * pl.col("user"), timestamp=pl.col("item"))])
        )
        (line,) = LeaveLastOut().remark(rows, LeaveLastOut().split(rows))
        assert line.startswith("split 'leave_last_out': for 50% of the users rows of one time lie in more than one of")
        clear = rows.filter(user=2)
        assert LeaveLastOut().remark(clear, LeaveLastOut().split(clear)) == ()
