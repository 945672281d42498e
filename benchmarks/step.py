"""Step: what one training step of the graph methods costs on Gowalla, paired: the methods take turns.

python benchmarks/step.py [--data gowalla] [--batch 2048] [--layers 2] [--steps 20]

A step is encoding, loss, backward pass and Adam. Sampling views happens once an epoch; its cost is added per step.
Ratios are of steps taken one after the other (their median) and of each method's fastest step, which other work on the
machine disturbs least.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch
from measured import title

from reccl.config import load
from reccl.data.batches import count_batches, iterate_batches
from reccl.data.prepare import prepare
from reccl.training import Objective
from reccl.training.fit import sum_losses
from reccl.training.state import make_optimizer

METHODS = ("lightgcn", "xsimgcl", "simgcl", "sgl-ed", "sl-lightgcn")


class Stepper:
    """One method, ready to take steps."""

    def __init__(self, method: str, chosen: argparse.Namespace) -> None:
        overrides = [f"data={chosen.data}", f"encoder.layers={chosen.layers}", f"training.batch_size={chosen.batch}"]
        experiment = load(f"methods/{method}", overrides)
        data = prepare(experiment.data)
        self.graph = data.build_graph()
        generator = torch.Generator().manual_seed(0)
        self.encoder = experiment.encoder.build(self.graph, data.build_feature_tables(), generator)
        self.objective = Objective(experiment.objective, self.graph, generator)
        self.optimizer = make_optimizer(self.encoder, experiment.training)
        self.batches = iterate_batches(self.graph, chosen.batch, generator)
        started = time.perf_counter()
        self.objective.sample_views()
        self.sampling = (time.perf_counter() - started) / count_batches(self.graph, chosen.batch)

    def step(self) -> float:
        """Milliseconds of one step."""
        batch = next(self.batches)
        started = time.perf_counter()
        loss = sum_losses(self.objective(self.encoder, batch))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return 1000 * (time.perf_counter() - started + self.sampling)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", default="gowalla")
    arguments.add_argument("--batch", type=int, default=2048)
    arguments.add_argument("--layers", type=int, default=2)
    arguments.add_argument("--steps", type=int, default=20)
    chosen = arguments.parse_args()
    steppers = {method: Stepper(method, chosen) for method in METHODS}
    for stepper in steppers.values():
        stepper.step()
    times = {method: [] for method in METHODS}
    for _ in range(chosen.steps):
        for method, stepper in steppers.items():
            times[method].append(stepper.step())
    print(title(f"{chosen.data}, batch {chosen.batch:,}, {chosen.layers} layers, D 64, {chosen.steps} paired steps"))
    for method, values in times.items():
        base = times["lightgcn"]
        ratio = median(value / other for value, other in zip(values, base, strict=True))
        fastest = f"fastest {min(values):8.1f} ms  {min(values) / min(base):5.2f} x"
        print(f"{method:12s} median {median(values):8.1f} ms  {ratio:5.2f} x lightgcn  {fastest}")


if __name__ == "__main__":
    main()
