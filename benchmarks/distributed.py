"""Distributed: memory of each process and bytes that it receives in a step, beside the formulas of docs/scaling.md.

python benchmarks/distributed.py [--processes 1 2] [--data gowalla] [--dimension 64] [--layers 3] [--steps 10]

LightGCN with BPR, one negative and L2 (configs/methods/lightgcn.yaml). Every number of processes is a run of its own,
on the CPUs of this machine over its loopback. Memory is what a process holds at most from the moment on at which the
graph is there, over what it held then (Linux's VmHWM and VmRSS); bytes are counted where they are received.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from measured import title

from reccl.config import Experiment, load
from reccl.data.batches import iterate_batches
from reccl.data.graph_memory import EDGE
from reccl.data.prepare import prepare
from reccl.distributed import Group, Shard, join
from reccl.distributed.graph import GraphShard
from reccl.distributed.launch import launch
from reccl.encoders.sharded import shard_encoder
from reccl.forecast import forecast_fit
from reccl.memory import Sizes
from reccl.training import Objective
from reccl.training.fit import sum_losses
from reccl.training.state import TrainingState

CPU, MIB = torch.device("cpu"), 2**20


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--data", default="gowalla")
    arguments.add_argument("--dimension", type=int, default=64)
    arguments.add_argument("--layers", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=10)
    arguments.add_argument("--as-rank", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.as_rank:
        with join(CPU) as group:
            measure(chosen, group)
        return
    print(title(f"LightGCN on {chosen.data}, D {chosen.dimension}, {chosen.layers} layers, {chosen.steps} steps"))
    for processes in chosen.processes:
        with TemporaryDirectory() as folder:
            os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(MIB))  # what is freed goes back to the system
            launch(processes, [*sys.argv, "--as-rank", folder])
            for rank in range(processes):
                found = json.loads((Path(folder) / f"{rank}.json").read_text())
                print(f"{processes} processes, rank {rank}: " + "; ".join(f"{key} {found[key]}" for key in found))


def measure(chosen: argparse.Namespace, group: Group) -> None:
    """Take steps on this rank, and write what they cost."""
    keys = f"data={chosen.data}", f"encoder.dimension={chosen.dimension}", f"encoder.layers={chosen.layers}"
    experiment = load("methods/lightgcn", list(keys))
    data = prepare(experiment.data)
    graph, features, batch_size = data.build_graph(), data.build_feature_tables(), experiment.training.batch_size
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
    before, shard = held("VmRSS"), None
    encoder = experiment.encoder.build(graph, features, torch.Generator().manual_seed(0))
    if group.size > 1:
        shard = Shard.of(graph.num_users, graph.num_items, group)
        shard_encoder(encoder, shard)
        graph = GraphShard.of(graph, shard)
    objective = Objective(experiment.objective, graph, torch.Generator().manual_seed(0), group)
    state = TrainingState(encoder, objective, experiment.training, 0, 1, shard)
    objective.begin_epoch(0.0)
    encoder.train()
    group.traffic.clear()
    times = []
    for _, batch in zip(range(chosen.steps), iterate_batches(graph, batch_size, state.order), strict=False):
        started = time.perf_counter()
        state.optimizer.zero_grad()
        sum_losses(objective(encoder, batch)).backward()
        state.finish_gradients(experiment.training.max_grad_norm)
        state.optimizer.step()
        times.append(1000 * (time.perf_counter() - started))
    nodes, edges, processes = graph.num_nodes, len(graph.user), group.size
    received = sum(group.traffic.values()) / chosen.steps / MIB
    sizes = Sizes(graph.num_users, graph.num_items, edges, 0, batch_size, chosen.dimension, False, processes, False)
    found = {
        "entries of its matrix": len(graph.adjacency.matrix.values()),
        "MiB received a step": round(received, 2),
        "formula": round(expect_received(nodes, batch_size, chosen, processes) / MIB, 2),
        **{kind: round(number / chosen.steps / MIB, 2) for kind, number in group.traffic.items()},
        "MiB held": round(held("VmHWM") - before),
        "formula of MiB": round(expect_held(experiment, sizes) / MIB),
        "ms a step": round(median(times)),
    }
    (chosen.as_rank / f"{group.rank}.json").write_text(json.dumps(found))


def expect_received(nodes: int, batch: int, chosen: argparse.Namespace, processes: int) -> float:
    """4 D (W - 1) / W (2 L N + 2 K B) bytes: L layers there and back, and K = 5 rows of each of B interactions: of a
    user, an item and a negative, and of the first two in layer 0 for L2.
    """
    rows = 2 * chosen.layers * nodes + 2 * 5 * batch
    return 4 * chosen.dimension * (processes - 1) / processes * rows


def expect_held(experiment: Experiment, sizes: Sizes) -> int:
    """Bytes of training beyond the data and the graph's edges, as a run estimates them before it begins; of a rank that
    writes no checkpoint.
    """
    phases = {phase.name: phase for phase in forecast_fit("", experiment, sizes, 0, ())}
    return phases["training"].bytes - 3 * EDGE * sizes.interactions


def held(what: str) -> float:
    """MiB that the process holds, by its status."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
