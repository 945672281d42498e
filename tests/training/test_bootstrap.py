"""Bootstrap is BUIR's and SelfCF's loss, and items are ranked as both papers rank them."""

import numpy as np
import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Encoder
from reccl.training import Objective
from reccl.training.predictor import LinearPredictor
from reccl.training.terms import Bootstrap
from reccl.views import Plain


def objective_of(graph: Graph, term: Bootstrap) -> Objective:
    made = Objective({"only": term}, graph, torch.Generator().manual_seed(0))
    made.sample_views()
    return made


def tables(graph: Graph, encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    whole = encoder(Plain().sample(graph, torch.Generator()))
    return whole.users(None).detach().double().numpy(), whole.items(None).detach().double().numpy()


def predicted(objective: Objective, x: np.ndarray) -> np.ndarray:
    predictor = objective.modules_of("only")["predictor"]
    weight, bias = (each.detach().double().numpy() for each in (predictor.weight, predictor.bias))
    return np.array([weight @ row + bias for row in x])


def test_is_lees_loss_with_a_target_that_trails_behind(planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
    objective = objective_of(planted_graph, Bootstrap(momentum=0.75, target=Plain()))
    objective(encoder, batch)
    with torch.no_grad():
        encoder.nodes.add_(torch.randn(encoder.nodes.shape, generator=torch.Generator().manual_seed(9)))
    objective.after_step(encoder)
    users, items = tables(planted_graph, encoder)
    target_users, target_items = tables(planted_graph, objective.modules_of("only")["target"].encoder)
    ahead_users, ahead_items = predicted(objective, users), predicted(objective, items)

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    slow = [
        (2 - 2 * cosine(ahead_users[u], target_items[i]) + 2 - 2 * cosine(ahead_items[i], target_users[u])) / 4
        for u, i in zip(batch.user.tolist(), batch.item.tolist(), strict=True)
    ]
    assert objective(encoder, batch)["only"].item() == pytest.approx(np.mean(slow), rel=1e-4)


def test_ranks_by_the_sum_of_both_predictions(planted_graph: Graph, encoder: Encoder) -> None:
    objective = objective_of(planted_graph, Bootstrap())
    objective.build(encoder)
    users, items = tables(planted_graph, encoder)
    paper = predicted(objective, users) @ items.T + users @ predicted(objective, items).T  # [U, I]
    shown = objective.transform_for_ranking(encoder(Plain().sample(planted_graph, torch.Generator())))
    found = (shown.users(None) @ shown.items(None).T).detach().double().numpy()
    apart = paper - found
    assert np.abs(apart - apart.mean(1, keepdims=True)).max() < 1e-5 * np.abs(paper).max()
    assert np.abs(paper - paper.mean(1, keepdims=True)).max() > 0.01
    some = torch.tensor([4, 2])
    torch.testing.assert_close(shown.users(some), shown.users(None)[some])


def test_direct_copy_ranks_by_the_embeddings_themselves(planted_graph: Graph, encoder: Encoder) -> None:
    objective = objective_of(planted_graph, Bootstrap(predictor="direct_copy"))
    objective.build(encoder)
    whole = encoder(Plain().sample(planted_graph, torch.Generator()))
    assert objective.transform_for_ranking(whole) is whole
    assert not list(objective.term_modules.parameters())


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_gradients_reach_the_predictor_and_not_the_target(
    momentum: float | None, planted_graph: Graph, encoder: Encoder, batch: Batch
) -> None:
    objective = objective_of(planted_graph, Bootstrap(momentum=momentum))
    objective(encoder, batch)["only"].backward()
    predictor = objective.modules_of("only")["predictor"]
    assert predictor.weight.grad.abs().sum() > 0
    assert predictor.bias.grad.abs().sum() > 0
    assert encoder.nodes.grad.abs().sum() > 0
    if momentum:
        assert objective.modules_of("only")["target"].encoder.nodes.grad is None


def test_the_target_is_a_constant_where_it_is_the_encoder_itself(
    planted_graph: Graph, encoder: Encoder, batch: Batch
) -> None:
    objective = objective_of(planted_graph, Bootstrap(target=Plain()))
    objective(encoder, batch)["only"].backward()
    found = encoder.nodes.grad.clone()

    def gradient(stopped: bool) -> torch.Tensor:
        """That of the loss as it is written in the papers, with and without the stop."""
        encoder.nodes.grad = None
        whole, predict = (
            encoder(Plain().sample(planted_graph, torch.Generator())),
            objective.modules_of("only")["predictor"],
        )
        users, items = whole.users(batch.user), whole.items(batch.item)
        goals = [side.detach() if stopped else side for side in (items, users)]
        cosines = [
            torch.nn.functional.cosine_similarity(predict(side), goal)
            for side, goal in zip((users, items), goals, strict=True)
        ]
        (1 - sum(cosines) / 2).mean().backward()
        return encoder.nodes.grad.clone()

    torch.testing.assert_close(found, gradient(stopped=True), rtol=1e-3, atol=1e-6)
    assert (gradient(stopped=False) - found).norm() > 0.1 * found.norm()


def test_a_linear_predictor_is_torchs_and_initialized_by_its_generator() -> None:
    made, again = (LinearPredictor(5, torch.Generator().manual_seed(1)) for _ in range(2))
    reference = torch.nn.Linear(5, 5)
    reference.load_state_dict(made.state_dict())
    x = torch.randn(3, 5)
    torch.testing.assert_close(made(x), reference(x))
    assert torch.equal(made.weight, again.weight)
    assert made.weight.abs().max() <= 5**-0.5
