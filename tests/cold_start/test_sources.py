"""Users and items about which nothing is known: popularity for the ones, the end of every list for the others."""

import polars as pl
import pytest
import torch

import reccl
from reccl.cold_start.sources import CONTENT, MODEL, POPULARITY, Sources, rank_unknown_by_popularity
from reccl.scorers import Ease, Scorer

CONFIGS = ("methods/svd", "methods/ease", "methods/bpr-mf", "methods/lightgcn", "methods/graph-filter", "movielens")
QUICK = {"epochs": 3, "batch_size": 512, "refit": False}


@pytest.fixture(scope="module")
def rows(planted: pl.DataFrame) -> pl.DataFrame:
    """Ten users and five items have no training row; item 100 is the most popular one."""
    part = pl.when(pl.col("user").is_in([f"u{user:03}" for user in range(10)]) | pl.col("item").is_in([10, 13, 16]))
    part = part.then(pl.lit("test")).when(pl.col("timestamp") // 60 % 10 == 0).then(pl.lit("validation"))
    return planted.with_columns(part.otherwise(pl.lit("train")).alias("part"))


@pytest.fixture(scope="module")
def data(rows: pl.DataFrame) -> reccl.Dataset:
    return reccl.Dataset.from_frame(rows, part="part", split={"kind": "predefined"})


def test_others_keep_their_scores_and_unknown_ones_get_popularity_and_the_end() -> None:
    scorer = Scorer(torch.randn(4, 3), torch.randn(5, 3))
    sources = Sources(torch.tensor([MODEL, POPULARITY, CONTENT, MODEL]), torch.tensor([MODEL, MODEL, POPULARITY, 2, 0]))
    popularity = torch.tensor([3.0, 9.0, 0.0, 0.0, 5.0])
    ranker = rank_unknown_by_popularity(scorer, sources, popularity)
    before, after = (each.scores(torch.arange(4)) for each in (scorer, ranker))
    known = torch.tensor([0, 1, 3, 4])
    torch.testing.assert_close(after[[0, 2, 3]][:, known], before[[0, 2, 3]][:, known])
    assert after[1].argsort(descending=True).tolist()[:3] == [1, 4, 0]
    assert after.argmin(1).tolist() == [2] * 4


def test_where_everything_is_known_the_scorer_is_the_same() -> None:
    scorer = Scorer(torch.randn(2, 3), torch.randn(2, 3))
    known = Sources(torch.zeros(2), torch.zeros(2))
    same = rank_unknown_by_popularity(scorer, known, torch.ones(2))
    assert same.user_embeddings is scorer.user_embeddings and same.item_embeddings is scorer.item_embeddings


def test_unknown_items_stand_last_for_a_scorer_without_vectors_too(planted_graph) -> None:
    ease = Ease().build(planted_graph, None)
    assert ease.user_embeddings.shape[1] == 0
    items = torch.zeros(120, dtype=torch.long).index_fill_(0, torch.arange(3), POPULARITY)
    ranker = rank_unknown_by_popularity(ease, Sources(torch.zeros(200), items), torch.ones(120))
    users = torch.arange(200)
    torch.testing.assert_close(ranker.scores(users)[:, 3:], ease.scores(users)[:, 3:])
    assert (ranker.scores(users)[:, :3].amax(1) < ease.scores(users).amin(1)).all()


@pytest.mark.parametrize("config", CONFIGS)
class TestEveryMethod:
    def test_users_without_training_rows_get_what_is_popular_and_the_source_says_so(
        self, config: str, data: reccl.Dataset, rows: pl.DataFrame
    ) -> None:
        model = reccl.train(config, data, progress=False, **({"training": QUICK} if "ease" not in config else {}))
        lists = model.recommend(users=[f"u{user:03}" for user in range(10)], k=5)
        assert lists["source"].unique().to_list() == ["popularity"]
        known = rows.filter(pl.col("part") != "test")["item"].value_counts(sort=True)
        best = dict(known.iter_rows())
        assert lists.filter(pl.col("rank") == 1)["score"].unique().to_list() == [max(best.values())]
        for (user,), own in lists.group_by("user"):
            counts = [best[item] for item in own.sort("rank")["item"]]
            assert counts == sorted(counts, reverse=True), user

    def test_they_measure_as_popularity_does(self, config: str, data: reccl.Dataset) -> None:
        quick = {"training": QUICK} if "ease" not in config else {}
        model, popular = (
            reccl.train(name, data, progress=False, **more)
            for name, more in ((config, quick), ("methods/popularity", {}))
        )
        for name in ("cold_users/ndcg_at_10", "cold_users/recall_at_20"):
            assert model.metrics["test"][name] == pytest.approx(popular.metrics["test"][name], abs=0.04)  # ties

    def test_items_without_training_rows_stand_in_no_list(self, config: str, data: reccl.Dataset) -> None:
        quick = {"training": QUICK} if "ease" not in config else {}
        lists = reccl.train(config, data, progress=False, **quick).recommend(k=20)
        assert not set(lists["item"]) & {10, 13, 16}


def test_features_place_them_where_there_are_some(rows: pl.DataFrame, planted_users: pl.DataFrame) -> None:
    data = reccl.Dataset.from_frame(rows, users=planted_users, part="part", split={"kind": "predefined"})
    model = reccl.train("methods/two-tower", data, progress=False, training=QUICK)
    assert model.recommend(users=["u003"], k=5)["source"].to_list() == ["content"] * 5


def test_a_random_baseline_stays_random_for_everybody(data: reccl.Dataset) -> None:
    lists = reccl.train("methods/random", data, progress=False).recommend(k=20)
    assert lists["source"].unique().to_list() == ["model"]
    first, second = (lists.filter(user=user)["item"].to_list() for user in ("u000", "u001"))
    assert first != second
    assert set(lists["item"]) >= {10, 13, 16}
