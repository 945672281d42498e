"""Sparse product: one hop over the Gowalla graph, forward and backward, ours beside PyG's and torch's own.

python benchmarks/sparse_product.py [--data gowalla] [--dimension 64] [--repeats 20]

Prints milliseconds (median) and the ratio to ours. The bytes are those that must move at least: every value, column and
gathered row once, every result row once; over the time that is the bandwidth reached, beside a plain copy's.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from statistics import median

import torch
from measured import milliseconds, title

from reccl.config import Experiment
from reccl.data.graph import Graph
from reccl.data.prepare import prepare

warnings.filterwarnings("ignore")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", default="gowalla")
    arguments.add_argument("--dimension", type=int, default=64)
    arguments.add_argument("--repeats", type=int, default=20)
    chosen = arguments.parse_args()

    from torch_geometric import EdgeIndex
    from torch_geometric.nn import LGConv

    from reccl.config import validated

    experiment: Experiment = validated(
        {"name": "bench", "scorer": {"kind": "popularity"}, "data": chosen.data}, (), {}, ""
    )
    data = prepare(experiment.data)
    graph = Graph.of(data.train, len(data.users), len(data.items))
    adjacency = graph.adjacency
    x = torch.randn(graph.nodes, chosen.dimension, requires_grad=True)
    values = adjacency.matrix.values()
    edge_index = EdgeIndex(
        torch.stack([graph.row, graph.column]),
        sparse_size=(graph.nodes, graph.nodes),
        sort_order="row",
        is_undirected=True,
    )
    plain = adjacency.matrix.detach().clone()
    conv, coordinates = LGConv(normalize=False), torch.stack([graph.column, graph.row])

    ways: dict[str, Callable[[], torch.Tensor]] = {
        "reccl (CSR, symmetric backward)": lambda: adjacency @ x,
        "torch_geometric EdgeIndex.matmul": lambda: edge_index.matmul(x, values),
        "torch CSR, plain autograd": lambda: plain @ x,
        "torch_geometric LGConv over edge_index": lambda: conv(x, coordinates, values),
    }
    print(title(f"{chosen.data}: N {graph.nodes:,}, directed edges {len(graph.row):,}, D {chosen.dimension}"))
    reference = (adjacency @ x).detach()
    times = {}
    for name, way in ways.items():
        assert torch.allclose(way().detach(), reference, atol=1e-5), name

        def both(way: Callable[[], torch.Tensor] = way) -> None:
            x.grad = None
            way().sum().backward()

        times[name] = milliseconds(both, chosen.repeats)
    ours = times["reccl (CSR, symmetric backward)"]
    for name, value in times.items():
        print(f"{name:42s} {value:8.1f} ms  {value / ours:5.2f} x ours")
    moved = 2 * (len(graph.row) * (4 + 4 + 4 * chosen.dimension) + graph.nodes * 4 * chosen.dimension)
    big = torch.randn(64 << 20)
    copies = []
    for _ in range(5):
        started = time.perf_counter()
        big.clone()
        copies.append(time.perf_counter() - started)
    copy = 2 * 4 * len(big) / median(copies) / 1e9
    print(f"\nours moves {moved / 1e9:.2f} GB at {moved / ours / 1e6:.1f} GB/s; a large copy moves {copy:.1f} GB/s")


if __name__ == "__main__":
    main()
