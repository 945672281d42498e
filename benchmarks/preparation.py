"""Preparation: a ratings CSV of MovieLens-25M's shape to a split, numbered, stored data set and its graph.

python benchmarks/preparation.py [--rows 25000000] [--kind ratings|pairs] [--peer pandas|none] [--seed 0]

The file is synthetic: power laws of activity and popularity, planted blocks, half stars, times; in MovieLens order, by
user. With `--kind pairs` it is Parquet with two columns of integer ids in random order, of power laws, with 2 users for
every 100 rows and an item for every 200, and no peer. Each way runs in a process of its own, whose peak resident memory
counts; imports count, too. The peer does less: pandas reads, factorizes, draws the test rows from all rows alike and
writes Parquet; it knows no duplicates, no validation rows and no graph.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from measured import title

P = ParamSpec("P")
R = TypeVar("R")
USERS, ITEMS, ROWS = 162_541, 59_047, 25_000_095
"""Of MovieLens-25M; other numbers of rows have users in proportion."""
BLOCKS, OWN = 20, 0.4
"""Of a user's ratings, so many are of the user's own block."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=25_000_000)
    arguments.add_argument("--kind", choices=["ratings", "pairs"], default="ratings")
    arguments.add_argument("--peer", choices=["pandas", "none"], default="pandas")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--way", choices=list(WAYS), help="run one way on --folder, as the subprocesses do")
    arguments.add_argument("--folder", type=Path)
    chosen = arguments.parse_args()
    if chosen.way:
        figures = WAYS[chosen.way](chosen.folder)
        print(json.dumps(figures | {"peak": peak_memory(), "cpu": time.process_time()}))
        return
    print(title(f"preparation of {chosen.rows:,} ratings"))
    with tempfile.TemporaryDirectory(prefix="reccl-preparation-") as folder:
        started = time.perf_counter()
        make = generate if chosen.kind == "ratings" else generate_pairs
        path = make(Path(folder), chosen.rows, np.random.default_rng(chosen.seed))
        size = path.stat().st_size / 2**30
        print(f"{path.name}: {size:.2f} GiB, made in {time.perf_counter() - started:.0f} s")
        ours = report("reccl", Path(folder))
        if chosen.peer != "none" and chosen.kind == "ratings":
            peer = report(chosen.peer, Path(folder))
            print(f"pandas takes {peer[0] / ours[0]:.1f} x the time and {peer[1] / ours[1]:.1f} x the memory")


def generate(folder: Path, rows: int, random: np.random.Generator, block: int = 2_000_000) -> Path:
    """Write ratings.csv with about `rows` ratings (userId, movieId, rating, timestamp), no pair twice."""
    users = max(20, round(USERS * rows / ROWS))
    activity = 20 + random.pareto(1.5, users).clip(max=30) * 70  # at least 20 films each, as in MovieLens
    activity = (activity * rows / activity.sum()).round().astype(np.int64)
    popularity = np.cumsum((120 + np.arange(ITEMS)) ** -1.5)
    film = random.permutation(1 + np.sort(random.choice(4 * ITEMS, ITEMS, replace=False)))  # ids with gaps
    path, edges = folder / "ratings.csv", np.searchsorted(activity.cumsum(), np.arange(0, rows + block, block))
    with path.open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        for start, end in pairwise(edges):
            user = np.repeat(np.arange(start, min(end, users)), activity[start:end] * 5 // 3)
            rank = np.searchsorted(popularity, random.random(len(user)) * popularity[-1])
            own = random.random(len(user)) < OWN
            rank = np.where(own, rank - rank % BLOCKS + user % BLOCKS, rank).clip(max=ITEMS - 1)
            key = np.unique(user * ITEMS + rank)  # pairs drawn twice are one, so more are drawn than stay
            key = np.sort(random.permutation(key)[: activity[start:end].sum()])
            user, item = key // ITEMS, film[key % ITEMS]
            table = {
                "userId": user + 1,
                "movieId": item,
                "rating": random.binomial(9, 0.68, len(key)) / 2 + 0.5,
                "timestamp": 789_652_009 + user * 7919 % 600_000_000 + random.integers(0, 10**7, len(key)),
            }
            pl.DataFrame(table).sort("userId", "movieId").write_csv(file, include_header=False)
    return path


def generate_pairs(folder: Path, rows: int, random: np.random.Generator, block: int = 2_000_000) -> Path:
    """Write pairs.parquet with `rows` pairs of ids (user, item), some of them twice."""
    users, items = max(20, rows // 50), max(20, rows // 200)
    activity = np.cumsum(random.pareto(1.5, users).clip(max=100) + 0.3)
    popularity = np.cumsum((100 + np.arange(items)) ** -1.0)
    path, schema = folder / "pairs.parquet", pa.schema([("user", pa.int64()), ("item", pa.int64())])
    with pq.ParquetWriter(path, schema) as file:
        for start in range(0, rows, block):
            size = min(block, rows - start)
            sides = (np.searchsorted(of, random.random(size) * of[-1]) for of in (activity, popularity))
            file.write_table(pa.table([side.astype(np.int64) for side in sides], schema=schema))
    return path


def report(way: str, folder: Path) -> tuple[float, float]:
    """Run one way in a process of its own and print its stages. Gives seconds and GiB."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(folder)]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    seconds, figures = time.perf_counter() - started, json.loads(done.stdout)
    stages = ", ".join(f"{name} {value:.1f}" for name, value in figures["stages"].items())
    print(f"{way:8s} {seconds:7.1f} s, {figures['cpu']:.1f} s of CPU, peak {figures['peak']:.2f} GiB")
    print(f"         {stages} s\n         {figures['made']}")
    return seconds, figures["peak"]


def ours(folder: Path) -> dict[str, object]:
    """The road of `reccl train`: table pipeline, duplicates, random split per user, row numbers, store, graph."""
    stages: dict[str, float] = {}
    started = time.perf_counter()
    os.environ["RECCL_CACHE"] = str(folder / "cache")
    from reccl.data import prepare, settings, store
    from reccl.data.encoded_interactions import EncodedInteractions
    from reccl.data.ingest.funnel import Funnel
    from reccl.data.splits import RandomPerUser

    stages["import"] = time.perf_counter() - started
    for name, owner, function in (
        ("digest", prepare, "locate_cache"),
        ("read", Funnel, "sink"),
        ("number and sort", EncodedInteractions, "encode"),
        ("split", RandomPerUser, "split"),
        ("gather", EncodedInteractions, "filter"),
        ("write", store, "write"),
    ):
        setattr(owner, function, timed(stages, name, getattr(owner, function)))
    section = {"pipeline": "table", "source": str(folder), "interactions": "pairs.parquet"}
    section |= {"user": "user", "item": "item"}
    if (folder / "ratings.csv").exists():
        section["interactions"] = "ratings.csv"
        section |= {"user": "userId", "item": "movieId", "timestamp": "timestamp", "rating": "rating"}
    data = timed(stages, "whole preparation", prepare.prepare)(settings.validate_data(section))
    before_graph = peak_memory()

    graph = timed(stages, "graph", data.build_graph)()
    with_graph = peak_memory()
    edges = timed(stages, "matrix", lambda: len(graph.adjacency.matrix.values()))()
    sizes = ", ".join(f"{name} {value:,}" for name, value in data.summary().items() if name != "density")
    return {
        "stages": stages,
        "made": f"{sizes}; {edges:,} directed edges; "
        f"peak before the graph {before_graph:.2f} GiB, with it {with_graph:.2f}",
    }


def naive(folder: Path) -> dict[str, object]:
    """What one would write in pandas."""
    stages: dict[str, float] = {}
    started = time.perf_counter()
    import pandas as pd

    stages["import"] = time.perf_counter() - started
    frame = timed(stages, "read", pd.read_csv)(folder / "ratings.csv")

    def encode() -> None:
        for column in ("userId", "movieId"):
            frame[column], _ = pd.factorize(frame[column], sort=True)

    timed(stages, "ids", encode)()
    test = timed(stages, "split", lambda: np.random.default_rng(42).random(len(frame)) < 0.2)()

    def write() -> None:
        for name, mask in (("train", ~test), ("test", test)):
            frame[mask].to_parquet(folder / f"pandas-{name}.parquet")

    timed(stages, "write", write)()
    return {"stages": stages, "made": f"train {int((~test).sum()):,}, test {int(test.sum()):,}"}


def timed(stages: dict[str, float], name: str, work: Callable[P, R]) -> Callable[P, R]:
    """The same work, whose seconds are added up under a name."""

    def measured(*words: P.args, **options: P.kwargs) -> R:
        started = time.perf_counter()
        try:
            return work(*words, **options)
        finally:
            stages[name] = stages.get(name, 0.0) + time.perf_counter() - started

    return measured


def peak_memory() -> float:
    """Most memory that this process has held, GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


WAYS: dict[str, Callable[[Path], dict[str, object]]] = {"reccl": ours, "pandas": naive}


if __name__ == "__main__":
    main()
