"""Large catalog: quality against time of the softmax over all items, over drawn ones, and over those of the batch.

python benchmarks/large_catalog.py --seconds 10                              Gowalla, 40,981 items
python benchmarks/large_catalog.py --items 1000000                           made-up data of so many items

Matrix factorization with D 64, cosine, temperature .1. All ways estimate one loss, the softmax over the catalog with
all items alike: from all items; from about so many drawn ones (`full_softmax` with `candidates`); from the items of the
batch, corrected by the logarithm of their popularity (logQ). Batches of the first two are of whole users, with about
16,384 interactions, those of the last of 2,048 random interactions; learning rates are .0075 and .003. Of half a
million items and more batches are four times as large, since Adam moves all of their rows in every step, and rates .02
and .008. On Gowalla embeddings start at the graph's main directions, elsewhere at random numbers.

Made-up data: see made_up_catalog.py. Two rows say how much there is to learn: the most popular items, and the likeliest
ones by the probabilities that interactions were drawn with, which nothing that learns from interactions can know.

Training goes on until the process has computed so many seconds (user and system) in its steps; quality is that on
validation rows then; nothing is chosen, no test row is read.
Memory is the most that was held in steps beyond what was held before the first, when parameters were there, and their
gradients and moments were not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from made_up_catalog import MadeUp, Sizes, make_up
from measured import held, restart_peak, title

from reccl.config import Experiment, resolve
from reccl.data.batches import Batch, iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.data.prepare import prepare
from reccl.evaluation import EvaluationResult, Evaluator
from reccl.scorers import Popularity
from reccl.training import Objective
from reccl.training.fit import sum_losses
from reccl.training.state import make_optimizer
from reccl.views import Plain

BY_USER = {"batch_size": 16_384, "batch_by": "user", "learning_rate": 0.0075}
BY_ROW = {"batch_size": 2048, "learning_rate": 0.003}
LARGE, LARGER = 500_000, {"batch_size": 4, "learning_rate": 8 / 3}
"""Items from which on batches and learning rates are so many times as large."""
SOFTMAX = {"kind": "full_softmax", "temperature": 0.1}
IN_BATCH = {"kind": "ranking", "loss": {"kind": "info_nce", "temperature": 0.1, "popularity_correction": 1.0}}
WAYS = {
    "all": (SOFTMAX, BY_USER),
    "16,384 drawn": (SOFTMAX | {"candidates": 16_384}, BY_USER),
    "4,096 drawn": (SOFTMAX | {"candidates": 4096}, BY_USER),
    "1,024 drawn": (SOFTMAX | {"candidates": 1024}, BY_USER),
    "in batch, logQ": (IN_BATCH, BY_ROW),
}


@dataclass
class Measured:
    """What a way took, and what it reached."""

    items: int
    quality: list[EvaluationResult] = field(default_factory=list)  # after each of the given seconds
    seconds: float = 0.0  # computed in steps
    steps: int = 0
    peak: float = 0.0  # MiB
    epochs: float = 0.0


def experiment_of(way: str, items: int, seed: int) -> Experiment:
    """The config of a way, on made-up data of so many items, or on Gowalla (0)."""
    ranking, training = WAYS[way]
    start = {"kind": "normal"} if items else {"kind": "spectral", "deviation": 0.1}
    larger = {name: training[name] * factor for name, factor in LARGER.items()} if items >= LARGE else {}
    changes = {
        "data": "gowalla",
        "seed": seed,
        "encoder": {"kind": "matrix_factorization", "dimension": 64, "initialization": start},
        "objective": {"ranking": ranking},
        "scorer": {"kind": "embedding", "similarity": "cosine"},
        "training": training | larger | {"metric": "ndcg_at_20"},
        "evaluation": {"cutoffs": [20]},
    }
    return resolve({"name": way}, changes)


def batches_of(graph: Graph, experiment: Experiment, generator: torch.Generator) -> Iterator[Batch | None]:
    """Batches of one epoch after another, None before each."""
    while True:
        yield None
        yield from iterate_batches(graph, experiment.training.batch_size, generator, experiment.training.batch_by)


def measure(experiment: Experiment, data: Dataset, limits: list[float]) -> Measured:
    """Train, and measure whenever so many seconds were computed."""
    graph, generator = data.build_graph(), torch.Generator().manual_seed(experiment.seed)
    evaluator = Evaluator.of(data, "validation", experiment.evaluation, groups=False, device=graph.device)
    assert experiment.encoder is not None
    made, encoder = Measured(graph.num_items), experiment.encoder.build(graph, data.build_feature_tables(), generator)
    objective = Objective(experiment.objective, graph, generator)
    optimizer = make_optimizer(encoder, experiment.training)
    before, batches = held("VmRSS"), batches_of(graph, experiment, generator)
    for limit in limits:
        restart_peak()
        while made.seconds < limit:
            batch = next(batches)
            if batch is None:
                objective.begin_epoch(0)
                continue
            started = time.process_time()
            optimizer.zero_grad()
            sum_losses(objective(encoder, batch)).backward()
            optimizer.step()
            made.seconds, made.steps = made.seconds + time.process_time() - started, made.steps + 1
            made.epochs += len(batch) / len(graph.user)
        made.peak = max(made.peak, held("VmHWM") - before)
        with torch.no_grad():
            embeddings = encoder.eval()(Plain().sample(graph, generator))
        made.quality.append(evaluator(experiment.scorer.builder(graph).build(embeddings)))
        encoder.train()
    return made


def measure_bounds(made: MadeUp, experiment: Experiment) -> dict[str, EvaluationResult]:
    """Quality of the most popular items, and of those that are likeliest to be drawn."""
    graph = made.data.build_graph()
    evaluator = Evaluator.of(made.data, "validation", experiment.evaluation, groups=False)
    best = evaluator.measure_lists(made.best_lists(evaluator.users, evaluator.seen, 20))
    return {"most popular": evaluator(Popularity().build(graph, None)), "likeliest to be drawn": best}


def write(found: EvaluationResult) -> str:
    """NDCG and recall."""
    means = found.means()
    return f"{means['ndcg_at_20']:.4f}, {means['recall_at_20']:.4f}"


def report(way: str, chosen: argparse.Namespace) -> list[str]:
    """The row of a way, or those of what there is to learn."""
    experiment = experiment_of("all" if way == BOUNDS else way, chosen.items, chosen.seed)
    made_up = make_up(chosen.items, Sizes(), chosen.seed) if chosen.items else None
    if way == BOUNDS:
        bounds = measure_bounds(made_up, experiment) if made_up else {}
        blank = " | " * (4 + len(chosen.seconds))
        return [f"| {chosen.items:,} | {name}{blank}{write(found)} |" for name, found in bounds.items()]
    made = measure(experiment, made_up.data if made_up else prepare(experiment.data), chosen.seconds)
    each = f"{1000 * made.seconds / max(made.steps, 1):,.0f} | {made.peak:,.0f} | {made.epochs:.1f}"
    return [f"| {made.items:,} | {way} | {each} | {' | '.join(write(found) for found in made.quality)} |"]


BOUNDS = "bounds"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--items", type=int, default=0, help="made-up data of so many items, a multiple of 500")
    arguments.add_argument("--seconds", type=float, nargs="+", default=[15, 30, 60])
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", nargs="+", choices=(*WAYS, BOUNDS), default=[*WAYS, BOUNDS])
    arguments.add_argument("--here", action="store_true", help="measure the one way in this process")
    chosen = arguments.parse_args()
    if chosen.here:
        print("\n".join(report(chosen.only[0], chosen)))
        return
    print(title(f"softmax over large catalogs, D 64, seed {chosen.seed}; NDCG@20, Recall@20 after CPU seconds"))
    columns = ["items", "candidates", "ms a step", "MiB", "epochs", *(f"{limit:g} s" for limit in chosen.seconds)]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    limits = [str(limit) for limit in chosen.seconds]
    given = [f"--items={chosen.items}", f"--seed={chosen.seed}", "--seconds", *limits, "--here", "--only"]
    for way in chosen.only:
        done = subprocess.run([sys.executable, __file__, *given, way], check=True, capture_output=True, text=True)
        print("\n".join(line for line in done.stdout.splitlines() if line.startswith("|")), flush=True)


if __name__ == "__main__":
    main()
