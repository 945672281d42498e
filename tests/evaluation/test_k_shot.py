"""What is given and what is predicted of a cold node never changes with the number given."""

import polars as pl
import pytest
import torch

from reccl.evaluation import Evaluation, evaluate
from reccl.evaluation.k_shot import k_shot_curve, split_shots
from reccl.evaluation.plots import plot_curves, plot_groups
from reccl.scorers import Scorer

USERS, ITEMS, MOST = 12, 30, 3
COLD = torch.arange(USERS) >= 6


def held_out() -> pl.DataFrame:
    """User u has u held-out items, spread over the catalog."""
    rows = [(user, (7 * user + place) % ITEMS) for user in range(USERS) for place in range(user)]
    return pl.DataFrame(rows, schema={"user": pl.Int32, "item": pl.Int32}, orient="row")


def pairs(rows: pl.DataFrame) -> set[tuple[int, int]]:
    return {*rows.select("user", "item").iter_rows()}


class TestSplitShots:
    def test_every_row_of_a_cold_user_with_enough_is_either_given_or_a_target(self) -> None:
        cold = COLD.clone()
        cold[3] = True  # has no more than MOST rows
        split = split_shots(held_out(), "user", cold, MOST, seed=1)
        assert split.nodes == 6
        assert pairs(split.given) | pairs(split.targets) == pairs(held_out().filter(pl.col("user") >= 6))
        assert not pairs(split.given) & pairs(split.targets)
        assert split.given.group_by("user").agg(pl.col("shot").sort()).get_column("shot").to_list() == [[0, 1, 2]] * 6

    def test_items_are_split_by_item(self) -> None:
        rows = held_out()
        split = split_shots(rows, "item", torch.ones(ITEMS, dtype=torch.bool), 2, seed=1)
        counts = dict(rows.group_by("item").len().iter_rows())
        assert split.nodes == sum(count > 2 for count in counts.values()) > 0
        assert set(split.given.group_by("item").len()["len"]) == {2}
        assert dict(split.targets.group_by("item").len().iter_rows()) == {
            item: count - 2 for item, count in counts.items() if count > 2
        }

    def test_the_seed_and_nothing_else_decides(self) -> None:
        split = split_shots(held_out(), "user", COLD, MOST, seed=1)
        assert split_shots(held_out().reverse(), "user", COLD, MOST, seed=1).given.equals(split.given)
        assert not split_shots(held_out(), "user", COLD, MOST, seed=2).given.equals(split.given)


class TestKShotCurve:
    split = split_shots(held_out(), "user", COLD, MOST, seed=1)
    scorer = Scorer(*(torch.randn(n, 4, generator=torch.Generator().manual_seed(n)) for n in (USERS, ITEMS)))
    known = pl.DataFrame({"user": [7], "item": [0]}, schema={"user": pl.Int32, "item": pl.Int32})

    def test_each_number_is_given_the_same_rows_and_more(self) -> None:
        given_rows: list[set[tuple[int, int]]] = []

        def fold_in(given: pl.DataFrame) -> Scorer:
            given_rows.append(pairs(given))
            return self.scorer

        k_shot_curve(fold_in, self.split, self.known, Evaluation(cutoffs=(5,)), (0, 1, 3))
        assert [len(given) for given in given_rows] == [0, 6, 18]
        assert given_rows[0] < given_rows[1] < given_rows[2] == pairs(self.split.given)

    def test_what_is_not_yet_given_is_no_candidate_so_that_points_can_be_compared(self) -> None:
        found = k_shot_curve(lambda _: self.scorer, self.split, self.known, Evaluation(cutoffs=(5,)), (0, 1, 3))
        assert found[0] == found[1] == found[3]
        hidden = pl.concat([self.known, self.split.given.select("user", "item")])
        assert found[0] == evaluate(self.scorer, self.split.targets, hidden, Evaluation(cutoffs=(5,))).means()

    def test_a_scorer_that_learns_from_what_is_given_rises(self) -> None:
        def fold_in(given: pl.DataFrame) -> Scorer:
            """Users with more given rows know more of their targets."""
            scores = torch.zeros(USERS, ITEMS)
            for user, item in self.split.targets.iter_rows():
                if given.filter(pl.col("user") == user).height > item % 4:
                    scores[user, item] = 1
            return Scorer(scores, torch.eye(ITEMS))

        found = k_shot_curve(fold_in, self.split, self.known, Evaluation(cutoffs=(5,)), (0, 1, 2, 3))
        values = [found[number]["recall_at_5"] for number in (0, 1, 2, 3)]
        assert values == sorted(values) and values[0] < values[-1]


def test_plots_are_pictures(tmp_path) -> None:
    groups = {"all": {"ndcg_at_5": 0.3}, "cold": {"ndcg_at_5": 0.1}}
    plot_groups("a run", groups, ("ndcg_at_5",), tmp_path / "bars.png")
    plot_curves("a run", {"cold users": {0: groups["cold"], 5: groups["all"]}}, "ndcg_at_5", tmp_path / "lines.png")
    for name in ("bars", "lines"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(KeyError):
        plot_curves("a run", {"cold users": {0: {}}}, "ndcg_at_5", tmp_path / "none.png")
