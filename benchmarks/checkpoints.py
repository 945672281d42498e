"""Checkpoints: what they cost a training, as a ratio: trainings with and without them take turns.

python benchmarks/checkpoints.py [--data ml-100k] [--epochs 40] [--repeats 5] [--seconds 0.5]

`--seconds` is training.checkpoint_seconds, far shorter than the default, so that many are written. The share is also
taken from inside: the seconds spent in writing checkpoints over those of the training.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from measured import title

from reccl.config import load
from reccl.data.prepare import prepare
from reccl.fitting import learn
from reccl.training import Checkpoints


class Timed(Checkpoints):
    """Checkpoints that know how many there were and what they took."""

    def save(self, *arguments: object) -> None:
        """See `Checkpoints`."""
        started = time.perf_counter()
        super().save(*arguments)
        self.times = [*getattr(self, "times", []), time.perf_counter() - started]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", default="ml-100k")
    arguments.add_argument("--epochs", type=int, default=40)
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=0.5)
    chosen = arguments.parse_args()
    experiment = load("movielens", [f"data={chosen.data}", f"training.epochs={chosen.epochs}"])
    data, device = prepare(experiment.data), torch.device("cpu")

    def seconds(checkpoints: Checkpoints | None) -> float:
        started = time.perf_counter()
        learn(experiment, data, device, checkpoints=checkpoints)
        return time.perf_counter() - started

    seconds(None)
    ratios, shares, counts = [], [], []
    for _ in range(chosen.repeats):
        without = seconds(None)
        with TemporaryDirectory(dir=".") as folder:
            kept = Timed(Path(folder) / "fit", "", chosen.seconds)
            whole = seconds(kept)
        ratios.append(whole / without)
        shares.append(sum(kept.times) / whole)
        counts.append(len(kept.times))
    print(title(f"{chosen.data}, movielens.yaml, {chosen.epochs} epochs, {chosen.repeats} pairs"))
    print(f"with / without checkpoints: median {median(ratios):.3f} x, {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"time spent in writing {median(counts):.0f} of them: median {100 * median(shares):.2f} % of the training")


if __name__ == "__main__":
    main()
