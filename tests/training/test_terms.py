"""Terms are the losses of the papers over the right pairs; the objective is their weighted sum."""

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder, LightGCN, TwoTower
from reccl.losses import BPR, InfoNCE, Pairs, SupCon
from reccl.negatives import Hard, InBatch, Uniform
from reccl.training import L2, AnyTerm, Contrast, CrossLayer, FullSoftmax, Objective, Ranking, TermSettings
from reccl.training.temperatures import Adaptive, Learnable, Scheduled
from reccl.training.terms import (
    Alignment,
    Bootstrap,
    Bottleneck,
    Distillation,
    FeatureContrast,
    HopMixing,
    ItemItem,
    MixedRanking,
    MixingContrast,
    NeighborhoodAggregation,
    PrototypeContrast,
    ResidualSoftmax,
    SoftmaxAtK,
    StructuralContrast,
    UserItem,
)
from reccl.views import EdgeDrop, Plain, View

ROOM = AnyTerm
TERMS = [
    Ranking(),
    Ranking(loss=BPR(), negatives=Uniform(number=3)),
    Ranking(loss=InfoNCE(popularity_correction=1), symmetric=True),
    Ranking(negatives=Uniform(number=9, shared=True), view=EdgeDrop()),
    FullSoftmax(popularity=0.5, reverse=0.3),
    FullSoftmax(popularity=1, candidates=9),
    Contrast(),
    Contrast(loss=BPR(), first=Plain()),
    CrossLayer(),
    L2(),
    StructuralContrast(),
    PrototypeContrast(clusters=5),
    PrototypeContrast(),
    ItemItem(),
    UserItem(),
    Bootstrap(),
    Bootstrap(predictor="direct_copy"),
    Bootstrap(momentum=0.9, target=Plain()),
    Contrast(momentum=0.9, queue=7),
    Contrast(temperature=Adaptive()),
    Contrast(temperature=Scheduled(), loss=InfoNCE(similarity="dot")),
    CrossLayer(temperature=Adaptive(personal=False)),
    Ranking(temperature=Learnable(initial=0.03), symmetric=True),
    Ranking(temperature=Adaptive(warmup=0, lowest=0.03), symmetric=True),
    Ranking(loss=InfoNCE(popularity_correction=1), queue=7),
    Ranking(negatives=Uniform(number=9, shared=True), queue=7),
    UserItem(negatives=Uniform(number=9, shared=True)),
    UserItem(negatives=InBatch()),
    Ranking(loss=SupCon(), negatives=InBatch(mask_known=True), symmetric=True),
    Ranking(negatives=Hard()),
    Ranking(negatives=InBatch(mask_known=True), queue=7),
    Bottleneck(),
    HopMixing(),
    HopMixing(negatives=InBatch(), number=2, loss=InfoNCE()),
    SoftmaxAtK(),
    SoftmaxAtK(negatives=Uniform(number=5), k=3),
    ResidualSoftmax(),
    NeighborhoodAggregation(),
    FeatureContrast(),
    MixedRanking(),
    MixedRanking(negatives=Uniform(number=9, shared=True)),
    MixingContrast(),
    Bootstrap(history=0.1, target=Plain(), rank_by="embeddings"),
]


class Counting(Encoder):
    """Counts how often it encodes."""

    def __init__(self, inner: Encoder) -> None:
        super().__init__()
        self.inner, self.calls = inner, 0

    def forward(self, view: View) -> Embeddings:
        self.calls += 1
        return self.inner(view)


@pytest.fixture
def encoder(planted_graph: Graph, planted_dataset: Dataset) -> Counting:
    generator = torch.Generator().manual_seed(0)
    return Counting(LightGCN(dimension=8).build(planted_graph, planted_dataset.build_feature_tables(), generator))


def losses(graph: Graph, encoder: Encoder, batch: Batch, **terms: TermSettings) -> dict[str, torch.Tensor]:
    objective = Objective(terms, graph, torch.Generator().manual_seed(0))
    objective.sample_views()
    return objective(encoder, batch)


def value(graph: Graph, encoder: Encoder, batch: Batch, term: TermSettings) -> float:
    """The term alone, without its weight."""
    return losses(graph, encoder, batch, only=term)["only"].item() / term.weight


def rows(graph: Graph, encoder: Encoder, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    embeddings = encoder(Plain().sample(graph, torch.Generator()))
    return embeddings.users(batch.user), embeddings.items(batch.item)


class TestContract:
    def test_builds_from_defaults_and_survives_its_own_dump(self, part: type[TermSettings]) -> None:
        room = TypeAdapter(AnyTerm)
        made = room.validate_python({"kind": part().kind})
        assert made == part()
        assert room.validate_python(room.dump_python(made, mode="json")) == made

    def test_refuses_keys_that_do_not_exist_and_weights_below_zero(self, part: type[TermSettings]) -> None:
        with pytest.raises(ValidationError, match="unknown key 'wieght'; did you mean 'weight'"):
            part.model_validate({"wieght": 1})
        with pytest.raises(ValidationError, match="weight"):
            part(weight=-1)

    def test_its_default_is_among_the_terms_tested_here(self, part: type[TermSettings]) -> None:
        towers = part in (Alignment, Distillation)  # they need some: see test_alignment and test_distillation
        assert towers or any(type(term) is part for term in TERMS)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: f"{term.kind}-{TERMS.index(term)}")
class TestEveryTerm:
    def test_is_finite_with_finite_gradients_also_in_a_batch_of_one(
        self, term: TermSettings, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        for size in (64, 1):
            encoder.zero_grad()
            loss = losses(planted_graph, encoder, Batch(batch.user[:size], batch.item[:size]), only=term)["only"]
            loss.backward()
            assert loss.shape == ()
            assert loss.isfinite()
            assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())

    def test_is_finite_with_finite_gradients_where_every_embedding_is_zero(
        self, term: TermSettings, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        with torch.no_grad():
            encoder.inner.nodes.zero_()
        loss = losses(planted_graph, encoder, batch, only=term)["only"]
        loss.backward()
        assert loss.isfinite()
        assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())

    def test_works_where_rows_are_encoded_on_demand(
        self, term: TermSettings, planted_graph: Graph, planted_dataset: Dataset, batch: Batch
    ) -> None:
        towers = TwoTower(dimension=8, hidden=(4,)).build(
            planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(0)
        )
        if isinstance(term, CrossLayer | StructuralContrast):
            pytest.skip("towers have no layers to look at; that it says so is tested with the term")
        losses(planted_graph, towers, batch, only=term)["only"].backward()
        assert towers.users.ids.grad.isfinite().all()

    def test_the_same_seed_gives_the_same_value(
        self, term: TermSettings, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        first, again = (value(planted_graph, encoder, batch, term) for _ in range(2))
        assert first == again


class TestRanking:
    def test_contrasts_each_user_with_the_batchs_other_items(
        self, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        users, items = rows(planted_graph, encoder, batch)
        same = batch.item[:, None] == batch.item[None, :]
        expected = InfoNCE()(Pairs(users, items, items, same)).item()
        assert value(planted_graph, encoder, batch, Ranking()) == pytest.approx(expected, rel=1e-6)

    def test_symmetric_is_the_mean_of_both_directions(
        self, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        users, items = rows(planted_graph, encoder, batch)
        forth = InfoNCE()(Pairs(users, items, items, batch.item[:, None] == batch.item[None, :]))
        back = InfoNCE()(Pairs(items, users, users, batch.user[:, None] == batch.user[None, :]))
        found = value(planted_graph, encoder, batch, Ranking(symmetric=True))
        assert found == pytest.approx((forth + back).item() / 2, rel=1e-6)

    def test_the_correction_uses_each_items_share_of_training_rows(
        self, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        users, items = rows(planted_graph, encoder, batch)
        log_q = (planted_graph.item_degree / len(planted_graph.user)).log()[batch.item]
        loss, same = InfoNCE(popularity_correction=1.0), batch.item[:, None] == batch.item[None, :]
        expected = loss(Pairs(users, items, items, same, log_q, log_q)).item()
        assert value(planted_graph, encoder, batch, Ranking(loss=loss)) == pytest.approx(expected, rel=1e-6)

    def test_the_other_way_round_it_uses_each_users_share(
        self, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        users, items = rows(planted_graph, encoder, batch)
        loss, same = InfoNCE(popularity_correction=1.0), batch.user[:, None] == batch.user[None, :]
        log_q = (planted_graph.user_degree / len(planted_graph.user)).log()[batch.user]
        forth = value(planted_graph, encoder, batch, Ranking(loss=loss))
        back = loss(Pairs(items, users, users, same, log_q, log_q)).item()
        found = value(planted_graph, encoder, batch, Ranking(loss=loss, symmetric=True))
        assert found == pytest.approx((forth + back) / 2, rel=1e-6)


class TestFullSoftmax:
    def test_is_info_nce_against_the_whole_catalog_both_ways(
        self, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        users, items = rows(planted_graph, encoder, batch)
        whole = encoder(Plain().sample(planted_graph, torch.Generator()))
        other_items = batch.item[:, None] == torch.arange(planted_graph.num_items)
        other_users = batch.user[:, None] == torch.arange(planted_graph.num_users)
        forth = InfoNCE()(Pairs(users, items, whole.items(None), other_items)).item()
        back = InfoNCE()(Pairs(items, users, whole.users(None), other_users)).item()
        assert value(planted_graph, encoder, batch, FullSoftmax()) == pytest.approx(forth, rel=1e-5)
        both = value(planted_graph, encoder, batch, FullSoftmax(reverse=0.3))
        assert both == pytest.approx(forth + 0.3 * back, rel=1e-5)

    def test_user_exponent_one_is_the_mean_over_users_of_their_mean_over_items(
        self, planted_graph: Graph, encoder: Counting
    ) -> None:
        some = (planted_graph.user % 2 == 0) | (planted_graph.item % 3 == 0)  # users of different activity
        rows = pl.DataFrame({"user": planted_graph.user[some].numpy(), "item": planted_graph.item[some].numpy()})
        graph = Graph.from_interactions(rows, planted_graph.num_users, planted_graph.num_items)
        found = value(graph, encoder, Batch(graph.user, graph.item), FullSoftmax(user_exponent=1))
        alone = [
            value(graph, encoder, Batch(graph.user[mine], graph.item[mine]), FullSoftmax())
            for mine in (graph.user == user for user in graph.user.unique())
        ]
        assert found == pytest.approx(np.mean(alone), rel=1e-5)
        assert found != pytest.approx(value(graph, encoder, Batch(graph.user, graph.item), FullSoftmax()), rel=1e-6)

    def test_popularity_weighs_each_candidate_by_a_power_of_its_degree(
        self, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        whole = encoder(Plain().sample(planted_graph, torch.Generator()))
        users, items = (torch.nn.functional.normalize(side(None)) for side in (whole.users, whole.items))
        logits = (users @ items.T / 0.2).detach().double().numpy()
        weight = planted_graph.item_degree.double().numpy() ** -0.5
        slow = [
            np.log((weight * np.exp(logits[user])).sum()) - logits[user, item]
            for user, item in zip(batch.user, batch.item, strict=True)
        ]
        found = value(planted_graph, encoder, batch, FullSoftmax(popularity=-0.5))
        assert found == pytest.approx(np.mean(slow), rel=1e-5)


class TestContrast:
    def test_identical_views_contrast_the_batchs_distinct_nodes_with_themselves(
        self, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        whole = encoder(Plain().sample(planted_graph, torch.Generator()))
        expected = 0.0
        for x in (whole.users(batch.user.unique()), whole.items(batch.item.unique())):
            unit = torch.nn.functional.normalize(x).detach().double().numpy()
            power = np.exp(unit @ unit.T / 0.2)
            expected += np.mean(-np.log(np.diag(power) / power.sum(1)))
        found = value(planted_graph, encoder, batch, Contrast(first=Plain(), second=Plain()))
        assert found == pytest.approx(expected, rel=1e-5)

    def test_a_node_that_stands_twice_in_the_batch_counts_once(
        self, planted_graph: Graph, encoder: Counting, batch: Batch
    ) -> None:
        twice = Batch(batch.user.repeat(2), batch.item.repeat(2))
        assert value(planted_graph, encoder, twice, Contrast()) == value(planted_graph, encoder, batch, Contrast())


def test_l2_is_half_the_squared_length_of_the_batchs_initial_rows(
    planted_graph: Graph, encoder: Counting, batch: Batch
) -> None:
    nodes = encoder.inner.state_dict()["nodes"].double()
    squares = nodes[batch.user].square().sum() + nodes[200 + batch.item].square().sum()
    assert value(planted_graph, encoder, batch, L2()) == pytest.approx(squares.item() / (2 * 64), rel=1e-5)


def test_bootstrap_is_selfcfs_loss_with_directcopys_predictor(
    planted_graph: Graph, encoder: Counting, batch: Batch
) -> None:
    users, items = (side.detach().double().numpy() for side in rows(planted_graph, encoder, batch))
    unit = np.concatenate([users, items])
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    mean = sum(np.outer(x, x) for x in unit) / len(unit)
    predictor = mean / np.linalg.eigvalsh(mean).max() + 0.2 * np.eye(8)

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    pairs = zip(users, items, strict=True)
    slow = [1 - cosine(predictor @ u, i) / 2 - cosine(predictor @ i, u) / 2 for u, i in pairs]
    found = value(planted_graph, encoder, batch, Bootstrap(predictor="direct_copy", floor=0.2, target=Plain()))
    assert found == pytest.approx(np.mean(slow), rel=1e-4)
