"""Sparse EASE: seconds, memory and quality on a catalog that dense EASE cannot hold, and beside it on one that it can.

python benchmarks/sparse_ease.py [--items 100000] [--small 8000] [--neighbors 100]

Each way runs in a process of its own, whose largest resident set is its peak. The data are drawn: clusters of 100
items, popularity by a power law among clusters and within each, 30 draws a user from three clusters and the whole
catalog. Of every user one item is held out, and recall at 20 is that of 2,000 users.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time

import numpy as np
import polars as pl
import torch
from measured import title

from reccl.clock import peak_memory
from reccl.data.graph import Graph
from reccl.scorers import Ease, Popularity, ScorerSettings, SparseEase

CLUSTER, DRAWS, MEASURED = 100, 30, 2000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    for name, default in (("items", 100_000), ("small", 8_000), ("neighbors", 100)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    chosen = arguments.parse_args()
    print(title(f"as many users as items, {DRAWS} draws a user, {chosen.neighbors} neighbors"))
    spawn = multiprocessing.get_context("spawn")
    sparse = SparseEase(neighbors=chosen.neighbors)
    for items, ways in ((chosen.items, [sparse, Popularity()]), (chosen.small, [sparse, Ease(), Popularity()])):
        for settings in ways:
            with spawn.Pool(1) as pool:
                print(pool.apply(measure, (settings, items)), flush=True)


def measure(settings: ScorerSettings, items: int) -> str:
    """Build the scorer of drawn data with so many users and items: a line of figures."""
    graph, held_out = draw(items)
    before, started, busy = peak_memory(torch.device("cpu")), time.perf_counter(), time.process_time()
    scorer = settings.build(graph, None)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = peak_memory(torch.device("cpu"))
    users = torch.arange(MEASURED)
    hits = 0
    for rows in users.split(200):
        scores = scorer.scores(rows)  # [b, I]
        place, own = graph.user_items.gather_pairs(rows)
        scores[place, own] = -torch.inf
        hits += int((scores.topk(20).indices == held_out[rows, None]).sum())
    return (
        f"{items:9,} items  {settings.kind:12s} {seconds:7.1f} s, {busy:.1f} of CPU  peak {peak:5.2f} GiB "
        f"({before:.2f} before)  recall at 20 {hits / MEASURED:.3f}"
    )


def draw(items: int) -> tuple[Graph, torch.Tensor]:
    """A graph of as many users as items, and of every user the item that was left out of it, [U]."""
    random = np.random.default_rng(0)
    clusters = items // CLUSTER
    chance = 1 / (1 + np.arange(clusters)) ** 0.5
    taste = random.choice(clusters, (items, 3), p=chance / chance.sum())  # [U, 3]
    picked = np.take_along_axis(taste, random.integers(0, 3, (items, DRAWS)), 1)  # [U, draws] clusters
    anywhere = random.random(picked.shape) < 0.2
    picked[anywhere] = random.choice(clusters, int(anywhere.sum()), p=chance / chance.sum())
    within = (CLUSTER * random.random(picked.shape) ** 2).astype(int)  # the first are the most popular
    item = picked * CLUSTER + within
    new = (item[:, -1:] != item[:, :-1]).ravel()  # what is held out is not among the others
    user = np.repeat(np.arange(items), DRAWS - 1)
    rows = pl.DataFrame({"user": user[new], "item": item[:, :-1].ravel()[new]})
    return Graph.from_interactions(rows, items, items), torch.from_numpy(item[:, -1])


if __name__ == "__main__":
    main()
