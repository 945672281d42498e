"""Mixed negatives are those of MixGCF; the ranking term sees the hardest that its negatives keep; SL@K knows rank K."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Encoder, EncoderSettings, LightGCN, MatrixFactorization
from reccl.losses import BPR, InfoNCE, Pairs, SupCon, hsic
from reccl.negatives import Hard, InBatch, Uniform
from reccl.training import Objective, Ranking, TermSettings
from reccl.training.terms import Bottleneck, HopMixing, SoftmaxAtK, UserItem
from reccl.views import Plain

SEED = 11


def built(settings: EncoderSettings, graph: Graph, data: Dataset) -> Encoder:
    return settings.build(graph, data.build_feature_tables(), torch.Generator().manual_seed(0))


def value(term: TermSettings, encoder: Encoder, graph: Graph, batch: Batch) -> float:
    objective = Objective({"only": term}, graph, torch.Generator().manual_seed(SEED))
    objective.sample_views()
    return objective(encoder, batch)["only"].item()


@pytest.mark.parametrize(
    ("settings", "initial"),
    [
        (LightGCN(dimension=8, layers=2), True),
        (LightGCN(dimension=8, layers=2, initial_weight=0), False),
        (MatrixFactorization(dimension=8), True),
    ],
    ids=["lightgcn", "without layer 0", "matrix factorization"],
)
def test_a_mixed_negative_is_huangs(
    settings: EncoderSettings, initial: bool, planted_dataset: Dataset, planted_graph: Graph, batch: Batch
) -> None:
    encoder = built(settings, planted_graph, planted_dataset)
    pool = Uniform(number=6)
    found = value(HopMixing(negatives=pool, initial=initial), encoder, planted_graph, batch)

    random = torch.Generator().manual_seed(SEED)
    drawn = pool.sample(batch, planted_graph, random)
    embeddings = encoder(Plain().sample(planted_graph, random))
    layers = [layer.items(None) for layer in embeddings.layers] or [embeddings.items(None)]
    layers = [embeddings.initial_items(None), *layers] if initial and embeddings.layers else layers
    tables = [layer.detach().numpy() for layer in layers]
    shares = [torch.rand(len(batch), 1, 1, generator=random).numpy().ravel() for _ in tables]
    users = embeddings.users(batch.user).detach().numpy()
    items = embeddings.items(batch.item).detach().numpy()
    losses = []
    for b in range(len(batch)):
        chosen = []
        for table, share in zip(tables, shares, strict=True):
            mixed = [
                share[b] * table[batch.item[b]] + (1 - share[b]) * table[item]
                for item, hidden in zip(drawn.items[b], drawn.mask[b], strict=True)
                if not hidden
            ]
            chosen.append(max(mixed, key=lambda vector: users[b] @ vector))
        losses.append(np.log(1 + np.exp(users[b] @ np.mean(chosen, 0) - users[b] @ items[b])))
    assert found == pytest.approx(np.mean(losses), rel=1e-4)


def test_ranking_sees_the_hardest_of_the_pool(planted_dataset: Dataset, planted_graph: Graph, batch: Batch) -> None:
    encoder = built(LightGCN(dimension=8), planted_graph, planted_dataset)
    pool = Uniform(number=9)
    found = value(Ranking(loss=InfoNCE(), negatives=Hard(number=2, pool=pool)), encoder, planted_graph, batch)
    drawn = pool.sample(batch, planted_graph, torch.Generator().manual_seed(SEED))
    embeddings = encoder(Plain().sample(planted_graph, torch.Generator()))
    users, items, negatives = (
        embeddings.users(batch.user),
        embeddings.items(batch.item),
        embeddings.items(drawn.items),
    )
    order = (users[:, None] * negatives).sum(2).masked_fill(drawn.mask, -torch.inf).argsort(1, descending=True)
    kept = negatives.gather(1, order[:, :2, None].expand(-1, -1, 8))
    assert found == pytest.approx(InfoNCE()(Pairs(users, items, kept)).item(), rel=1e-5)


def test_ranking_says_which_rows_are_one_users(planted_dataset: Dataset, planted_graph: Graph, batch: Batch) -> None:
    encoder = built(LightGCN(dimension=8), planted_graph, planted_dataset)
    negatives = InBatch(mask_known=True)
    found = value(Ranking(loss=SupCon(), negatives=negatives), encoder, planted_graph, batch)
    embeddings = encoder(Plain().sample(planted_graph, torch.Generator()))
    users, items = embeddings.users(batch.user), embeddings.items(batch.item)
    hidden = planted_graph.has_edge(batch.user[:, None], batch.item[None, :])
    assert len(batch.user.unique()) < len(batch)
    assert found == pytest.approx(SupCon()(Pairs(users, items, items, hidden, group=batch.user)).item(), rel=1e-5)


@pytest.mark.parametrize("negatives", [Uniform(number=9), Uniform(number=9, shared=True)], ids=["own", "shared"])
def test_softmax_at_k_weighs_by_the_rank_among_known_positives_and_negatives(
    negatives: Uniform, planted_dataset: Dataset, planted_graph: Graph, batch: Batch
) -> None:
    encoder = built(MatrixFactorization(dimension=8), planted_graph, planted_dataset)
    term = SoftmaxAtK(k=4, temperature=0.3, weight_temperature=0.5, negatives=negatives)
    found = value(term, encoder, planted_graph, batch)
    drawn = negatives.sample(batch, planted_graph, torch.Generator().manual_seed(SEED))
    hidden = drawn.mask if isinstance(drawn.mask, torch.Tensor) else drawn.mask.to_dense()
    items = drawn.items.expand(len(batch), 9)
    embeddings = encoder(Plain().sample(planted_graph, torch.Generator()))
    tables = (side(None).detach().numpy() for side in (embeddings.users, embeddings.items))
    users, catalog = (table / np.linalg.norm(table, axis=1, keepdims=True) for table in tables)
    losses = []
    for b, (user, item) in enumerate(zip(batch.user.tolist(), batch.item.tolist(), strict=True)):
        scores = catalog @ users[user]
        others = [scores[j] for j, none in zip(items[b].tolist(), hidden[b].tolist(), strict=True) if not none]
        liked = scores[planted_graph.item[planted_graph.user == user].numpy()]
        quantile = sorted([*liked, *others], reverse=True)[3]
        weight = 1 / (1 + np.exp(-(scores[item] - quantile) / 0.5))
        losses.append(weight * np.log(sum(np.exp((s - scores[item]) / 0.3) for s in others)))
    assert found == pytest.approx(np.mean(losses), rel=1e-4)


@pytest.mark.parametrize("term", [HopMixing, UserItem])
def test_terms_that_use_every_negative_refuse_a_choice_by_score(term: type[TermSettings]) -> None:
    with pytest.raises(ValidationError, match="all sampled negatives are used"):
        term(negatives=Hard())


def test_several_mixed_negatives_are_drawn_apart(planted_dataset: Dataset, planted_graph: Graph, batch: Batch) -> None:
    encoder = built(LightGCN(dimension=8), planted_graph, planted_dataset)
    one, two = (value(HopMixing(number=n, loss=InfoNCE()), encoder, planted_graph, batch) for n in (1, 2))
    assert one < two < one + np.log(3)
    assert value(HopMixing(number=1, loss=BPR()), encoder, planted_graph, batch) > 0


def test_the_bottleneck_compares_the_batchs_distinct_nodes_in_two_views(
    planted_dataset: Dataset, planted_graph: Graph, batch: Batch
) -> None:
    encoder = built(LightGCN(dimension=8), planted_graph, planted_dataset)
    found = value(Bottleneck(weight=2, second=Plain()), encoder, planted_graph, batch)
    embeddings = encoder(Plain().sample(planted_graph, torch.Generator()))
    users, items = embeddings.users(batch.user.unique()), embeddings.items(batch.item.unique())
    assert found == pytest.approx(2 * (hsic(users, users, 0.25) + hsic(items, items, 0.25)).item(), rel=1e-5)
