"""Roofline: what a device reaches at most, measured, and what a training step needs at least, by formula.

python benchmarks/roofline.py [--device cpu] [--mebibytes 512] [--size 4096]

Bandwidth is that of a copy, bytes read and bytes written; FLOP/s are those of a product of square matrices.
The best of all tries counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.training.device import resolve_device

ENTRY = 8
"""Bytes of an entry of the graph's matrix: a column of 4, a value of 4."""
ADAM = 28
"""Bytes that Adam moves for a number of float32: reads it, its gradient and two moments, writes it and the moments."""
PASSES = {"lightgcn": (1, 0), "sgl-ed": (3, 0), "simgcl": (3, 2), "xsimgcl": (1, 1)}
"""Passes through the graph in a step, and how many of them are noisy."""


@dataclass(frozen=True)
class Cost:
    """What a step moves and computes at least."""

    bytes: float
    gathered: float  # bytes, a row of embeddings for every entry of a matrix
    flops: float


@dataclass(frozen=True)
class Roof:
    """What a device reaches."""

    bytes: float  # a second
    flops: float  # a second, float32
    bfloat16: float  # flops a second


def cost_of_step(method: str, graph: Graph, batch: Batch, layers: int, dimension: int) -> Cost:
    """Of LightGCN, SGL, SimGCL or XSimGCL with P passes, N nodes, E interactions, D numbers in an embedding, L layers.

    A hop reads 2E entries and writes N rows, forward and again backward, and multiplies and adds 4E D numbers:
    2 P L (16 E + 4 D (N + r)) bytes, 8 P L E D operations. r rows are read: N if every row came from memory once
    (`bytes`), 2E if no cache held any (`gathered`). Noise after every layer but the last reads the random rows, reads
    and writes the layer: 12 N D bytes. Adam moves 28 N D bytes, 12 N D operations. InfoNCE of n distinct users and of n
    distinct items of a batch is three products of n n D: 6 n n D operations, and n n similarities are written and read
    twice: 16 n n bytes. Lookups of a batch are left out.
    """
    passes, noisy = PASSES[method]
    nodes, edges = graph.num_nodes, 2 * len(graph.user)
    hops, table = 2 * passes * layers, 4.0 * dimension * nodes  # bytes of a table
    pairs = sum(len(side.unique()) ** 2 for side in (batch.user, batch.item)) if method != "lightgcn" else 0
    rest = hops * (ENTRY * edges + table) + 3 * table * noisy * (layers - 1) + ADAM / 4 * table + 16.0 * pairs
    flops = hops * 2.0 * edges * dimension + 3 * table + 6.0 * pairs * dimension
    return Cost(rest + hops * table, rest + hops * 4.0 * dimension * edges, flops)


def measure_roof(device: torch.device, mebibytes: int = 512, size: int = 4096) -> Roof:
    """Bandwidth and FLOP/s that a copy and a product reach on a device.

    Args:
        device: what is measured.
        mebibytes: size of what is copied: many times that of the caches.
        size: rows and columns of the matrices.

    """
    return Roof(
        measure_copy(device, mebibytes),
        measure_product(device, size, torch.float32),
        measure_product(device, size, torch.bfloat16),
    )


def measure_copy(device: torch.device, mebibytes: int) -> float:
    """Bytes a second of a copy, read and written."""
    source = torch.rand(mebibytes << 18, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / fastest(lambda: target.copy_(source), device)


def measure_product(device: torch.device, size: int, kind: torch.dtype) -> float:
    """FLOP/s of a product of two square matrices."""
    x = torch.rand(size, size, device=device).to(kind)
    out = torch.empty_like(x)
    return 2 * size**3 / fastest(lambda: torch.mm(x, x, out=out), device)


def fastest(work: Callable[[], Tensor], device: torch.device, tries: int = 8) -> float:
    """Seconds of the fastest call, after one that is not counted."""
    times = []
    for _ in range(1 + tries):
        wait(device)
        started = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - started)
    return min(times[1:])


def wait(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    torch.get_device_module(device).synchronize()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--mebibytes", type=int, default=512)
    arguments.add_argument("--size", type=int, default=4096)
    chosen = arguments.parse_args()
    device = resolve_device(chosen.device)
    roof = measure_roof(device, chosen.mebibytes, chosen.size)
    print(f"{device}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"copy {roof.bytes / 1e9:.1f} GB/s; product {roof.flops / 1e12:.2f} TFLOP/s in float32,", end=" ")
    print(f"{roof.bfloat16 / 1e12:.2f} in bfloat16")


if __name__ == "__main__":
    main()
