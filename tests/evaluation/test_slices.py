"""Groups of users and items are measured as the obvious slow way measures them, in the one ranking pass."""

import math
from importlib import import_module

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reccl.data.ids import IdMap
from reccl.evaluation import GROUPS, Evaluation, EvaluationResult, Slices, evaluate
from reccl.evaluation.result import harmonic_mean, select_metric
from reccl.evaluation.slices import FEW, slice_by_activity
from reccl.scorers import Scorer

TOP = import_module("reccl.evaluation.top_k")  # the package's name `top` is the function
USERS, ITEMS, K = 25, 20, 4
Rows = set[tuple[int, int]]


def world(seed: int) -> tuple[Scorer, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A random scorer; training, validation and test rows. The last 5 users and items are not trained on."""
    random = np.random.default_rng(seed)
    activity = random.dirichlet(np.full(USERS - 5, 0.5))
    popularity = random.dirichlet(np.full(ITEMS - 5, 0.5))
    train = {(int(u), int(i)) for u, i in zip(*drawn(random, 120, activity, popularity), strict=True)}
    held = {(int(random.integers(USERS)), int(random.integers(ITEMS))) for _ in range(90)} - train
    held = sorted(held)
    factors = torch.Generator().manual_seed(seed)
    scorer = Scorer(torch.randn(USERS, 6, generator=factors), torch.randn(ITEMS, 6, generator=factors))
    return scorer, table(train), table(held[::3]), table({*held} - {*held[::3]})


def drawn(random: np.random.Generator, size: int, users: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, ...]:
    return random.choice(len(users), size, p=users), random.choice(len(items), size, p=items)


def table(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(sorted(rows), schema={"user": pl.Int32, "item": pl.Int32}, orient="row")


def measured(seed: int, cutoffs: tuple[int, ...] = (K,)) -> EvaluationResult:
    scorer, train, validation, test = world(seed)
    known, slices = pl.concat([train, validation]), Slices.of(train, USERS, ITEMS)
    return evaluate(scorer, test, known, Evaluation(cutoffs=cutoffs), slices)


def slow_slices(counts: list[int]) -> dict[str, set[int]]:
    """Node by node: none, 1 to FEW, and the most active until they have half of everything."""
    head: set[int] = set()
    for node in sorted(range(len(counts)), key=lambda node: (-counts[node], node)):
        if sum(counts[one] for one in head) < sum(counts) / 2:
            head.add(node)
    warm = {node for node, count in enumerate(counts) if count > 0}
    few = {node for node in warm if counts[node] <= FEW}
    return {"cold": {*range(len(counts))} - warm, "warm": warm, "few": few, "head": head, "tail": warm - head}


def slow(seed: int) -> dict[str, dict[int, float]]:
    """group -> user -> (recall, ndcg), each list ranked anew with the group's candidates and relevant items."""
    scorer, train, validation, test = world(seed)
    scores = (scorer.user_embeddings @ scorer.item_embeddings.T).numpy()
    known, wanted = {*pl.concat([train, validation]).iter_rows()}, {*test.iter_rows()}
    counts = {side: np.bincount(train[side], minlength=n).tolist() for side, n in (("user", USERS), ("item", ITEMS))}
    users, items = slow_slices(counts["user"]), slow_slices(counts["item"])
    everybody, everything = {*range(USERS)}, {*range(ITEMS)}
    cases = {"": (everybody, everything, everything)}  # who, relevant, candidates
    cases |= {f"{name}_users": (of, everything, everything) for name, of in users.items()}
    cases |= {f"{name}_items": (everybody, of, everything) for name, of in items.items()}
    cases |= {name: (everybody, items[name], items[name]) for name in ("cold", "warm")}
    both = {
        user
        for user in everybody
        if any((user, i) in wanted for i in items["cold"]) and any((user, i) in wanted for i in items["warm"])
    }
    cases["overall"] = (both, everything, everything)
    found: dict[str, dict[int, float]] = {}
    for group, (who, relevant, candidates) in cases.items():
        found[group] = {}
        for user in who:
            own = {item for item in relevant if (user, item) in wanted}
            ranked = sorted((i for i in candidates if (user, i) not in known), key=lambda i: -scores[user, i])[:K]
            if own:
                gains = sum((item in own) / math.log2(place + 2) for place, item in enumerate(ranked))
                found[group][user] = gains / sum(1 / math.log2(place + 2) for place in range(min(K, len(own))))
    return found


class TestSlices:
    @settings(max_examples=50, deadline=None)
    @given(counts=st.lists(st.integers(0, 12), min_size=1, max_size=30))
    def test_members_are_those_of_the_slow_way(self, counts: list[int]) -> None:
        expected = slow_slices(counts)
        found = {
            kind: {*members.nonzero().squeeze(1).tolist()}
            for kind, members in slice_by_activity(torch.tensor(counts)).items()
        }
        if not expected["cold"]:
            del expected["warm"]
        assert found == expected

    def test_half_of_the_interactions_are_the_heads(self) -> None:
        members = slice_by_activity(torch.tensor([0, 1, 9, 5, 3, 2]))
        assert {kind: of.int().tolist() for kind, of in members.items()} == {
            "cold": [1, 0, 0, 0, 0, 0],
            "warm": [0, 1, 1, 1, 1, 1],
            "few": [0, 1, 0, 1, 1, 1],
            "head": [0, 0, 1, 1, 0, 0],
            "tail": [0, 1, 0, 0, 1, 1],
        }

    def test_a_side_is_told_cold_from_a_hundredth_of_the_held_out_rows_on(self) -> None:
        """Users 0 to 9 and items 0 to 9 are trained on; of 200 held-out rows some have item 10, none a new user."""
        slices = Slices.of(table({(node, node) for node in range(10)}), 10, 11)
        for rows, sides in ((0, ()), (1, ()), (2, ("items",)), (200, ("items",))):
            held = pl.DataFrame({"user": [1] * 200, "item": [10] * rows + [2] * (200 - rows)})
            assert slices.cold_sides(held) == sides
        assert slices.cold_sides(held.clear()) == ()
        assert Slices.of(table({(0, 0)}), 2, 2).cold_sides(table({(0, 1), (1, 0)})) == ("users", "items")


class TestGroups:
    @pytest.mark.parametrize("seed", range(5))
    def test_every_user_of_every_group_equals_the_slow_way(self, seed: int) -> None:
        expected, made = slow(seed), measured(seed)
        found = {
            group: dict(zip(users.tolist(), values[f"ndcg_at_{K}"].tolist(), strict=True))
            for group, users, values in [("", made.users, made.per_user), *made.by_group()]
        }
        assert set(found) == {name for name, of in expected.items() if of} >= {"", "cold", "warm", "overall"}
        for group, of_users in expected.items():
            if of_users:
                assert found[group] == pytest.approx(of_users, abs=1e-6), group

    def test_means_are_over_the_groups_users_and_the_harmonic_one_over_two_means(self) -> None:
        expected, means = slow(0), measured(0).means()
        for group, of_users in expected.items():
            if of_users:
                name = f"{group}/ndcg_at_{K}" if group else f"ndcg_at_{K}"
                assert means[name] == pytest.approx(np.mean([*of_users.values()]), abs=1e-6)
        cold, warm = means[f"cold/recall_at_{K}"], means[f"warm/recall_at_{K}"]
        assert cold != warm
        assert means[f"harmonic/recall_at_{K}"] == pytest.approx(2 / (1 / cold + 1 / warm))
        assert harmonic_mean(0.0, 0.4) == harmonic_mean(0.0, 0.0) == 0

    def test_one_pass_over_the_scores_whatever_is_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scored, scores = [], Scorer.scores

        def counted(self: Scorer, rows: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
            scored.extend(rows.tolist())
            return scores(self, rows, out)

        monkeypatch.setattr(Scorer, "scores", counted)
        assert sorted(scored) == []
        made = measured(1)
        assert sorted(scored) == made.users.tolist()

    def test_chunks_of_one_user_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = measured(2).means()
        monkeypatch.setattr(TOP, "CHUNK_BYTES", 1)
        assert measured(2).means() == whole

    def test_plain_metrics_do_not_depend_on_slices(self) -> None:
        scorer, train, _, test = world(3)
        plain = evaluate(scorer, test, train, Evaluation(cutoffs=(K,))).means()
        with_slices = evaluate(scorer, test, train, Evaluation(cutoffs=(K,)), Slices.of(train, USERS, ITEMS)).means()
        assert {name: value for name, value in with_slices.items() if "/" not in name} == plain

    @pytest.mark.parametrize("seed", range(8))
    def test_what_a_split_has_is_known_without_ranking_and_nothing_else_is_measured(self, seed: int) -> None:
        scorer, train, _, test = world(seed)
        some = test.filter(pl.col("user") % 4 == seed % 4).head(seed)
        slices = Slices.of(train, USERS, ITEMS)
        made = evaluate(scorer, some, train, Evaluation(cutoffs=(K,)), slices)
        assert [*made.group_means()] == slices.present_groups(some)
        assert not any(math.isnan(value) for means in made.group_means().values() for value in means.values())

    def test_nothing_cold_leaves_no_scenario(self) -> None:
        scorer, train, _, test = world(4)
        warm = test.filter(pl.col("user").is_in(train["user"].implode()), pl.col("item").is_in(train["item"].implode()))
        groups = evaluate(scorer, warm, train, Evaluation(cutoffs=(K,)), Slices.of(train, USERS, ITEMS)).group_means()
        assert not {name for name in groups if name.startswith(("cold", "overall", "harmonic"))}
        assert {"few_users", "head_items", "tail_items"} <= set(groups)

    def test_a_catalog_of_few_cold_items_gives_short_lists(self) -> None:
        made = measured(0, cutoffs=(50,))
        assert made.groups["cold"].per_user["recall_at_50"].min() == 1  # every cold item is in the list

    def test_names_of_groups_are_all_that_can_be_measured(self) -> None:
        names = {name for name in measured(0).means() if "/" in name}
        assert names == set(Evaluation(cutoffs=(K,)).group_metric_names())
        assert [*measured(0).group_means()] == [*GROUPS]


class TestTable:
    def test_it_gives_back_every_groups_values_by_raw_id(self) -> None:
        made, ids = measured(5), IdMap(pl.Series("user", [f"u{row:02}" for row in range(USERS)]))
        written = made.to_frame(ids)
        assert written.height == len(made.users)
        for group, users, per_user in made.by_group():
            for metric, values in per_user.items():
                read = select_metric(written, f"{group}/{metric}")
                assert read["user"].to_list() == [f"u{row:02}" for row in users.tolist()]
                assert read["value"].to_list() == pytest.approx(values.tolist(), abs=1e-6)
        assert select_metric(written, f"ndcg_at_{K}")["value"].mean() == pytest.approx(made.means()[f"ndcg_at_{K}"])

    @pytest.mark.parametrize("metric", ["harmonic/ndcg_at_4", "ndcg_at_5", "cold_users/ndcg_at_5", "coverage_at_4"])
    def test_what_no_user_has_is_none(self, metric: str) -> None:
        ids = IdMap(pl.Series("user", [str(row) for row in range(USERS)]))
        assert select_metric(measured(5).to_frame(ids), metric) is None
