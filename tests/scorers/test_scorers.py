"""A scorer gives every user a number for every item."""

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.encoders.encoder import lookup_in
from reccl.evaluation import Evaluation, Evaluator, HeldOutMetric
from reccl.scorers import EmbeddingScorer, Popularity, ScorerSettings, Svd
from reccl.scorers.selection import AnyScorer, GridSearch

ROOM = AnyScorer


@pytest.fixture
def embeddings(planted_graph: Graph) -> Embeddings:
    random = torch.Generator().manual_seed(0)
    users, items = (
        torch.randn(count, 6, generator=random, requires_grad=True)
        for count in (planted_graph.num_users, planted_graph.num_items)
    )
    return Embeddings(lookup_in(users), lookup_in(items), lookup_in(users), lookup_in(items))


class TestContract:
    def test_builds_from_defaults_and_survives_its_own_dump(self, part: type[ScorerSettings]) -> None:
        room = TypeAdapter(AnyScorer)
        made = room.validate_python({"kind": part().kind})
        assert made == part()
        assert room.validate_python(room.dump_python(made, mode="json")) == made

    def test_refuses_keys_that_do_not_exist(self, part: type[ScorerSettings]) -> None:
        with pytest.raises(ValidationError, match="unknown key 'distance'"):
            part.model_validate({"distance": 1})

    def test_scores_every_item_finitely_and_always_alike(
        self, part: type[ScorerSettings], planted_graph: Graph, embeddings: Embeddings
    ) -> None:
        first, again = (
            part().build(planted_graph, embeddings).scores(torch.arange(planted_graph.num_users)) for _ in range(2)
        )
        assert first.shape == (planted_graph.num_users, planted_graph.num_items)
        assert first.isfinite().all()
        assert not first.requires_grad
        assert torch.equal(first, again)

    def test_scores_of_some_users_are_theirs_among_all_also_in_a_buffer(
        self, part: type[ScorerSettings], planted_graph: Graph, embeddings: Embeddings
    ) -> None:
        scorer, rows = part().build(planted_graph, embeddings), torch.tensor([9, 3, 3])
        buffer = torch.full((3, planted_graph.num_items), torch.nan)
        scorer.scores(rows, out=buffer)
        torch.testing.assert_close(buffer, scorer.scores(torch.arange(planted_graph.num_users))[rows])
        torch.testing.assert_close(scorer.scores(rows), buffer)


@pytest.mark.parametrize("similarity", ["dot", "cosine", "euclidean"])
def test_embedding_scores_are_inner_products_cosines_or_negative_squared_distances(
    planted_graph: Graph, embeddings: Embeddings, similarity: str
) -> None:
    users, items = (side(None).detach().double().numpy() for side in (embeddings.users, embeddings.items))
    expected = users @ items.T
    if similarity == "cosine":
        expected /= np.linalg.norm(users, axis=1)[:, None] * np.linalg.norm(items, axis=1)[None, :]
    if similarity == "euclidean":
        expected = -np.square(users[:, None] - items[None, :]).sum(2)
    found = EmbeddingScorer(similarity=similarity).build(planted_graph, embeddings).scores(torch.arange(200))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_popularity_counts_training_rows_and_is_the_same_for_everybody(
    planted_graph: Graph, planted_dataset: Dataset
) -> None:
    scores = Popularity().build(planted_graph, None).scores(torch.arange(200))
    counted = dict(planted_dataset.train.group_by("item").len().rows())
    assert scores[0].tolist() == [counted[item] for item in range(120)]
    assert (scores == scores[0]).all()


@pytest.mark.parametrize("similarity", ["dot", "cosine", "euclidean"])
def test_an_embedding_scorer_adds_the_logarithm_of_popularity(planted_graph: Graph, similarity: str) -> None:
    random = torch.Generator().manual_seed(0)
    users, items = (
        lookup_in(torch.randn(n, 4, generator=random)) for n in (planted_graph.num_users, planted_graph.num_items)
    )
    embeddings = Embeddings(users, items, users, items)
    plain, biased = (
        EmbeddingScorer(similarity=similarity, popularity=c).build(planted_graph, embeddings) for c in (0, 0.3)
    )
    rows = torch.arange(planted_graph.num_users)
    expected = plain.scores(rows) + 0.3 * planted_graph.item_degree.clamp(min=1).log()
    assert torch.allclose(biased.scores(rows), expected, atol=1e-5)


def test_neighbors_are_those_of_one_normalized_hop(planted_graph: Graph, embeddings: Embeddings) -> None:
    def direct(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    matrix = planted_graph.interactions.toarray().astype(np.float64)  # R
    normal = matrix / np.sqrt(matrix.sum(1)[:, None] * matrix.sum(0)[None, :])
    users, items = (direct(side(None).detach().double().numpy()) for side in (embeddings.users, embeddings.items))
    of_users, of_items = direct(users + 0.3 * direct(normal @ items)), direct(items + 0.3 * direct(normal.T @ users))
    scorer = EmbeddingScorer(similarity="cosine", neighbors=0.3).build(planted_graph, embeddings)
    found = scorer.scores(torch.arange(planted_graph.num_users))
    np.testing.assert_allclose(found.numpy(), of_users @ of_items.T, rtol=1e-4, atol=1e-5)


def test_neighbors_are_added_to_directions_alone() -> None:
    with pytest.raises(ValidationError, match=r"neighbors=0\.3 needs similarity=cosine, not dot"):
        EmbeddingScorer(neighbors=0.3)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_validation_takes_neighbors_where_embeddings_are_noisy_and_the_default_where_nothing_is_gained(
    planted_dataset: Dataset, planted_graph: Graph, noise: float
) -> None:
    random = torch.Generator().manual_seed(0)
    clean = Svd(dimension=4).build(planted_graph, None)  # the planted blocks
    users, items = (
        lookup_in(
            torch.nn.functional.normalize(table)
            + noise * torch.nn.functional.normalize(torch.randn(table.shape, generator=random))
        )
        for table in (clean.user_embeddings, clean.item_embeddings)
    )
    metric = HeldOutMetric.of(Evaluator.of(planted_dataset, "validation", Evaluation()), "ndcg_at_10")
    search = GridSearch(scorer=EmbeddingScorer(similarity="cosine"), grid={"neighbors": [0.3, 1.0]})
    tuned = search.builder(planted_graph).tuned_on(Embeddings(users, items, users, items), metric)
    assert (tuned.settings.scorer.neighbors > 0) == (noise > 0)
