"""Mixed negatives and mixed positives are those of MixRec's code, step by step in NumPy."""

import numpy as np
import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Encoder
from reccl.negatives import Uniform
from reccl.training import Objective
from reccl.training.mixing import permute, sample_shares
from reccl.training.terms import MixedRanking, MixingContrast, TermSettings
from reccl.views import Plain

SEED = 5


def value(term: TermSettings, encoder: Encoder, graph: Graph, batch: Batch) -> torch.Tensor:
    objective = Objective({"only": term}, graph, torch.Generator().manual_seed(0))
    objective.sample_views()
    objective.generator.manual_seed(SEED)
    return objective(encoder, batch)["only"]


def rows_of(graph: Graph, encoder: Encoder, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    whole = encoder(Plain().sample(graph, torch.Generator()))
    return whole.users(batch.user), whole.items(batch.item)


def numpy(x: torch.Tensor) -> np.ndarray:
    return x.detach().double().numpy()


def slow_softmax(x: np.ndarray, positive: np.ndarray, others: np.ndarray, temperature: float) -> float:
    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    losses = []
    for own, to in zip(x, positive, strict=True):
        total = sum(np.exp(cosine(own, other) / temperature) for other in others)
        losses.append(-np.log(np.exp(cosine(own, to) / temperature) / total))
    return float(np.mean(losses))


def test_ranking_mixes_negatives_as_zhang_does(planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
    term = MixedRanking(concentration=0.8, temperature=0.5)
    found = value(term, encoder, planted_graph, batch).item()
    random = torch.Generator().manual_seed(SEED)
    drawn = Uniform(number=1).sample(batch, planted_graph, random)
    assert not drawn.mask.any()
    share = sample_shares(2, 0.8, torch.ones(1, dtype=torch.double), random)[0].item()
    users, items = (numpy(each) for each in rows_of(planted_graph, encoder, batch))
    table = encoder(Plain().sample(planted_graph, torch.Generator())).items(drawn.items.squeeze(1))
    negatives, others = numpy(table), numpy(permute(table, random))
    bpr = np.mean(np.log(1 + np.exp(-(users * items).sum(1) + (users * negatives).sum(1))))
    mixed = share * negatives + (1 - share) * others
    slow = share * bpr + (1 - share) * slow_softmax(users, items, mixed, 0.5)
    assert 0.01 < share < 0.99
    assert found == pytest.approx(slow, rel=1e-4)


def slow_contrast(x: np.ndarray, y: np.ndarray, share: float, collective: np.ndarray) -> float:
    group = sum(weight * row for weight, row in zip(collective, x, strict=True))
    mixed = share * x + (1 - share) * y
    forth = slow_softmax(x, mixed, np.concatenate([y, [group]]), 0.3)
    return share * forth + (1 - share) * slow_softmax(y, mixed, np.concatenate([x, [group]]), 0.3)


def test_contrast_is_zhangs_on_both_sides(planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
    term = MixingContrast(weight=2, temperature=0.3, concentration=0.8)
    found = value(term, encoder, planted_graph, batch)
    random, slow = torch.Generator().manual_seed(SEED), 0.0
    sides = rows_of(planted_graph, encoder, batch)
    collective = numpy(sample_shares(len(batch), 0.8, sides[0], random))
    for x in sides:
        share = sample_shares(2, 0.8, torch.ones(1, dtype=torch.double), random)[0].item()
        slow += slow_contrast(numpy(x), numpy(permute(x, random)), share, collective)
    assert found.item() == pytest.approx(2 * slow, rel=1e-4)


def test_gradients_go_through_the_mixtures(planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
    term = MixingContrast(weight=1, temperature=0.3, concentration=0.8)
    (gradient,) = torch.autograd.grad(value(term, encoder, planted_graph, batch), encoder.nodes)
    node, column = int(batch.user[0]), 3
    assert gradient[node, column] != 0
    values = []
    for step in (1e-2, -1e-2):
        with torch.no_grad():
            encoder.nodes[node, column] += step
        values.append(value(term, encoder, planted_graph, batch).item())
        with torch.no_grad():
            encoder.nodes[node, column] -= step
    assert gradient[node, column].item() == pytest.approx((values[0] - values[1]) / 2e-2, rel=0.05, abs=1e-4)


def test_shares_are_those_of_a_beta_and_a_dirichlet_distribution() -> None:
    random = torch.Generator().manual_seed(0)
    drawn = torch.stack([sample_shares(2, 0.1, torch.ones(1, dtype=torch.double), random) for _ in range(2000)])
    torch.testing.assert_close(drawn.sum(1), torch.ones(2000, dtype=torch.double))
    assert drawn[:, 0].mean().item() == pytest.approx(0.5, abs=0.04)
    assert drawn[:, 0].var().item() == pytest.approx(0.25 / 1.2, rel=0.05)  # of Beta(a, a): 1 / 4 / (2 a + 1)
    assert sample_shares(500, 0.1, torch.ones(1), random).sum().item() == pytest.approx(1)


def test_a_seed_gives_the_same_shares() -> None:
    first, again = (sample_shares(3, 0.5, torch.ones(1), torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)
