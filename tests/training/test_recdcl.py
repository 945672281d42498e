"""RecDCL's two halves are its authors' code: dimensions of features, and targets that remember."""

import numpy as np
import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Encoder
from reccl.losses import polynomial_uniformity
from reccl.training import Objective
from reccl.training.terms import Bootstrap, FeatureContrast, TermSettings
from reccl.views import Plain

D = 8


def objective_of(graph: Graph, encoder: Encoder, term: TermSettings) -> Objective:
    made = Objective({"only": term}, graph, torch.Generator().manual_seed(0))
    made.sample_views()
    made.build(encoder)
    return made


def rows_of(graph: Graph, encoder: Encoder, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    whole = encoder(Plain().sample(graph, torch.Generator()))
    return whole.users(batch.user), whole.items(batch.item)


def slow_projection(objective: Objective, x: np.ndarray) -> np.ndarray:
    """Torch's own layers in the authors' order, on embeddings of unit length."""
    projector = objective.modules_of("only")["projector"]
    layers: list[torch.nn.Module] = []
    for place, weight in enumerate(projector.weights):
        linear = torch.nn.Linear(D, D, bias=False, dtype=torch.double)
        linear.weight.data = weight.detach().double()
        layers.append(linear)
        if place < 2:
            layers += [torch.nn.BatchNorm1d(D, eps=1e-12, dtype=torch.double), torch.nn.ReLU()]
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return torch.nn.Sequential(*layers)(torch.from_numpy(unit)).detach().numpy()


def slow_uniformity(x: np.ndarray, scale: float, offset: float, degree: int) -> float:
    correlation = np.corrcoef(x, rowvar=False)
    return np.log(np.mean([(scale * correlation[k, m] + offset) ** degree for k in range(D) for m in range(D)]))


def test_features_are_contrasted_as_zhang_does(planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
    term = FeatureContrast(weight=2, redundancy_weight=0.3, uniformity_weight=0.7, scale=1.5, offset=0.1, degree=4)
    objective = objective_of(planted_graph, encoder, term)
    users, items = (each.detach().double().numpy() for each in rows_of(planted_graph, encoder, batch))
    x, y = slow_projection(objective, users), slow_projection(objective, items)
    correlation = np.corrcoef(x, y, rowvar=False)[:D, D:]
    slow = sum((1 - correlation[k, k]) ** 2 for k in range(D)) / D
    slow += 0.3 * sum(correlation[k, m] ** 2 for k in range(D) for m in range(D) if k != m) / D
    slow += 0.7 * (slow_uniformity(x, 1.5, 0.1, 4) + slow_uniformity(y, 1.5, 0.1, 4)) / 2
    assert objective(encoder, batch)["only"].item() == pytest.approx(2 * slow, rel=1e-3)


def test_polynomial_uniformity_has_the_gradient_of_the_authors_sums() -> None:
    x = torch.randn(20, D, generator=torch.Generator().manual_seed(1), dtype=torch.double).requires_grad_()
    found = polynomial_uniformity(x, 1.0, 0.0, 4)
    (gradient,) = torch.autograd.grad(found, x)
    z = torch.nn.BatchNorm1d(D, eps=1e-12, affine=False, dtype=torch.double)(x)
    authors = ((z.T @ z) ** 4).mean().log()
    assert found.item() == pytest.approx(authors.item() - 4 * np.log(20), rel=1e-6)
    torch.testing.assert_close(gradient, torch.autograd.grad(authors, x)[0], rtol=1e-5, atol=1e-8)


def test_targets_lie_between_an_embedding_now_and_at_its_last_step(
    planted_graph: Graph, encoder: Encoder, batch: Batch
) -> None:
    term = Bootstrap(history=0.25, target=Plain(), rank_by="embeddings")
    objective = objective_of(planted_graph, encoder, term)
    predictor = objective.modules_of("only")["predictor"]
    last = [each.detach().clone() for each in rows_of(planted_graph, encoder, batch)]
    for step in range(3):
        with torch.no_grad():
            encoder.nodes.add_(torch.randn(encoder.nodes.shape, generator=torch.Generator().manual_seed(step)))
        now = rows_of(planted_graph, encoder, batch)
        targets = [0.25 * before + 0.75 * after.detach() for before, after in zip(last, now, strict=True)]
        cosine = torch.nn.functional.cosine_similarity
        mom_loss = -cosine(predictor(now[0]), targets[1]).mean() / 2 - cosine(predictor(now[1]), targets[0]).mean() / 2
        found = objective(encoder, batch)["only"]
        assert found.item() == pytest.approx(1 + mom_loss.item(), rel=1e-4)
        (expected,) = torch.autograd.grad(mom_loss, encoder.nodes)
        (gradient,) = torch.autograd.grad(found, encoder.nodes)
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-6)
        objective.after_step(encoder)
        last = [each.detach() for each in now]


def test_nodes_outside_the_batch_keep_what_they_were(planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
    objective = objective_of(planted_graph, encoder, Bootstrap(history=0.5, target=Plain()))
    history = objective.modules_of("only")["history"]
    before = history.items.clone()
    with torch.no_grad():
        encoder.nodes.mul_(-1)
    objective(encoder, batch)
    assert torch.equal(history.items, before)
    objective.after_step(encoder)
    moved = (history.items != before).any(1).nonzero().squeeze(1)
    assert torch.equal(moved, batch.item.unique())


def test_lists_are_ranked_by_the_embeddings_alone(planted_graph: Graph, encoder: Encoder) -> None:
    whole = encoder(Plain().sample(planted_graph, torch.Generator()))
    by_embeddings = objective_of(planted_graph, encoder, Bootstrap(rank_by="embeddings"))
    by_predictions = objective_of(planted_graph, encoder, Bootstrap())
    assert by_embeddings.transform_for_ranking(whole) is whole
    assert by_predictions.transform_for_ranking(whole) is not whole
