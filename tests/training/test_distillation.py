"""Distillation brings the scores of a tower over features to those of the graph."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import ContentAligned, Encoder, LightGCN
from reccl.errors import TrainingError
from reccl.evaluation import Evaluation, Slices, evaluate
from reccl.scorers import EmbeddingScorer
from reccl.training import FullSoftmax, Objective, TermSettings, Training, fit
from reccl.training.terms import Alignment, Distillation
from reccl.views import Plain

BATCH = Batch(torch.tensor([3, 3, 8, 9]), torch.tensor([5, 7, 5, 11]))
PARTS = ("supervised", "rating", "ranking", "identification")


@pytest.fixture
def encoder(planted_graph: Graph, planted_dataset: Dataset) -> Encoder:
    settings = ContentAligned(base=LightGCN(layers=1), dimension=6, hidden=(9,), dropout=0, replaced=0)
    return settings.build(planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(0))


def value(graph: Graph, encoder: Encoder, term: TermSettings, batch: Batch = BATCH) -> torch.Tensor:
    objective = Objective({"only": term}, graph, torch.Generator().manual_seed(0))
    objective.sample_views()
    return objective(encoder, batch)["only"]


def drawn(graph: Graph, batch: Batch, number: int) -> np.ndarray:
    """What a term with this seed draws: items of [B, number], none of which the row's user is known to like."""
    random, trained = torch.Generator().manual_seed(0), graph.item_degree.nonzero().squeeze(1)

    def some() -> torch.Tensor:
        return trained[torch.randint(len(trained), (len(batch), number), generator=random)]

    items = some()
    for _ in range(3):
        items = torch.where(graph.has_edge(batch.user[:, None], items), some(), items)
    assert not graph.has_edge(batch.user[:, None], items).any()
    return items.numpy()


def cross_entropy(chance: float, logit: float) -> float:
    p = 1 / (1 + np.exp(-logit))
    return -chance * np.log(p) - (1 - chance) * np.log(1 - p)


def sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("qualified", [None, 2.0])
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("only", PARTS)
def test_is_the_papers_equation(
    planted_graph: Graph, encoder: Encoder, similarity: str, qualified: float | None, number: int, only: str
) -> None:
    embeddings = encoder(Plain().sample(planted_graph, torch.Generator()))
    graph, content = embeddings.graph_only, embeddings.content_only
    g_users, g, t = (
        side(None).detach().double().numpy() * 2 for side in (graph.users, graph.items, content.items)
    )  # the encoder below is scaled alike, so that sigmoids are not all a half
    if similarity == "cosine":
        g_users, g, t = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (g_users, g, t))
    heard = np.zeros(planted_graph.num_items)
    for user, item in zip(planted_graph.user.tolist(), planted_graph.item.tolist(), strict=True):
        heard[item] += 1 / float(planted_graph.user_degree[user])
    heard /= heard[planted_graph.item_degree.numpy() > 0].mean()
    negatives, expected = drawn(planted_graph, BATCH, number), []
    whole = negatives.ravel()
    for (user, item), own in zip(zip(BATCH.user.tolist(), BATCH.item.tolist(), strict=True), negatives, strict=True):
        w = 1.0 if qualified is None else np.tanh(qualified * min(1.0, heard[item]))
        z, y = g_users[user] @ g.T / 0.3, g_users[user] @ t.T / 0.3
        parts = dict.fromkeys(PARTS, 0.0)
        for j in own:
            parts["supervised"] -= np.log(sigmoid(y[item] - y[j])) / number
            parts["rating"] += (abs(z[item] - y[item]) + abs(z[j] - y[j])) / number
            parts["ranking"] += w * cross_entropy(sigmoid(z[item] - z[j]), y[item] - y[j]) / number
        z_apart = (g[item] @ g[item] - np.mean([g[item] @ g[j] for j in whole])) / 0.3
        y_apart = (t[item] @ t[item] - np.mean([t[item] @ t[j] for j in whole])) / 0.3
        parts["identification"] += w * cross_entropy(sigmoid(z_apart), y_apart)
        expected.append(parts[only])
    with torch.no_grad():
        encoder.base.nodes.mul_(2)
        last = encoder.items.network[-1]
        last.weight.mul_(2)
        last.bias.mul_(2)
    shares = {**dict.fromkeys(PARTS, 0.0), only: 1.0}
    term = Distillation(similarity=similarity, qualifying_scale=qualified, number=number, temperature=0.3, **shares)
    assert value(planted_graph, encoder, term).item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_it_teaches_the_tower_of_items_and_nothing_else(planted_graph: Graph, encoder: Encoder) -> None:
    value(planted_graph, encoder, Distillation()).backward()
    assert encoder.items.network[0].weight.grad.abs().sum() > 0
    assert encoder.base.nodes.grad is None
    assert encoder.users.network[0].weight.grad is None


@pytest.mark.parametrize("size", [64, 1])
def test_is_finite_with_finite_gradients_also_where_every_embedding_is_zero(
    planted_graph: Graph, encoder: Encoder, batch: Batch, size: int
) -> None:
    for scale in (1, 0):
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.mul_(scale)
        encoder.zero_grad()
        some = Batch(batch.user[:size], batch.item[:size])
        loss = value(planted_graph, encoder, Distillation(similarity="cosine"), some)
        loss.backward()
        assert loss.isfinite()
        assert all(each.grad.isfinite().all() for each in encoder.items.parameters() if each.grad is not None)


def test_the_same_seed_gives_the_same_value(planted_graph: Graph, encoder: Encoder) -> None:
    one, again = (value(planted_graph, encoder, Distillation()).item() for _ in range(2))
    assert one == again


def test_items_that_are_not_trained_on_are_no_negatives(planted_dataset: Dataset) -> None:
    """Items 4 and up are unknown, so that whatever their features say changes nothing."""
    rows = planted_dataset.train.filter(pl.col("item") < 4)
    data = replace(planted_dataset, train=rows)
    graph = Graph.from_interactions(rows, 200, 120)
    encoder = ContentAligned(dimension=6, dropout=0).build(graph, data.build_feature_tables(), torch.Generator())
    term, batch = Distillation(number=5), Batch(graph.user[:9], graph.item[:9])
    before = value(graph, encoder, term, batch).item()
    encoder.items.matrix[4:] += 1
    assert value(graph, encoder, term, batch).item() == before
    encoder.items.matrix[:4] += 1
    assert value(graph, encoder, term, batch).item() != before


@pytest.mark.parametrize("bare", [True, False], ids=["another encoder", "no features of items"])
def test_without_a_tower_of_items_it_says_what_is_needed(
    planted_graph: Graph, planted_dataset: Dataset, bare: bool
) -> None:
    data = replace(planted_dataset, item_table=None)
    settings = LightGCN() if bare else ContentAligned()
    encoder = settings.build(planted_graph, data.build_feature_tables(), torch.Generator())
    with pytest.raises(TrainingError, match=r"a tower over features of items: use encoder\.kind=content_aligned"):
        value(planted_graph, encoder, Distillation())


def cold_and_warm(data: Dataset, objective: dict[str, TermSettings]) -> tuple[float, float]:
    """NDCG@10 of cold items among themselves, and of warm ones, after a few epochs; every fifth item is cold."""
    strange = pl.col("item") % 5 == 0
    train = data.train.filter(~strange)
    graph, made = Graph.from_interactions(train, 200, 120), replace(data, train=train)
    random = torch.Generator().manual_seed(0)
    settings = ContentAligned(dimension=16, base=LightGCN(layers=1), hidden=(32,), replaced=0)
    encoder, whole = settings.build(graph, made.build_feature_tables(), random), Objective(objective, graph, random)
    fit(encoder, whole, graph, Training(epochs=20, batch_size=512, learning_rate=0.01), seed=0)
    with torch.no_grad():
        scorer = EmbeddingScorer(similarity="cosine").build(graph, encoder(Plain().sample(graph, random)))
    found = evaluate(scorer, data.test, train, Evaluation(), Slices.of(train, 200, 120)).means()
    return found["cold/ndcg_at_10"], found["warm/ndcg_at_10"]


def test_cold_items_of_the_planted_world_are_ranked_far_better_than_by_an_untaught_tower(
    planted_dataset: Dataset,
) -> None:
    ranking = FullSoftmax()
    untaught, warm = cold_and_warm(planted_dataset, {"ranking": ranking})
    term = Distillation(similarity="cosine", temperature=0.2)
    taught, still = cold_and_warm(planted_dataset, {"ranking": ranking, "distillation": term})
    aligned, _ = cold_and_warm(planted_dataset, {"ranking": ranking, "alignment": Alignment()})
    assert taught > 1.7 * untaught
    assert taught > 0.9 * aligned
    assert still == pytest.approx(warm, rel=0.02)  # the teacher's lists are left alone, but for rounding
