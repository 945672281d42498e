"""Full ranking equals the obvious dense one and agrees with trec_eval, in chunks of any size."""

import math
from importlib import import_module
from pathlib import Path

import ir_measures
import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.evaluation import Evaluation, Evaluator, UserItemCSR, evaluate, top_k
from reccl.scorers import Popularity, Scorer

TOP = import_module("reccl.evaluation.top_k")  # the package's name `top_k` is the function
USERS, ITEMS = 12, 30


def scorer_of(seed: int, users: int = USERS, items: int = ITEMS) -> Scorer:
    random = torch.Generator().manual_seed(seed)
    return Scorer(torch.randn(users, 8, generator=random), torch.randn(items, 8, generator=random))


def rows_of(seed: int, count: int, users: int = USERS, items: int = ITEMS) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    pairs = {"user": random.integers(0, users, count), "item": random.integers(0, items, count)}
    return pl.DataFrame(pairs, schema={"user": pl.Int32, "item": pl.Int32}).unique().sort("user", "item")


def items_by_user(rows: pl.DataFrame) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for user, item in rows.select("user", "item").iter_rows():
        found.setdefault(user, set()).add(item)
    return found


def dense(scorer: Scorer, user: int, k: int, hidden: set[int]) -> list[int]:
    """The obvious ranking: sort every item of one user by score, leave out the hidden ones."""
    scores = scorer.user_embeddings[user].double().numpy() @ scorer.item_embeddings.double().numpy().T
    return [int(item) for item in np.argsort(-scores, kind="stable") if int(item) not in hidden][:k]


def small_chunks(monkeypatch: pytest.MonkeyPatch, users: int, items: int) -> None:
    monkeypatch.setattr(TOP, "CHUNK_BYTES", 4 * items * users)


class TestTop:
    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 10_000), k=st.integers(1, ITEMS + 5), known=st.integers(0, 200))
    def test_it_equals_the_dense_ranking(self, seed: int, k: int, known: int) -> None:
        scorer, rows = scorer_of(seed), rows_of(seed + 1, known)
        hidden = items_by_user(rows)
        for users, items, scores in top_k(
            scorer, torch.arange(USERS), k, UserItemCSR.from_interactions(rows, USERS, ITEMS)
        ):
            for user, got, values in zip(users.tolist(), items.tolist(), scores, strict=True):
                kept = [item for item in got if item >= 0]
                assert kept == dense(scorer, user, k, hidden.get(user, set()))
                assert got == kept + [-1] * (len(got) - len(kept))
                assert torch.allclose(
                    values[: len(kept)], scorer.user_embeddings[user] @ scorer.item_embeddings[kept].T, atol=1e-5
                )
                assert torch.isneginf(values[len(kept) :]).all()

    @pytest.mark.parametrize("size", [1, 5, USERS, 1000])
    def test_chunks_of_any_size_give_the_same_lists(self, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        scorer, hidden = scorer_of(0), UserItemCSR.from_interactions(rows_of(1, 60), USERS, ITEMS)
        whole = torch.cat([items for _, items, _ in top_k(scorer, torch.arange(USERS), 10, hidden)])
        small_chunks(monkeypatch, size, ITEMS)
        parts = list(top_k(scorer, torch.arange(USERS), 10, hidden))
        assert len(parts[0][0]) == min(size, USERS)
        assert torch.equal(torch.cat([items for _, items, _ in parts]), whole)
        assert torch.equal(torch.cat([users for users, _, _ in parts]), torch.arange(USERS))

    def test_a_chunk_does_not_overwrite_the_lists_of_the_one_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        small_chunks(monkeypatch, 1, ITEMS)
        scorer = scorer_of(3)
        kept = list(top_k(scorer, torch.arange(USERS), 5))
        assert all(items[0].tolist() == dense(scorer, int(users), 5, set()) for users, items, _ in kept)

    def test_users_may_be_any_and_none(self) -> None:
        scorer = scorer_of(4)
        ((users, items, _),) = top_k(scorer, torch.tensor([7, 2]), 3)
        assert users.tolist() == [7, 2]
        assert items.tolist() == [dense(scorer, 7, 3, set()), dense(scorer, 2, 3, set())]
        assert sum(len(users) for users, _, _ in top_k(scorer, torch.empty(0, dtype=torch.long), 3)) == 0

    def test_a_user_who_knows_everything_gets_an_empty_list(self) -> None:
        everything = pl.DataFrame({"user": [3] * ITEMS, "item": range(ITEMS)})
        ((_, items, _),) = top_k(
            scorer_of(5), torch.tensor([3]), 4, UserItemCSR.from_interactions(everything, USERS, ITEMS)
        )
        assert items.tolist() == [[-1, -1, -1, -1]]


class TestByUser:
    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 10_000), count=st.integers(0, 250))
    def test_contains_equals_looking_into_a_set(self, seed: int, count: int) -> None:
        rows = rows_of(seed, count)
        own, held = items_by_user(rows), UserItemCSR.from_interactions(rows, USERS, ITEMS)
        random = torch.Generator().manual_seed(seed)
        users = torch.randperm(USERS, generator=random)[:7]
        asked = torch.randint(-1, ITEMS, (7, 9), generator=random)
        expected = [
            [item in own.get(user, ()) for item in line]
            for user, line in zip(users.tolist(), asked.tolist(), strict=True)
        ]
        assert held.contains(users, asked).tolist() == expected

    def test_items_are_ascending_each_once_and_counted(self) -> None:
        rows = pl.DataFrame({"user": [1, 1, 1, 0], "item": [4, 2, 4, 9], "rating": [1.0, 2.0, 3.0, 4.0]})
        held = UserItemCSR.from_interactions(rows, 3, 10)
        assert held.start.tolist() == [0, 1, 3, 3]
        assert held.item.tolist() == [9, 2, 4]
        assert held.counts.tolist() == [1, 2, 0]
        place, item = held.gather_pairs(torch.tensor([2, 1, 0]))
        assert (place.tolist(), item.tolist()) == ([1, 1, 2], [2, 4, 9])

    def test_an_empty_place_is_never_contained(self) -> None:
        held = UserItemCSR.from_interactions(pl.DataFrame({"user": [0, 1], "item": [9, 0]}), 2, 10)
        assert not held.contains(torch.tensor([0, 1]), torch.tensor([[-1], [-1]])).any()


def trec(lists: dict[int, list[int]], wanted: dict[int, set[int]], k: int) -> dict[str, dict[str, float]]:
    """The same metrics by trec_eval: name -> user -> value."""
    measures = {
        "ndcg": ir_measures.nDCG @ k,
        "recall": ir_measures.R @ k,
        "precision": ir_measures.P @ k,
        "mrr": ir_measures.RR @ k,
        "hit_rate": ir_measures.Success @ k,
    }
    qrels = [ir_measures.Qrel(str(user), str(item), 1) for user, items in wanted.items() for item in items]
    run = [
        ir_measures.ScoredDoc(str(user), str(item), float(1000 - place))
        for user, items in lists.items()
        for place, item in enumerate(items)
    ]
    names = {measure: name for name, measure in measures.items()}
    found: dict[str, dict[str, float]] = {name: {} for name in measures}
    for entry in ir_measures.iter_calc(list(measures.values()), qrels, run):
        found[names[entry.measure]][entry.query_id] = entry.value
    return found


def require_agreement(data: Dataset, scorer: Scorer, cutoffs: tuple[int, ...]) -> None:
    """Every user's metrics, ours against trec_eval's, on the lists that are really recommended."""
    known, wanted = data.known_before("test"), items_by_user(data.test)
    measured = evaluate(scorer, data.test, known, Evaluation(cutoffs=cutoffs))
    hidden = UserItemCSR.from_interactions(known, len(data.user_ids), len(data.item_ids))
    lists = {
        user: [item for item in items if item >= 0]
        for users, best, _ in top_k(scorer, measured.users, max(cutoffs), hidden)
        for user, items in zip(users.tolist(), best.tolist(), strict=True)
    }
    assert set(lists) == set(wanted)
    for k in cutoffs:
        for name, values in trec(lists, wanted, k).items():
            per_user = measured.per_user[f"{name}_at_{k}"].tolist()
            ours = dict(zip(map(str, measured.users.tolist()), per_user, strict=True))
            assert ours == pytest.approx(values, abs=1e-6), f"{name}_at_{k}"
            assert measured.means()[f"{name}_at_{k}"] == pytest.approx(np.mean(list(values.values())), abs=1e-6)


class TestAgainstTrecEval:
    def test_a_random_model_on_the_planted_world(self, planted_dataset: Dataset) -> None:
        scorer = scorer_of(1, len(planted_dataset.user_ids), len(planted_dataset.item_ids))
        require_agreement(planted_dataset, scorer, (1, 5, 20, 500))

    def test_popularity_on_the_planted_world(self, planted_dataset: Dataset, planted_graph: Graph) -> None:
        require_agreement(planted_dataset, Popularity().build(planted_graph, None), (10, 20))

    @pytest.mark.real_data
    def test_popularity_on_movielens_100k(self, real_data: Path) -> None:
        from reccl.config import load
        from reccl.data.prepare import prepare

        data = prepare(load("smoke", [f"data.root={real_data}"]).data)
        assert data.test.height == pytest.approx(25_000, rel=0.01)
        graph = data.build_graph()
        require_agreement(data, Popularity().build(graph, None), (10, 20))


class TestEvaluate:
    def test_users_without_a_held_out_row_do_not_count(self) -> None:
        rows = pl.DataFrame({"user": [2, 5], "item": [0, 1]}, schema={"user": pl.Int32, "item": pl.Int32})
        measured = evaluate(scorer_of(6), rows, rows.clear(), Evaluation(cutoffs=(ITEMS,)))
        assert measured.users.tolist() == [2, 5]
        assert measured.means()[f"recall_at_{ITEMS}"] == 1

    def test_a_relevant_item_that_is_hidden_still_counts_as_relevant(self) -> None:
        wanted = pl.DataFrame({"user": [0, 0], "item": [1, 2]})
        measured = evaluate(scorer_of(7), wanted, wanted.head(1), Evaluation(cutoffs=(ITEMS,)))
        assert measured.means()[f"recall_at_{ITEMS}"] == 0.5

    def test_a_cutoff_beyond_the_catalog_counts_the_empty_places(self) -> None:
        wanted = pl.DataFrame({"user": [0, 0], "item": [1, 2]})
        means = evaluate(scorer_of(8), wanted, wanted.clear(), Evaluation(cutoffs=(10, 10 * ITEMS))).means()
        assert means[f"recall_at_{10 * ITEMS}"] == 1
        assert means[f"precision_at_{10 * ITEMS}"] == pytest.approx(2 / (10 * ITEMS))

    def test_no_user_at_all_gives_nan_and_no_error(self) -> None:
        nothing = rows_of(0, 0)
        means = evaluate(scorer_of(9), nothing, nothing, Evaluation(cutoffs=(5,))).means()
        assert set(means) == set(Evaluation(cutoffs=(5,)).metric_names())
        assert math.isnan(means["ndcg_at_5"])
        assert means["coverage_at_5"] == 0

    def test_chunks_do_not_change_a_metric(self, monkeypatch: pytest.MonkeyPatch) -> None:
        arguments = scorer_of(10), rows_of(11, 60), rows_of(12, 60), Evaluation(cutoffs=(3, 10))
        whole = evaluate(*arguments).means()
        small_chunks(monkeypatch, 1, ITEMS)
        assert evaluate(*arguments).means() == whole

    def test_coverage_counts_the_items_of_all_lists(self) -> None:
        scorer = Scorer(torch.ones(4, 1), torch.arange(10.0)[:, None])
        wanted = pl.DataFrame({"user": [0, 1], "item": [0, 1]})
        known = pl.DataFrame({"user": [1], "item": [9]})
        means = evaluate(scorer, wanted, known, Evaluation(cutoffs=(2,))).means()
        assert means["coverage_at_2"] == 3 / 10  # 9 and 8 for one user, 8 and 7 for the other

    def test_its_names_are_what_it_measures(self) -> None:
        evaluation = Evaluation(cutoffs=(1, 3))
        result = evaluate(scorer_of(1), rows_of(2, 9), rows_of(3, 0), evaluation)
        assert set(result.means()) == set(evaluation.metric_names())

    def test_an_evaluator_measures_any_number_of_scorers_as_evaluate_does(self, planted_dataset: Dataset) -> None:
        data, known = planted_dataset, planted_dataset.known_before("test")
        evaluator = Evaluator.of(data, "test", Evaluation(), groups=False)
        for seed in (1, 2):
            scorer = scorer_of(seed, 200, 120)
            assert evaluator(scorer).means() == evaluate(scorer, data.test, known, Evaluation()).means()

    def test_an_evaluator_hides_the_rows_that_its_settings_say(self, planted_dataset: Dataset) -> None:
        data, scorer = planted_dataset, scorer_of(1, 200, 120)
        found = Evaluator.of(data, "test", Evaluation(hide="train"), groups=False)(scorer).means()
        assert found == evaluate(scorer, data.test, data.train, Evaluation()).means()
        assert found != evaluate(scorer, data.test, data.known_before("test"), Evaluation()).means()
