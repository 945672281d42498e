"""Sparse product: one hop over the Gowalla graph, forward and backward, ours beside PyG's and torch's own.

python benchmarks/sparse_product.py [--data gowalla] [--dimension 64] [--repeats 20]

Prints milliseconds (median) and the ratio to ours; then, by the fastest of all calls, ours as a share of the memory
bandwidth that the machine reaches in the same run. Bytes of both passes: compulsory, as if every table were read or
written once, which no product can go below; and gathered, a row of embeddings for each edge, most of which the caches
answer, so that more than the memory gives is no error.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from statistics import median

import torch
from measured import milliseconds, title

from reccl.config import Experiment
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

    from reccl.config import validate

    experiment: Experiment = validate(
        {"name": "bench", "scorer": {"kind": "popularity"}, "data": chosen.data}, (), {}, ""
    )
    data = prepare(experiment.data)
    graph = data.build_graph()
    adjacency = graph.adjacency
    x = torch.randn(graph.num_nodes, chosen.dimension, requires_grad=True)
    values = adjacency.matrix.values()
    edge_index = EdgeIndex(
        torch.stack([graph.row, graph.column]),
        sparse_size=(graph.num_nodes, graph.num_nodes),
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
    print(title(f"{chosen.data}: N {graph.num_nodes:,}, directed edges {len(graph.row):,}, D {chosen.dimension}"))
    reference = (adjacency @ x).detach()
    times: dict[str, float] = {}
    fastest: dict[str, float] = {}
    for name, way in ways.items():
        assert torch.allclose(way().detach(), reference, atol=1e-5), name

        def both(way: Callable[[], torch.Tensor] = way) -> None:
            x.grad = None
            way().sum().backward()

        times[name], fastest[name] = (milliseconds(both, chosen.repeats, pick=pick) for pick in (median, min))
    ours = times["reccl (CSR, symmetric backward)"]
    for name, value in times.items():
        print(f"{name:42s} {value:8.1f} ms  {value / ours:5.2f} x ours")
    seconds = fastest["reccl (CSR, symmetric backward)"] / 1000
    size = 4 * graph.num_nodes * chosen.dimension  # bytes of one table of embeddings
    matrix = len(graph.row) * (4 + 4) + 4 * (graph.num_nodes + 1)  # values, columns, row starts
    traffic = {
        "compulsory (matrix, x and y once)": 2 * (matrix + 2 * size),
        "gathered (a row of x for every edge)": 2 * (matrix + 4 * len(graph.row) * chosen.dimension + size),
    }
    reached = bandwidth()
    print("\n" + ", ".join(f"{name} {rate / 1e9:.1f} GB/s" for name, rate in reached.items()))
    best = max(reached.values())
    for name, moved in traffic.items():
        rate = moved / seconds
        print(f"{name:42s} {moved / 1e9:8.2f} GB  {rate / 1e9:6.1f} GB/s  {rate / best:5.0%} of the best of these")


def bandwidth(numbers: int = 64 << 20, repeats: int = 10) -> dict[str, float]:
    """Bytes a second of STREAM's copy (a = b) and triad (a = b + s c) on arrays of 256 MiB, far beyond any cache.

    Counted as STREAM does, without the lines that a store reads first (McCalpin, https://www.cs.virginia.edu/stream/).
    """
    a, b, c = torch.zeros(numbers), torch.ones(numbers), torch.ones(numbers)
    ways = {"copy": (2, lambda: a.copy_(b)), "triad": (3, lambda: torch.add(b, c, alpha=3.0, out=a))}
    return {
        name: 4 * arrays * numbers / milliseconds(work, repeats, warmup=1, pick=min) * 1000
        for name, (arrays, work) in ways.items()
    }


if __name__ == "__main__":
    main()
