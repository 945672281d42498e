"""Explanations: contributions add up to a score that is a sum, and are Shapley values of an estimate elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from math import comb

import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.data.user_items import UserItemCSR
from reccl.recommend import Model, extend_model
from reccl.recommend.explain import Explainer
from reccl.scorers import ChebyshevFilter, Ease, Elsa, GraphFilter, ItemKnn, Rp3Beta, Scorer, Slim, SparseEase, Svd
from reccl.scorers.weighted_sum import weighted_sum
from tests.recommend.conftest import model_of

LINEAR: dict[str, Callable[[Graph], Scorer]] = {
    "ease": lambda graph: Ease().build(graph, None),
    "item_knn": lambda graph: ItemKnn().build(graph, None),
    "sparse_ease": lambda graph: SparseEase().build(graph, None),
    "slim": lambda graph: Slim().build(graph, None),
    "rp3beta": lambda graph: Rp3Beta().build(graph, None),
    "elsa": lambda graph: Elsa(dimension=8, epochs=2).build(graph, None),
    "svd": lambda graph: Svd(dimension=8).build(graph, None),
    "svd, soft": lambda graph: Svd(dimension=16, exponent=0.3, cutoff=0.9).build(graph, None),
    "svd, plain": lambda graph: Svd(dimension=8, normalize=False).build(graph, None),
    "graph_filter": lambda graph: GraphFilter().build(graph, None),
    "chebyshev_filter": lambda graph: ChebyshevFilter().build(graph, None),
    "blend": lambda graph: weighted_sum(
        [Svd(dimension=4).build(graph, None), GraphFilter().build(graph, None), Ease().build(graph, None)],
        [0.5, 2.0, 1.0],
    ),
}


def train_rows_alone(data: Dataset) -> Dataset:
    """All known rows are those that the scorer was made from."""
    return replace(data, validation=data.validation.clear(), test=data.test.clear())


@pytest.mark.parametrize("name", LINEAR)
def test_contributions_of_a_linear_scorer_add_up_to_the_score(planted_dataset: Dataset, name: str) -> None:
    data = train_rows_alone(planted_dataset)
    model = Model.of(LINEAR[name](data.build_graph()), data)
    explain = Explainer(extend_model(model))
    for user, item in ((0, 7), (17, 3), (199, 119)):
        found = explain(user, item)
        score = float(model.scorer.scores(torch.tensor([user]))[0, item])
        assert found.exact
        assert found.score == pytest.approx(score, abs=1e-6)
        assert found.contributions["contribution"].sum() == pytest.approx(score, abs=1e-5)
        assert found.rest == pytest.approx(0, abs=1e-5)
        own = data.train.filter(pl.col("user") == user)["item"]
        assert set(found.contributions["item"]) == set(model.item_ids.to_ids(own))


@pytest.mark.parametrize("name", ["ease", "graph_filter", "blend"])
def test_contributions_of_weighted_items_add_up_likewise(planted_dataset: Dataset, name: str) -> None:
    data = train_rows_alone(planted_dataset)
    weighed = [each.with_columns(weight=1.0 + pl.col("item") % 3) for each in (data.train, data.validation, data.test)]
    data = replace(data, train=weighed[0], validation=weighed[1], test=weighed[2])
    model = Model.of(LINEAR[name](data.build_graph()), data)
    found = Explainer(extend_model(model))(17, 3)
    score = float(model.scorer.scores(torch.tensor([17]))[0, 3])
    assert found.exact and found.contributions["contribution"].sum() == pytest.approx(score, rel=1e-4)


@pytest.mark.parametrize("name", ["ease", "item_knn"])
def test_a_contribution_is_what_the_score_loses_without_the_item(planted_dataset: Dataset, name: str) -> None:
    data = train_rows_alone(planted_dataset)
    model = Model.of(LINEAR[name](data.build_graph()), data)
    found = Explainer(extend_model(model))(5, 9)
    first = found.contributions.row(0, named=True)
    left = data.train.filter(
        ~((pl.col("user") == 5) & (pl.col("item") == int(model.item_ids.to_rows(pl.Series([first["item"]]))[0])))
    )
    assert model.scorer.history is not None
    without = replace(model.scorer, history=UserItemCSR.from_interactions(left, 200, len(model.item_ids)))
    lost = float((model.scorer.scores(torch.tensor([5])) - without.scores(torch.tensor([5])))[0, 9])
    assert first["contribution"] == pytest.approx(lost, abs=1e-5)


def test_trained_embeddings_are_split_by_the_shapley_values_of_the_estimate(planted_dataset: Dataset) -> None:
    rows = planted_dataset.train
    short = pl.concat([rows.filter(pl.col("user") != 0), rows.filter(pl.col("user") == 0).head(5)])
    data = train_rows_alone(replace(planted_dataset, train=short))
    model = model_of(data)
    explain = Explainer(extend_model(model))
    user, item = 0, 11
    own = model.known.select_users(torch.tensor([user])).item.tolist()
    estimator = explain.estimator
    assert not estimator.unit_norm
    length = float(model.scorer.user_embeddings[user].norm()) / estimator.mean_length

    def value(some: tuple[int, ...]) -> float:
        """The score of the item by the estimate from some of the user's items."""
        items = torch.tensor(sorted(some), dtype=torch.long)
        history = UserItemCSR(torch.tensor([0, len(items)]), items, len(model.item_ids))
        return float(estimator(history)[0] @ model.scorer.item_embeddings[item]) * length

    found = explain(user, item)
    assert not found.exact
    got = dict(
        zip(model.item_ids.to_rows(found.contributions["item"]), found.contributions["contribution"], strict=True)
    )
    for one in own:
        others = [other for other in own if other != one]
        expected = sum(
            (value((*some, one)) - value(some)) / (len(own) * comb(len(others), size))
            for size in range(len(own))
            for some in combinations(others, size)
        )
        assert got[one] == pytest.approx(expected, abs=1e-5)
    assert found.contributions["contribution"].sum() == pytest.approx(value(tuple(own)) - value(()), abs=1e-5)
    assert found.contributions["share"].abs().sum() == pytest.approx(1, abs=1e-5)


def test_items_of_the_users_own_block_carry_an_item_of_the_block(planted_dataset: Dataset) -> None:
    data = train_rows_alone(planted_dataset)
    scorer = Svd(dimension=8).build(data.build_graph(), None)
    noise = torch.randn(scorer.user_embeddings.shape, generator=torch.Generator().manual_seed(1))
    trained = replace(scorer, user_embeddings=scorer.user_embeddings * (1 + 0.2 * noise))  # no closed form any more
    explain = Explainer(extend_model(Model.of(trained, data)))
    hits = 0
    for user in range(20):
        found = explain(user, user % 4 + 8)
        assert not found.exact
        rows = data.item_ids.to_rows(found.contributions["item"].head(3))
        hits += int((rows % 4 == user % 4).sum())
    assert hits >= 57  # of 60


def test_popularity_is_in_the_rest(planted_dataset: Dataset) -> None:
    data = train_rows_alone(planted_dataset)
    svd = Svd(dimension=8).build(data.build_graph(), None)
    bonus = torch.linspace(0, 1, svd.num_items)[:, None]
    popular = Scorer(
        torch.cat([svd.user_embeddings, torch.ones(200, 1)], 1), torch.cat([svd.item_embeddings, bonus], 1)
    )
    found = Explainer(extend_model(Model.of(popular, data)))(4, 60)
    assert found.exact
    assert found.rest == pytest.approx(float(bonus[60, 0]), abs=1e-5)


def test_nothing_carries_the_score_of_a_user_of_whom_nothing_is_known(model: Model) -> None:
    extended = extend_model(model, new_users=pl.DataFrame({"user": ["zoe"]}))
    found = Explainer(extended)(len(model.user_ids), 3)
    assert found.contributions.is_empty()
    assert (found.source, found.exact) == ("popularity", True)
    assert found.score == found.rest == float(model.popularity[3])


def test_a_new_user_is_explained_by_the_history(model: Model) -> None:
    items = model.item_ids.ids.head(3)
    extended = extend_model(model, history=pl.DataFrame({"user": ["zoe"] * 3, "item": items}))
    found = Explainer(extended)(len(model.user_ids), 30)
    assert found.source == "fold_in"
    assert set(found.contributions["item"]) == set(items)


def test_a_score_stays_exact_where_the_components_that_are_no_sum_are_zero(planted_dataset: Dataset) -> None:
    """Components of content move some users and items alone; the scores of the others are still sums."""
    data = train_rows_alone(planted_dataset)
    plain = Svd(dimension=8).build(data.build_graph(), None)
    users, items = torch.zeros(plain.num_users, 1), torch.zeros(plain.num_items, 1)
    users[5], users[6], items[9], items[11] = 0.7, -0.2, 1.3, 0.4
    scorer = Scorer(torch.cat([plain.user_embeddings, users], dim=1), torch.cat([plain.item_embeddings, items], dim=1))
    explain = Explainer(extend_model(Model.of(scorer, data)))
    for user, item, exact in ((0, 7, True), (5, 7, True), (0, 9, True), (5, 9, False), (6, 11, False)):
        found = explain(user, item)
        assert found.exact == exact
        if exact:
            score = float(scorer.scores(torch.tensor([user]))[0, item])
            assert found.contributions["contribution"].sum() == pytest.approx(score, abs=1e-5)
            assert found.rest == pytest.approx(0, abs=1e-5)
