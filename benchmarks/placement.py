"""Placement: train a method for an epoch, and look where its tensors are.

python benchmarks/placement.py METHOD [--device auto] [--precision float32]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from reccl.config import Experiment, resolve
from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder
from reccl.evaluation import Evaluator
from reccl.training import Objective, fit
from reccl.training.device import resolve_device
from reccl.views import Plain

FAILED = "failed"


class WatchedObjective(Objective):
    """Remembers what of a step was elsewhere than the graph."""

    elsewhere: set[str]

    @override
    def __call__(self, encoder: Encoder, batch: Batch) -> dict[str, Tensor]:
        losses = super().__call__(encoder, batch)
        learned = torch.nn.ModuleDict({"encoder": encoder, "objective": self.term_modules})
        of_batch = {f"batch.{name}": getattr(batch, name) for name in ("user", "item", "weight")}
        named = [*learned.named_parameters(), *learned.named_buffers(), *of_batch.items(), *losses.items()]
        self.elsewhere |= set(find_elsewhere(named, self.graph.device))
        return losses


def check_method(method: str, data: Dataset, device: torch.device, precision: str = "float32") -> dict[str, Any]:
    """Train a method for an epoch, rank and measure; its loss, and under `failed` the tensors that are elsewhere."""
    training = {"epochs": 1, "batch_size": 1024, "precision": precision}
    experiment = resolve(f"methods/{method}", {"training": training})
    graph = data.build_graph(times=experiment.scorer.uses_times()).to(device)
    here = graph.device
    elsewhere = set(find_elsewhere([("graph", graph.user), ("adjacency", graph.adjacency.matrix.values())], here))
    embeddings, loss = None, None
    if experiment.encoder is not None:
        embeddings, loss, others = train(experiment, data, graph)
        elsewhere |= others
    scorer = experiment.scorer.builder(graph).build(embeddings)
    elsewhere |= set(find_elsewhere(scorer.tensors().items(), here))
    metrics = Evaluator.of(data, "test", experiment.evaluation, groups=False, device=device)(scorer).means()
    if not all(0 <= value <= 1 for name, value in metrics.items() if name.startswith(("ndcg", "recall"))):
        return {FAILED: f"metrics {metrics}"}
    return {"loss": loss} | ({FAILED: f"elsewhere: {', '.join(sorted(elsewhere))}"} if elsewhere else {})


def train(experiment: Experiment, data: Dataset, graph: Graph) -> tuple[Embeddings, float, set[str]]:
    """Embeddings of an epoch's training, its loss, and the names of the tensors that were elsewhere."""
    assert experiment.encoder is not None
    features = data.build_feature_tables()
    with torch.random.fork_rng(devices=[]):
        encoder = experiment.encoder.build(graph, features, torch.Generator().manual_seed(0)).to(graph.device)
    objective = WatchedObjective(experiment.objective, graph, torch.Generator(graph.device).manual_seed(0))
    objective.elsewhere = set()
    fitted = fit(encoder, objective, graph, experiment.training, seed=0)
    with torch.no_grad():
        embeddings = objective.transform_for_ranking(encoder(Plain().sample(graph, objective.generator)))
    losses: Mapping[str, float] = fitted.history[0].losses
    return embeddings, sum(losses.values()), objective.elsewhere


def find_elsewhere(named: Iterable[tuple[str, Tensor | None]], device: torch.device) -> list[str]:
    """The names of the tensors that are on another device."""
    return [f"{name} on {tensor.device}" for name, tensor in named if tensor is not None and tensor.device != device]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("method", nargs="?", default="lightgcn")
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--precision", default="float32")
    chosen = arguments.parse_args()
    from gpu import make_up

    print(chosen.method, check_method(chosen.method, make_up(), resolve_device(chosen.device), chosen.precision))


if __name__ == "__main__":
    main()
