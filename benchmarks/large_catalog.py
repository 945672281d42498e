"""Large catalog: quality against time of the softmax over all items, over drawn ones, and over those of the batch.

python benchmarks/large_catalog.py [--only NAME ...]                         Gowalla, 40,981 items, 4 epochs
python benchmarks/large_catalog.py --items 1000000 --seconds 40              made-up data of so many items

Matrix factorization with D 64, cosine, temperature .1. All ways estimate one loss, the softmax over the catalog with
all items alike: from all items; from about so many drawn ones (`full_softmax` with `candidates`); from the items of the
batch, corrected by the logarithm of their popularity (logQ). Batches of the first two are of whole users, with about
16,384 interactions, those of the last of 2,048 random interactions; learning rates are .0075 and .003. On Gowalla
embeddings start at the graph's main directions, elsewhere at random numbers. Training stops after so many epochs, or
after the step in which the process has computed so many seconds in steps (user and system).

Made-up data: 60,000 users with 20 interactions each, of which three are held out for 1,000 of them. Every 500 items are
a cluster. A user has three clusters, the n-th of all with probability ~ n^-.5; nine in ten interactions are with items
of these, the n-th of a cluster with probability ~ n^-.8, the others with those of any cluster. Every item has one more
interaction, with a user who has its cluster, so that it is in the catalog.

Quality is that on validation rows; nothing is chosen, no test row is read. Memory is the most that was held in steps
beyond what was held before the first, when parameters were there, and their gradients and moments were not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import polars as pl
import torch
from measured import held, restart_peak, title

from reccl.config import Experiment, resolve
from reccl.data.batches import Batch, iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.data.prepare import prepare
from reccl.evaluation import Evaluator
from reccl.training import Objective
from reccl.training.fit import sum_losses
from reccl.training.state import make_optimizer
from reccl.views import Plain

BY_USER = {"batch_size": 16_384, "batch_by": "user", "learning_rate": 0.0075}
BY_ROW = {"batch_size": 2048, "learning_rate": 0.003}
SOFTMAX = {"kind": "full_softmax", "temperature": 0.1}
IN_BATCH = {"kind": "ranking", "loss": {"kind": "info_nce", "temperature": 0.1, "popularity_correction": 1.0}}
WAYS = {
    "all": (SOFTMAX, BY_USER),
    "16,384 drawn": (SOFTMAX | {"candidates": 16_384}, BY_USER),
    "4,096 drawn": (SOFTMAX | {"candidates": 4096}, BY_USER),
    "1,024 drawn": (SOFTMAX | {"candidates": 1024}, BY_USER),
    "in batch, logQ": (IN_BATCH, BY_ROW),
}
USERS, ROWS, HELD_OUT, MEASURED, CLUSTER = 60_000, 20, 3, 1000, 500


def make_up(items: int, seed: int) -> Dataset:
    """Users with clusters of items, and a power law among clusters and within them."""
    random = np.random.default_rng(seed)
    clusters = items // CLUSTER
    near = 1 / np.arange(1, CLUSTER + 1) ** 0.8
    wide = 1 / np.arange(1, clusters + 1) ** 0.5
    own = random.choice(clusters, (USERS, 3), p=wide / wide.sum())  # [U, 3]
    picked = np.take_along_axis(own, random.integers(0, 3, (USERS, ROWS)), 1)  # [U, rows]
    strange = random.random((USERS, ROWS)) < 0.1
    picked[strange] = random.integers(0, clusters, int(strange.sum()))
    place = random.choice(CLUSTER, (USERS, ROWS), p=near / near.sum())
    first = own.ravel().argsort(kind="stable")  # (user, cluster) pairs by cluster
    start = np.searchsorted(own.ravel()[first], np.arange(clusters + 1))
    nth = np.repeat(np.arange(clusters), CLUSTER)  # [I] cluster of each item
    someone = first[(start[nth] + random.random(items) * np.diff(start)[nth]).astype(np.int64)] // 3  # [I]
    user = np.concatenate([np.repeat(np.arange(USERS), ROWS), someone])
    item = np.concatenate([(picked * CLUSTER + place).ravel(), np.arange(items)])
    part = np.where((user < MEASURED) & (np.arange(len(user)) % ROWS < HELD_OUT), "validation", "train")
    part[USERS * ROWS :] = "train"
    item = random.permutation(items)[item]  # ids say nothing of clusters
    rows = pl.DataFrame({"user": user, "item": item, "part": part})
    return Dataset.from_frame(
        rows.sort("part").unique(["user", "item"], keep="first", maintain_order=True), part="part"
    )


def batches_of(graph: Graph, experiment: Experiment, generator: torch.Generator) -> Iterator[Batch | None]:
    """Batches of one epoch after another, None after each."""
    while True:
        yield from iterate_batches(graph, experiment.training.batch_size, generator, experiment.training.batch_by)
        yield None


def measure(way: str, chosen: argparse.Namespace) -> str:
    ranking, training = WAYS[way]
    start = {"kind": "normal"} if chosen.items else {"kind": "spectral", "deviation": 0.1}
    changes = {
        "data": "gowalla",
        "seed": chosen.seed,
        "encoder": {"kind": "matrix_factorization", "dimension": 64, "initialization": start},
        "objective": {"ranking": ranking},
        "scorer": {"kind": "embedding", "similarity": "cosine"},
        "training": training | {"metric": "ndcg_at_20"},
        "evaluation": {"cutoffs": [20]},
    }
    experiment = resolve({"name": way}, changes)
    data = make_up(chosen.items, chosen.seed) if chosen.items else prepare(experiment.data)
    graph, generator = data.build_graph(), torch.Generator().manual_seed(chosen.seed)
    assert experiment.encoder is not None
    encoder = experiment.encoder.build(graph, data.build_feature_tables(), generator)
    objective = Objective(experiment.objective, graph, generator)
    optimizer = make_optimizer(encoder, experiment.training)
    restart_peak()
    before, seconds, steps, epochs = held("VmRSS"), 0.0, 0, 0
    objective.begin_epoch(0)
    for batch in batches_of(graph, experiment, generator):
        if batch is None:
            epochs += 1
            objective.begin_epoch(0)
        if epochs == chosen.epochs or (chosen.seconds and seconds >= chosen.seconds):
            break
        if batch is None:
            continue
        started = time.process_time()
        optimizer.zero_grad()
        sum_losses(objective(encoder, batch)).backward()
        optimizer.step()
        seconds, steps = seconds + time.process_time() - started, steps + 1
    peak = held("VmHWM") - before
    with torch.no_grad():
        embeddings = encoder.eval()(Plain().sample(graph, generator))
    scorer = experiment.scorer.builder(graph).build(embeddings)
    evaluator = Evaluator.of(data, "validation", experiment.evaluation, groups=False, device=graph.device)
    found, passes = evaluator(scorer).means(), steps * experiment.training.batch_size / len(graph.user)
    quality = f"{found['ndcg_at_20']:.4f} | {found['recall_at_20']:.4f}"
    each = 1000 * seconds / steps
    return f"| {graph.num_items:,} | {way} | {each:.0f} | {peak:.0f} | {seconds:.0f} | {passes:.1f} | {quality} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--items", type=int, default=0, help="made-up data of so many items, a multiple of 500")
    arguments.add_argument("--epochs", type=int, help="by default 4 on Gowalla")
    arguments.add_argument("--seconds", type=float, help="by default 40 on made-up data")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))
    arguments.add_argument("--here", action="store_true", help="measure the one way in this process")
    chosen = arguments.parse_args()
    if chosen.epochs is None and chosen.seconds is None:
        chosen.epochs, chosen.seconds = (None, 40) if chosen.items else (4, None)
    if chosen.here:
        print(measure(chosen.only[0], chosen))
        return
    print(title(f"softmax over large catalogs, D 64, seed {chosen.seed}"), flush=True)
    print("| items | candidates | ms a step | MiB | CPU s | epochs | NDCG@20 | Recall@20 |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    stop = [f"--{name}={value}" for name in ("epochs", "seconds") if (value := getattr(chosen, name)) is not None]
    given = [f"--items={chosen.items}", f"--seed={chosen.seed}", *stop, "--here", "--only"]
    for way in chosen.only:
        done = subprocess.run([sys.executable, __file__, *given, way], check=True, capture_output=True, text=True)
        print(done.stdout.strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
