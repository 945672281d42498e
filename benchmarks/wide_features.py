"""Peak memory of cold start by wide features: the matrix of all items whole, and in parts.

    python benchmarks/wide_features.py --items 100000 --words 2000 --columns 2

Made-up items with columns of words, three words each, of which the most frequent become columns of a matrix; 20,000
users with ten items each. Every row is a process of its own; "scorer alone" is the SVD whose vectors are predicted.
"""

import argparse
import subprocess
import sys
from time import perf_counter

import numpy as np
import polars as pl

WAYS = ("scorer alone", "whole", "in parts")
USERS, EACH, LIST = 20_000, 10, 3


def make_items(number: int, words: int, columns: int, seed: int = 0) -> pl.DataFrame:
    """A table of items whose columns are lists of words."""
    random = np.random.default_rng(seed)
    drawn = {f"column_{place}": random.integers(words, size=(number, LIST)) for place in range(columns)}
    return pl.DataFrame(
        {"item": range(number)} | {name: pl.Series(codes).arr.to_list() for name, codes in drawn.items()}
    ).with_columns(pl.exclude("item").cast(pl.List(pl.String)))


def measure(way: str, number: int, words: int, columns: int) -> None:
    """Print seconds and GiB of one way."""
    import torch

    from reccl.clock import peak_memory
    from reccl.cold_start import ColdStart, embed_cold_nodes, feature_model
    from reccl.data.dataset import Dataset
    from reccl.data.graph import Graph
    from reccl.scorers import Svd

    random = np.random.default_rng(1)
    rows = pl.DataFrame({"user": np.repeat(np.arange(USERS), EACH), "item": random.integers(number, size=USERS * EACH)})
    data = Dataset.from_frame(rows, items=make_items(number, words, columns))
    builder = Svd(dimension=64).builder(Graph.from_interactions(data.train, len(data.user_ids), len(data.item_ids)))
    if way == "whole":
        feature_model.CELLS = 2**62
    began = perf_counter()
    if way == "scorer alone":
        builder.build(None)
    else:
        embed_cold_nodes(ColdStart(), builder, data.build_feature_tables(), None, None, 0)
    print(f"{way:14} {perf_counter() - began:6.1f} s  {peak_memory(torch.device('cpu')):5.2f} GiB", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=2_000)
    parser.add_argument("--columns", type=int, default=2)
    parser.add_argument("--way", choices=WAYS)
    asked = parser.parse_args()
    if asked.way:
        measure(asked.way, asked.items, asked.words, asked.columns)
    else:
        for way in WAYS:
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--way", way], check=True)
