"""Sampled propagation: quality, time and memory of LightGCN that does not propagate over the whole graph every step.

python benchmarks/sampled_propagation.py [--data gowalla] [--epochs 3] [--layers 2] [--seed 0] [--only NAME ...]

gowalla.yaml (in-batch softmax from a spectral start, a learning rate that falls to zero) with D 64 and that many layers
and epochs, each way in a process of its own. Quality is NDCG@20 of the last epoch on validation rows, of exact
embeddings; nothing is chosen, and no test row is read. Time is what the process computed in its steps (user and
system), memory the most that it held in the steps of the first epoch beyond what it held when training began.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import torch
from measured import held, restart_peak, title

from reccl.config import load
from reccl.data.prepare import prepare
from reccl.fitting import learn
from reccl.training import Callback
from reccl.training.epoch import Epoch

WAYS = {
    "full": [],
    "full, batch 8,192": ["training.batch_size=8192"],
    "cached, refresh 4": ["encoder.propagation={kind: cached, refresh: 4}"],
    "cached, refresh 16": ["encoder.propagation={kind: cached, refresh: 16}"],
    "sampled, 5 neighbors": ["encoder.propagation={kind: sampled, neighbors: [5]}"],
    "sampled, 5, refresh 20": ["encoder.propagation={kind: sampled, neighbors: [5], refresh: 20}"],
}


class Meter(Callback):
    """What the steps of a fit cost."""

    def __init__(self) -> None:
        self.seconds, self.steps, self.peak, self.score = 0.0, 0, 0.0, 0.0

    def on_fit_start(self, epochs: int, steps: int) -> None:
        restart_peak()
        self.before = held("VmRSS")
        self.since = time.process_time()

    def on_step_end(self) -> None:
        now = time.process_time()
        self.seconds, self.since, self.steps = self.seconds + now - self.since, now, self.steps + 1
        if self.score == 0:
            self.peak = held("VmHWM") - self.before

    def on_epoch_end(self, record: Epoch, best: bool) -> None:
        self.score = record.validation.get("ndcg_at_20", -1.0)  # -1: an epoch without validation
        self.since = time.process_time()


def measure(way: str, chosen: argparse.Namespace) -> str:
    sizes = [f"data={chosen.data}", f"encoder.layers={chosen.layers}", f"training.epochs={chosen.epochs}"]
    plain = ["encoder.dimension=64", "training.refit=false", "training.best_on_test=false", "evaluation.cutoffs=[20]"]
    looks = [f"training.evaluate_every={chosen.epochs}", f"seed={chosen.seed}"]
    experiment = load("gowalla", [*sizes, *plain, *looks, *WAYS[way]])
    meter = Meter()
    learn(experiment, prepare(experiment.data), torch.device("cpu"), meter)
    each = 1000 * meter.seconds / meter.steps
    return f"| {way} | {meter.score:.4f} | {meter.seconds:.0f} | {each:.0f} | {meter.peak:.0f} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", default="gowalla")
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--layers", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))
    arguments.add_argument("--here", action="store_true", help="measure the one way in this process")
    chosen = arguments.parse_args()
    if chosen.here:
        print(measure(chosen.only[0], chosen))
        return
    print(title(f"{chosen.data}, {chosen.layers} layers, D 64, {chosen.epochs} epochs, seed {chosen.seed}"))
    print("| way | validation NDCG@20 | CPU s | ms a step | MiB |\n|---|---|---|---|---|", flush=True)
    given = [f"--{name}={getattr(chosen, name)}" for name in ("data", "epochs", "layers", "seed")]
    for way in chosen.only:
        done = subprocess.run(
            [sys.executable, __file__, *given, "--here", "--only", way], check=True, capture_output=True, text=True
        )
        print(done.stdout.strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
