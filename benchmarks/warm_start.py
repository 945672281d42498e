"""Warm start: epochs and seconds until training from an earlier run's parameters is as good as a cold start gets.

python benchmarks/warm_start.py [--config movielens ...] [--data ml-100k] [--earlier 0.8 0.9] [--seeds 3] [--epochs 100]

The rows are ordered by time. An earlier run is trained on the first share of them (`--earlier`), itself split by time,
8:1:1, with early stopping as its config says. Then all rows, again split by time, are trained on twice with one seed:
cold, and from the earlier run, for as many epochs as `--epochs`, with validation after each. The target is the best
validation NDCG@10 of the cold start. "epochs" is the first epoch that reaches it, "seconds" the sum of those of the
epochs until then, without validation; "at once" is after one epoch. Mean and deviation over seeds. Test rows are not
read, and with shares up to 0.9 the earlier run reads none of the later validation rows either.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from statistics import mean, stdev

import polars as pl
from measured import title

import reccl
from reccl.data.dataset import Dataset

METRIC = "validation/ndcg_at_10"
EVERY = {"evaluate_every": 1, "patience": None, "refit": False, "schedule": "constant"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", nargs="+", default=["movielens", "methods/softmax-mf", "methods/bpr-mf"])
    arguments.add_argument("--data", default="ml-100k")
    arguments.add_argument("--earlier", nargs="+", type=float, default=[0.8, 0.9])
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=100)
    chosen = arguments.parse_args()
    whole = reccl.load_dataset(chosen.data, progress=False)
    rows = pl.concat([whole.to_frame(part) for part in ("train", "validation", "test")]).sort("timestamp")
    print(title(f"warm start, {chosen.data} by time, {chosen.seeds} seeds, at most {chosen.epochs} epochs"))
    columns = ("cold epochs", "warm epochs", "cold seconds", "warm seconds", "target", "warm best", "warm at once")
    print(f"| config | earlier rows | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 2)}")
    os.chdir(tempfile.mkdtemp())  # runs are recorded below the current folder
    later = split(rows)
    for config in chosen.config:
        measured: dict[float, list[tuple[float | None, ...]]] = {share: [] for share in chosen.earlier}
        for seed in range(1, chosen.seeds + 1):
            settings = {"seed": seed, "progress": False, "training": {**EVERY, "epochs": chosen.epochs}}
            cold = reccl.train(config, later, **settings).history
            for share, found in measured.items():
                first = split(rows.head(int(len(rows) * share)))
                begun = reccl.train(config, first, track=True, seed=seed, progress=False, training={"refit": False})
                found.append(compare(cold, reccl.train(config, later, warm_start=begun.run_id, **settings).history))
        for share, found in measured.items():
            cells = [write(values) for values in zip(*found, strict=True)]
            print(f"| {config} | {share:.0%} | {' | '.join(cells)} |", flush=True)


def compare(cold: pl.DataFrame, warm: pl.DataFrame) -> tuple[float | None, ...]:
    """What the columns say of one seed; None where the warm start never reached the target."""
    target = float(cold[METRIC].max())
    (cold_epochs, cold_seconds), (warm_epochs, warm_seconds) = (until(history, target) for history in (cold, warm))
    return (
        cold_epochs,
        warm_epochs,
        cold_seconds,
        warm_seconds,
        target,
        float(warm[METRIC].max()),
        float(warm[METRIC][0]),
    )


def until(history: pl.DataFrame, target: float) -> tuple[float | None, float | None]:
    """The first epoch whose validation metric is at least the target, and the seconds of the epochs until then."""
    there = history.filter(pl.col(METRIC) >= target)
    if there.is_empty():
        return None, None
    epoch = int(there["epoch"][0])
    return epoch, float(history.filter(pl.col("epoch") <= epoch)["seconds"].sum())


def split(rows: pl.DataFrame) -> Dataset:
    """Train, validation and test by time."""
    return Dataset.from_frame(rows, timestamp="timestamp", split=reccl.splits.Temporal())


def write(values: tuple[float | None, ...]) -> str:
    """Mean and deviation, and how many seeds have no value."""
    there = [value for value in values if value is not None]
    if not there:
        return "never"
    places = 4 if max(there) < 1 else 1
    spread = f" ± {stdev(there):.{places}f}" if len(there) > 1 else ""
    never = f" (never: {len(values) - len(there)})" if len(there) < len(values) else ""
    return f"{mean(there):.{places}f}{spread}{never}"


if __name__ == "__main__":
    main()
