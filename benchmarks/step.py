"""Step: what one training step of the graph methods costs on Gowalla, paired: the methods take turns.

python benchmarks/step.py [--data gowalla] [--batch 2048] [--layers 2] [--steps 20] [--device cpu]

A step is encoding, loss, backward pass and Adam. Sampling views happens once an epoch; its cost is added per step.
Ratios are of steps taken one after the other (their median) and of each method's fastest step, which other work on the
machine disturbs least.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from statistics import median

import torch
from measured import title
from roofline import wait
from torch import Tensor

from reccl.config import load
from reccl.data.batches import Batch, count_batches, iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare
from reccl.training import Objective
from reccl.training.device import resolve_device
from reccl.training.fit import sum_losses
from reccl.training.state import make_optimizer

METHODS = ("lightgcn", "xsimgcl", "simgcl", "sgl-ed", "sl-lightgcn")


class Stepper:
    """One method, ready to take steps.

    Args:
        method: the name of a config in configs/methods.
        data: what it learns from.
        device: where.
        batch: interactions in a step.
        layers: of the encoder, where it has some to choose; None: as the config has them.
        precision: float32 or bfloat16.

    """

    def __init__(
        self,
        method: str,
        data: Dataset,
        device: torch.device,
        batch: int,
        layers: int | None = None,
        precision: str = "float32",
    ) -> None:
        overrides = [f"training.batch_size={batch}", f"training.precision={precision}"]
        overrides += [] if layers is None else [f"encoder.layers={layers}"]
        self.experiment = load(f"methods/{method}", overrides)
        self.device, self.batch, self.graph = device, batch, data.build_graph().to(device)
        generator = torch.Generator(device).manual_seed(0)
        features = data.build_feature_tables()
        assert self.experiment.encoder is not None
        encoder = self.experiment.encoder.build(self.graph, features, torch.Generator().manual_seed(0))
        self.encoder = encoder.to(device)
        self.objective = Objective(self.experiment.objective, self.graph, generator)
        self.objective.build(self.encoder)
        learned = torch.nn.ModuleDict({"encoder": self.encoder, "objective": self.objective.term_modules})
        self.optimizer = make_optimizer(learned, self.experiment.training)
        self.batches = self.iterate()
        started = time.perf_counter()
        self.objective.sample_views()
        wait(device)
        self.sampling = (time.perf_counter() - started) / count_batches(self.graph, batch)

    def iterate(self) -> Iterator[Batch]:
        """Batches of one epoch after the other."""
        order = torch.Generator().manual_seed(0)
        while True:
            yield from iterate_batches(self.graph, self.batch, order, self.experiment.training.batch_by)

    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar."""
        wanted = self.experiment.training.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=wanted):
            return sum_losses(self.objective(self.encoder, batch))

    def take(self) -> Tensor:
        """Take a step; its loss, a scalar on the device."""
        loss = self.loss(next(self.batches))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def step(self) -> float:
        """Milliseconds of one step."""
        return self.steps(1)

    def steps(self, number: int) -> float:
        """Milliseconds of a step, where so many follow each other."""
        wait(self.device)
        started = time.perf_counter()
        for _ in range(number):
            self.take()
        wait(self.device)
        return 1000 * ((time.perf_counter() - started) / number + self.sampling)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", default="gowalla")
    arguments.add_argument("--batch", type=int, default=2048)
    arguments.add_argument("--layers", type=int, default=2)
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--methods", nargs="+", default=METHODS)
    chosen = arguments.parse_args()
    data, device = prepare(load("methods/lightgcn", [f"data={chosen.data}"]).data), resolve_device(chosen.device)
    steppers = {method: Stepper(method, data, device, chosen.batch, chosen.layers) for method in chosen.methods}
    for stepper in steppers.values():
        stepper.step()
    times = {method: [] for method in chosen.methods}
    for _ in range(chosen.steps):
        for method, stepper in steppers.items():
            times[method].append(stepper.step())
    print(title(f"{chosen.data}, batch {chosen.batch:,}, {chosen.layers} layers, D 64, {chosen.steps} paired steps"))
    first = chosen.methods[0]
    for method, values in times.items():
        base = times[first]
        ratio = median(value / other for value, other in zip(values, base, strict=True))
        fastest = f"fastest {min(values):8.1f} ms  {min(values) / min(base):5.2f} x"
        print(f"{method:12s} median {median(values):8.1f} ms  {ratio:5.2f} x {first}  {fastest}")


if __name__ == "__main__":
    main()
