"""The important rooms on a CUDA device give what they give on the processor.

Every test also runs with the processor as the device, so that no line of it waits for a machine that has one.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reccl.config import Experiment, resolve
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.evaluation import Evaluator
from reccl.evaluation.top_k import top_k
from reccl.fitting import TrainedModel, learn
from reccl.scorers import Scorer
from reccl.training import Callback, Checkpoints
from reccl.views import AnyView, EdgeDrop, Noise, Plain, Svd
from tests.training.test_precision import Losses
from tests.training.test_resume import Kill, KilledError, again

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
DATA = {"pipeline": "table", "interactions": "buys.csv"}
NO_CHANCE = {
    "lightgcn": {"encoder": {"kind": "lightgcn", "dimension": 16}},
    "matrix factorization": {"encoder": {"kind": "matrix_factorization", "dimension": 16}},
    "two-tower": {"encoder": {"kind": "two_tower", "dimension": 16, "hidden": [16], "dropout": 0.0}},
}
"""Encoders whose training draws nothing on the device: parameters and batches are drawn on the processor."""
VIEWS = {"plain": Plain(), "edges dropped": EdgeDrop(rate=0.3), "svd": Svd(rank=4), "noise": Noise(length=0.1)}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Where the test runs."""
    return torch.device(request.param)


def config(part: str, **training: object) -> Experiment:
    ranking = {"kind": "full_softmax", "temperature": 0.1, "reverse": 0.5}
    training = {"epochs": 3, "batch_size": 700, "learning_rate": 0.05, "checkpoint_seconds": 0, **training}
    written = {"name": "planted", "data": DATA, "objective": {"ranking": ranking}, **NO_CHANCE[part]}
    return resolve(written, {"training": training})


def train(
    part: str, data: Dataset, device: torch.device, callback: Callback | None = None, **training: object
) -> TrainedModel:
    return learn(config(part, **training), data, device, callback)


@pytest.mark.parametrize("name", VIEWS)
def test_a_product_and_its_gradient_are_those_of_the_processor(
    name: str, planted_graph: Graph, device: torch.device
) -> None:
    view: AnyView = VIEWS[name]
    x = torch.randn(planted_graph.num_nodes, 8, generator=torch.Generator().manual_seed(1))
    there = planted_graph.to(device)
    sampled = view.sample(there, torch.Generator(device).manual_seed(0))
    moved = x.to(device).requires_grad_()
    found = sampled.hop(moved, 0)  # without noise, which every device draws for itself
    assert found.device.type == device.type
    (found.square().sum() / 2).backward()
    matrix = sampled.matrix(0)
    dense = (matrix @ torch.eye(planted_graph.num_nodes, device=device)).cpu()  # [N, N]
    torch.testing.assert_close(found.detach().cpu(), dense @ x, atol=1e-5, rtol=1e-4)
    assert moved.grad is not None
    torch.testing.assert_close(moved.grad.cpu(), dense.T @ (dense @ x), atol=1e-4, rtol=1e-4)
    if name == "plain":
        torch.testing.assert_close(found.detach().cpu(), planted_graph.adjacency @ x, atol=1e-5, rtol=1e-4)


def test_noise_has_its_length_and_the_sign_of_what_it_is_added_to(planted_graph: Graph, device: torch.device) -> None:
    view = Noise(length=0.1).sample(planted_graph.to(device), torch.Generator(device).manual_seed(0))
    x = torch.randn(planted_graph.num_nodes, 8, generator=torch.Generator().manual_seed(1)).to(device)
    added = view.add_noise(x.clone()) - x
    torch.testing.assert_close(added.norm(dim=1).cpu(), torch.full((len(x),), 0.1), atol=1e-5, rtol=1e-4)
    assert (added * x >= 0).all()


@pytest.mark.parametrize("part", NO_CHANCE)
def test_training_has_the_losses_and_the_metrics_of_the_processor(
    part: str, planted_dataset: Dataset, device: torch.device
) -> None:
    ours, theirs = Losses(), Losses()
    here, there = train(part, planted_dataset, CPU, ours), train(part, planted_dataset, device, theirs)
    assert there.scorer.device.type == device.type
    assert theirs.losses["ranking"] == pytest.approx(ours.losses["ranking"], rel=1e-4)
    assert there.fit.best == pytest.approx(here.fit.best, abs=0.01)
    assert here.fit.best > 0.1


def test_a_tower_in_bfloat16_has_about_the_losses_of_float32(planted_dataset: Dataset, device: torch.device) -> None:
    losses = {precision: Losses() for precision in ("float32", "bfloat16")}
    for precision, callback in losses.items():
        train("two-tower", planted_dataset, device, callback, precision=precision)
    half, whole = (losses[precision].losses["ranking"] for precision in ("bfloat16", "float32"))
    assert half == pytest.approx(whole, rel=0.02)


def test_lists_are_those_of_the_processor(planted_dataset: Dataset, device: torch.device) -> None:
    generator = torch.Generator().manual_seed(2)
    users, items = (torch.randn(count, 16, generator=generator) for count in (200, 3000))
    here, there = Scorer(users, items), Scorer(users, items).to(device)
    lists = [
        torch.cat([found.cpu() for _, found, _ in top_k(scorer, torch.arange(200, device=scorer.device), 10)])
        for scorer in (here, there)
    ]
    assert torch.equal(*lists)


@pytest.mark.parametrize("kind", ["ease", "sparse_ease", "graph_filter", "svd", "item_knn", "popularity"])
def test_closed_forms_measure_what_they_measure_on_the_processor(
    kind: str, planted_dataset: Dataset, device: torch.device
) -> None:
    experiment = resolve({"name": "planted", "data": DATA, "scorer": {"kind": kind}, "encoder": None}, {})
    measured = []
    for place in (CPU, device):
        scorer = learn(experiment, planted_dataset, place).scorer
        assert {tensor.device.type for tensor in scorer.tensors().values()} == {place.type}
        evaluator = Evaluator.of(planted_dataset, "test", experiment.evaluation, groups=False, device=place)
        measured.append(evaluator(scorer).means())
    assert measured[1] == pytest.approx(measured[0], abs=0.005)


@pytest.mark.parametrize("part", ["lightgcn", "two-tower"])
def test_a_training_that_was_killed_goes_on_as_if_it_had_not(
    part: str, planted_dataset: Dataset, device: torch.device, tmp_path: Path
) -> None:
    folder, experiment = Checkpoints(tmp_path / "fit", "planted", 0), config(part, epochs=4)
    whole = learn(experiment, planted_dataset, device).scorer
    with pytest.raises(KilledError):
        learn(experiment, planted_dataset, device, Kill("any"), checkpoints=folder)
    resumed = learn(experiment, planted_dataset, device, checkpoints=again(folder)).scorer
    for name, tensor in whole.tensors().items():
        torch.testing.assert_close(resumed.tensors()[name], tensor, atol=1e-4, rtol=1e-3)


def test_without_a_device_a_marked_test_says_why_it_is_skipped_and_fails_where_one_is_asked_for() -> None:
    code = "import sys, pytest, torch; torch.cuda.is_available = lambda: False; sys.exit(pytest.main(sys.argv[1:]))"
    test = f"{Path(__file__)}::test_lists_are_those_of_the_processor"
    command = [sys.executable, "-c", code, test, "-q", "-p", "no:cacheprovider"]
    for asked, says in (("", "this machine has no CUDA device"), ("cuda", "RECCL_DEVICE asks for a CUDA device")):
        environment = {**os.environ, "RECCL_DEVICE": asked}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
        assert says in done.stdout
        assert done.returncode == (1 if asked else 0)
