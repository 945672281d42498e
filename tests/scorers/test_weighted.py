"""Closed forms on weights equal dense NumPy; a weight is so many repeated rows; weights of 1 are none."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from reccl.cold_start.fold_in import fold_in
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.data.user_items import UserItemCSR
from reccl.recommend import Model
from reccl.scorers import (
    ChebyshevFilter,
    Ease,
    Elsa,
    GraphFilter,
    Ials,
    ItemKnn,
    Popularity,
    Rp3Beta,
    ScorerSettings,
    Slim,
    SparseEase,
    Svd,
)
from reccl.scorers.selection.blend import Blend
from reccl.scorers.svd import chance_singular_value
from tests.scorers.as_served import require_same_lists

CLOSED = [
    Ease(l2=5),
    Ease(l2=5, user_exponent=0.5),
    ItemKnn(neighbors=7, shrink=2),
    GraphFilter(rank=6, exponent=0.4),
    ChebyshevFilter(rank=6, order=3),
    Svd(dimension=5),
    Svd(dimension=5, normalize=False),
    Svd(dimension=5, cutoff=0.9),
    SparseEase(neighbors=7, l2=5),
    Slim(neighbors=7),
    Rp3Beta(neighbors=7),
    Ials(dimension=5),
    Elsa(dimension=5),
    Popularity(),
]
NAMES = [f"{settings.kind}-{number}" for number, settings in enumerate(CLOSED)]


@pytest.fixture(scope="module")
def rows(planted_dataset: Dataset) -> pl.DataFrame:
    """The planted training rows with whole weights from 1 to 5."""
    train = planted_dataset.train
    return train.with_columns(weight=pl.Series(np.random.default_rng(3).integers(1, 6, train.height).astype(float)))


@pytest.fixture(scope="module")
def graph(rows: pl.DataFrame) -> Graph:
    return Graph.from_interactions(rows, 200, 120)


@pytest.fixture(scope="module")
def dense(rows: pl.DataFrame) -> np.ndarray:
    matrix = np.zeros((200, 120))
    for user, item, weight in rows.select("user", "item", "weight").rows():
        matrix[user, item] = weight
    return matrix


def scored(settings: ScorerSettings, graph: Graph) -> np.ndarray:
    return settings.build(graph, None).scores(torch.arange(graph.num_users)).double().numpy()


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("settings", CLOSED, ids=NAMES)
def test_a_weight_is_so_many_repeated_rows(settings: ScorerSettings, rows: pl.DataFrame, graph: Graph) -> None:
    times = rows["weight"].cast(pl.Int64)
    repeated = rows.select(pl.all().exclude("weight").repeat_by(times)).explode(pl.all())
    again = Graph.from_interactions(repeated.with_columns(weight=pl.lit(1.0)), 200, 120)
    assert again.edge_weight is not None and len(repeated) == rows["weight"].sum()
    assert np.array_equal(scored(settings, graph), scored(settings, again))


@pytest.mark.parametrize("settings", CLOSED, ids=NAMES)
def test_weights_of_one_are_none_to_the_bit(
    settings: ScorerSettings, planted_graph: Graph, planted_dataset: Dataset
) -> None:
    ones = Graph.from_interactions(planted_dataset.train.with_columns(weight=pl.lit(1.0)), 200, 120)
    assert np.array_equal(scored(settings, ones), scored(settings, planted_graph))


@pytest.mark.parametrize("settings", CLOSED, ids=NAMES)
def test_weights_change_the_lists(settings: ScorerSettings, graph: Graph, planted_graph: Graph) -> None:
    best = [np.argsort(-scored(settings, each), 1)[:, :10] for each in (graph, planted_graph)]
    assert not np.array_equal(*best)


@pytest.mark.parametrize("exponent", [0, 0.5])
def test_ease_regresses_weighted_rows_on_each_other(graph: Graph, dense: np.ndarray, exponent: float) -> None:
    own = dense.sum(1, keepdims=True) ** -exponent * dense
    inverse = np.linalg.inv(own.T @ own + 5 * np.eye(120))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    close(scored(Ease(l2=5, user_exponent=exponent), graph), dense @ weights)


def test_item_knn_takes_shrunk_cosines_of_weighted_columns(graph: Graph, dense: np.ndarray) -> None:
    length = np.sqrt((dense**2).sum(0))
    similar = dense.T @ dense / (np.outer(length, length) + 2)
    np.fill_diagonal(similar, 0)
    close(scored(ItemKnn(neighbors=200, shrink=2), graph), dense @ similar)


def test_rp3beta_steps_along_an_edge_by_its_share_of_the_weight(graph: Graph, dense: np.ndarray) -> None:
    to_user, to_item = dense.T / dense.sum(0).clip(1)[:, None], dense / dense.sum(1, keepdims=True)
    walks = to_user @ to_item * dense.sum(0).clip(1) ** -0.4
    np.fill_diagonal(walks, 0)
    close(scored(Rp3Beta(neighbors=120, popularity=0.4), graph), dense @ walks)


def test_filters_and_svd_decompose_the_matrix_over_the_roots_of_its_sums(graph: Graph, dense: np.ndarray) -> None:
    users, items = dense.sum(1) ** -0.5, np.where(dense.sum(0) > 0, dense.sum(0), 1) ** -0.5
    normal = users[:, None] * dense * items
    vectors = np.linalg.svd(normal)[2][:6].T
    low_pass = np.diag(items) @ vectors @ vectors.T @ np.diag(1 / items)
    close(scored(GraphFilter(rank=6), graph), dense @ (normal.T @ normal + 0.3 * low_pass))
    close(scored(Svd(dimension=6), graph), dense @ low_pass)
    plain = np.linalg.svd(dense)[2][:6].T
    close(scored(Svd(dimension=6, normalize=False), graph), dense @ plain @ plain.T)


def test_popularity_is_the_sum_of_weights(graph: Graph, dense: np.ndarray) -> None:
    assert np.array_equal(scored(Popularity(), graph)[0], dense.sum(0))


def test_a_cutoff_of_one_is_where_the_singular_values_of_random_weights_end() -> None:
    random = np.random.default_rng(0)
    dense = (random.random((300, 200)) < 0.2) * random.exponential(1, (300, 200))
    places = np.nonzero(dense)
    table = pl.DataFrame({"user": places[0], "item": places[1], "weight": dense[places]})
    found = chance_singular_value(Graph.from_interactions(table, 300, 200))
    values = np.linalg.svd(dense / np.sqrt(np.outer(dense.sum(1), dense.sum(0))), compute_uv=False)
    assert found == pytest.approx(values[1], rel=0.15)


@pytest.mark.parametrize("settings", [*CLOSED, Blend()], ids=[*NAMES, "blend"])
def test_a_weighted_model_scores_the_same_from_disk_and_as_served(
    settings: ScorerSettings, graph: Graph, rows: pl.DataFrame, planted_dataset: Dataset, tmp_path: Path
) -> None:
    from dataclasses import replace

    data = replace(planted_dataset, train=rows, validation=planted_dataset.validation.with_columns(weight=pl.lit(2.0)))
    model = Model.of(settings.build(graph, None), data)
    require_same_lists(model, tmp_path)
    known = pl.concat([rows.select("item", "weight"), data.validation.select("item", "weight")])
    expected = dict(known.group_by("item").agg(pl.col("weight").sum()).rows())
    assert model.popularity.tolist() == [expected.get(item, 0) for item in range(120)]


@pytest.mark.parametrize("settings", [Ease(l2=5), GraphFilter(rank=6)], ids=["ease", "graph_filter"])
def test_further_items_count_as_a_mean_weight_does(settings: ScorerSettings, graph: Graph, dense: np.ndarray) -> None:
    scorer = settings.build(graph, None)
    item = int(np.flatnonzero(dense[3] == 0)[0])
    new = pl.DataFrame({"user": [3], "item": [item]}, schema={"user": pl.Int32, "item": pl.Int32})
    history = UserItemCSR.from_interactions(new, 200, 120)
    trained = graph.user_items.unweighted
    folded = fold_in(scorer, trained, history)
    again = Graph.from_interactions(
        pl.concat(
            [
                pl.DataFrame(
                    {"user": graph.user.numpy(), "item": graph.item.numpy(), "weight": graph.edge_weight.numpy()}
                ),
                new.with_columns(weight=pl.lit(float(graph.edge_weight.mean()), pl.Float32)),
            ]
        ),
        200,
        120,
    )
    assert torch.allclose(folded.history.values, again.user_items.values)
    assert torch.equal(folded.history.item, again.user_items.item)
    if isinstance(settings, GraphFilter):  # its users are linear in their weighted items, and move so
        row = again.user_items.to_sparse()[3].to_dense()
        own = dense[3] @ np.linalg.lstsq(dense, scorer.user_embeddings.double().numpy(), rcond=None)[0]
        np.testing.assert_allclose(own, scorer.user_embeddings[3], atol=1e-3)
        assert not torch.equal(folded.user_embeddings[3], scorer.user_embeddings[3]) and row.sum() > dense[3].sum()
