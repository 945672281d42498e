"""AlphaRec is its authors' code in NumPy, and embeds an item that came later where the encoder has it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import AlphaRec, Encoder
from reccl.errors import DataError
from reccl.scorers import EmbeddingScorer
from reccl.views import EdgeDrop, Plain, View


@pytest.fixture
def data(planted_dataset: Dataset) -> Dataset:
    """Items with vectors of five numbers; item 7 is not trained on, nor is user 3."""
    drawn = np.random.default_rng(0).normal(size=(120, 5))
    items = planted_dataset.item_table.with_columns(vector=pl.Series(drawn.tolist()))
    train = planted_dataset.train.filter((pl.col("item") != 7) & (pl.col("user") != 3))
    return replace(planted_dataset, train=train, item_table=items)


def built(settings: AlphaRec, data: Dataset) -> tuple[Encoder, Graph, View]:
    graph = Graph.from_interactions(data.train, 200, 120)
    encoder = settings.build(graph, data.build_feature_tables(), torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer in encoder.network[::2]:
            layer.bias.normal_(generator=torch.Generator().manual_seed(1))
    return encoder, graph, Plain().sample(graph, torch.Generator())


def slow(encoder: Encoder, data: Dataset, layers: int) -> np.ndarray:
    """Users' means, the network with LeakyReLU, the graph and the mean of layers, one step after the other: [N, D]."""
    vectors = np.array(data.item_table["vector"].to_list())
    pairs = list(zip(data.train["user"].to_list(), data.train["item"].to_list(), strict=True))
    edge, people = np.zeros((320, 320)), np.zeros((200, 5))
    for user, item in pairs:
        edge[user, 200 + item] = edge[200 + item, user] = 1
    for user in range(200):
        own = [vectors[item] for someone, item in pairs if someone == user]
        people[user] = np.mean(own, 0) if own else 0
    linear = [layer for layer in encoder.network if isinstance(layer, torch.nn.Linear)]
    x = np.concatenate([people, vectors])
    for place, layer in enumerate(linear):
        x = (np.where(x > 0, x, 0.01 * x) if place else x) @ layer.weight.detach().double().numpy().T
        x = x + layer.bias.detach().double().numpy()
    degree = np.maximum(edge.sum(1), 1)
    normal = edge / np.sqrt(degree[:, None] * degree[None, :])
    return np.mean([np.linalg.matrix_power(normal, hop) @ x for hop in range(layers + 1)], 0)


@pytest.mark.parametrize(("layers", "hidden"), [(2, (7,)), (0, (6, 7)), (3, ())])
def test_is_shengs_code_in_dense_matrices(data: Dataset, layers: int, hidden: tuple[int, ...]) -> None:
    settings = AlphaRec(dimension=4, layers=layers, hidden=hidden, item_features=("vector",))
    encoder, _, view = built(settings, data)
    found = encoder(view)
    both = torch.cat([found.users(None), found.items(None)]).detach().numpy()
    np.testing.assert_allclose(both, slow(encoder, data, layers), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("hidden", [(), (7,), (7, 5)], ids=["linear", "deep", "deeper"])
def test_its_tower_places_a_table_where_the_scorer_has_the_untrained_item(
    data: Dataset, similarity: str, hidden: tuple[int, ...]
) -> None:
    encoder, graph, view = built(AlphaRec(dimension=4, hidden=hidden), data)
    found, settings = encoder.eval()(view), EmbeddingScorer(similarity=similarity)
    scorer, towers = settings.build(graph, found), settings.towers(found)
    torch.testing.assert_close(towers.items.embed(data.item_table[7]), scorer.item_embeddings[7:8])
    assert towers.users is None
    assert encoder.train()(view).towers.items is None


def test_only_the_network_is_trained_and_through_the_graph(data: Dataset) -> None:
    encoder, graph, view = built(AlphaRec(dimension=4, hidden=(7,)), data)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == (encoder.features.shape[1] + 1) * 7 + 8 * 4
    (weight, *_), direction = encoder.parameters(), torch.randn(320, 4, generator=torch.Generator().manual_seed(2))

    def value() -> torch.Tensor:
        found = encoder(view)
        return (torch.cat([found.users(None), found.items(None)]) * direction).sum()

    (gradient,) = torch.autograd.grad(value(), weight)
    ends = []
    for step in (1e-2, -1e-2):
        with torch.no_grad():
            weight[0, 0] += step
            ends.append(value().item())
            weight[0, 0] -= step
    assert gradient[0, 0].item() == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=0.05, abs=1e-3)
    dropped = encoder(EdgeDrop(rate=0.5).sample(graph, torch.Generator().manual_seed(0)))
    assert not torch.allclose(dropped.items(None), encoder(view).items(None))


def test_items_without_such_features_are_refused_in_one_line(data: Dataset) -> None:
    with pytest.raises(DataError, match="embeds items by their features, and the data has none"):
        AlphaRec().check(replace(data, item_table=None).build_feature_tables())
    with pytest.raises(DataError, match="item_features: picture is no feature of the items"):
        AlphaRec(item_features=("vector", "picture")).check(data.build_feature_tables())
