"""Time to LightGCN: how long a run takes to pass LightGCN's published quality, against LightGCN trained as published.

python benchmarks/time_to_lightgcn.py [--config methods/graph-filter.yaml] [--set KEY=VALUE ...] [--steps 20]
python benchmarks/time_to_lightgcn.py --config best.yaml --set training.best_on_test=false

LightGCN's time is that of our own step (a popular library takes about ten times as long, see step.py) with 3 layers and
batches of 2,048, times the steps of an epoch, times the 1,000 epochs of https://github.com/gusye1234/LightGCN-PyTorch,
whose log ends at .1824/.1547 (Recall@20/NDCG@20) on Gowalla; the paper has .1830/.1554. The run's time is everything:
start, preparation, choice on validation rows, refit, evaluation.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch
from measured import title
from step import Stepper

from reccl.config import load
from reccl.data.batches import count_batches
from reccl.data.prepare import prepare

EPOCHS, BATCH = 1000, 2048
FILTER = ["scorer.exact=false", "scorer.rank=512", *(f"scorer.{name}=0.4" for name in ("exponent", "ideal_exponent"))]
"""A graph filter of ChebyCF's rank and exponent."""
PUBLISHED = {"recall_at_20": 0.1830, "ndcg_at_20": 0.1554}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", default="methods/graph-filter.yaml")
    arguments.add_argument("--set", action="append", default=[], help="settings; by default the filter's")
    arguments.add_argument("--steps", type=int, default=20)
    chosen = arguments.parse_args()
    settings = chosen.set or ([*FILTER, "scorer.weight=0.5"] if chosen.config.endswith("graph-filter.yaml") else [])
    print(title(f"gowalla: {chosen.config} {' '.join(settings)} against LightGCN of {EPOCHS:,} epochs"))
    gowalla = prepare(load("methods/lightgcn", ["data=gowalla"]).data)
    lightgcn = Stepper("lightgcn", gowalla, torch.device("cpu"), BATCH, layers=3)
    lightgcn.step()
    step = median(lightgcn.step() for _ in range(chosen.steps)) / 1000  # s
    whole = step * count_batches(lightgcn.graph, BATCH) * EPOCHS

    reccl = Path(sys.executable).with_name("reccl")
    settings += ["data=gowalla", "training.metric=ndcg_at_20", "evaluation.cutoffs=[20]"]
    command = [
        reccl,
        "train",
        "--config",
        chosen.config,
        "--json",
        *(word for one in settings for word in ("--set", one)),
    ]
    started = time.perf_counter()
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    ours = time.perf_counter() - started
    test = json.loads(answer.stdout)[0]["test"]
    reached = ", ".join(f"{name} {test[name]:.4f} (LightGCN {value})" for name, value in PUBLISHED.items())
    passed = all(test[name] >= value for name, value in PUBLISHED.items())
    print(f"{chosen.config}: {ours:.0f} s in all, {'past' if passed else 'not past'} LightGCN: {reached}")
    print(f"LightGCN: {1000 * step:.0f} ms a step, {whole:,.0f} s in all: {whole / ours:.0f} x")


if __name__ == "__main__":
    main()
