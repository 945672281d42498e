"""Memory: what a run was expected to hold at its peak, beside what it held, each run in a process of its own.

RECCL_DATA=shared/data python benchmarks/memory.py [NAME ...] [--rows 5000000] [--seed 0]

Six graphs and methods, one epoch each, since the peak is that of the first: MovieLens-100K, LastFM, MovieLens-1M (m1),
Gowalla, Yelp2018, and a made-up one of a power law, with a user for every 10 of its `rows` and an item for every 40.
Each is a whole `reccl train`, from prepared data (prepared in another process before, so that its peak does not count)
to the record in a store of its own. `estimated` is what the run says, `measured` the most that the process held
(resident, as the system counts it at its end). NAME picks some.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from measured import title

GIB = 2**30


@dataclass(frozen=True)
class Case:
    """A config on a data set, with keys that make its epoch short."""

    config: str
    data: str
    keys: tuple[str, ...] = ()


ONE = "training.epochs=1"
CASES = {
    "ml-100k": Case("methods/lightgcn", "ml-100k", (ONE,)),
    "lastfm": Case("methods/simgcl", "lastfm", (ONE,)),
    "ml-1m-m1": Case("methods/ease", "ml-1m-m1"),
    "gowalla": Case("methods/sgl-ed", "gowalla", (ONE, "training.batch_size=131072")),
    "yelp2018": Case("methods/softmax-mf", "yelp2018", (ONE,)),
    "made-up": Case("methods/bpr-mf", "", (ONE, "training.batch_size=16384")),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    arguments.add_argument("--rows", type=int, default=5_000_000)
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    print(title("memory, expected and held"))
    print(HEAD)
    for name in chosen.names or CASES:
        with tempfile.TemporaryDirectory(prefix="reccl-memory-") as folder:
            case, keys = CASES[name], list(CASES[name].keys)
            if case.data:
                keys.insert(0, f"data={case.data}")
            else:
                make_rows(Path(folder) / "rows.parquet", chosen.rows, np.random.default_rng(chosen.seed))
                keys.insert(0, f"data={TABLE.format(folder=folder)}")
            measure(name, case.config, keys, Path(folder))


HEAD = """\
| graph | users and items, rows to train on | config | estimated GiB | measured GiB | error |
|---|---|---|---|---|---|"""
TABLE = "{{pipeline: table, source: {folder}, interactions: rows.parquet, user: user, item: item}}"


def make_rows(path: Path, rows: int, random: np.random.Generator) -> None:
    """Rows of integer ids, users and items by power laws."""
    users, items = rows // 10, rows // 40
    activity = np.cumsum(random.pareto(1.5, users).clip(max=100) + 0.3)
    popularity = np.cumsum((100 + np.arange(items)) ** -1.0)
    columns = {
        name: np.searchsorted(weights, random.random(rows) * weights[-1]).astype(np.int32)
        for name, weights in (("user", activity), ("item", popularity))
    }
    pl.DataFrame(columns).write_parquet(path)


def measure(name: str, config: str, keys: list[str], folder: Path) -> None:
    """Prepare, train, and print a row."""
    places = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "RECCL_CACHE": str(folder / "cache")}
    environment = os.environ | places
    words = [word for key in keys for word in ("--set", key)]
    subprocess.run([sys.executable, "-c", PREPARE, config, *keys], check=True, env=environment)
    command = [sys.executable, "-m", "reccl", "train", "--config", config, *words, "--no-plots", "--json"]
    with (folder / "said").open("w") as said, (folder / "messages").open("w") as told:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=told)
        _, status, usage = os.wait4(process.pid, 0)
    messages = (folder / "messages").read_text()
    if status:
        sys.exit(f"{name}: {messages}")
    measured = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / GIB
    estimated = json.loads((folder / "said").read_text())[0]["time"]["estimated_memory_gib"]
    sizes = re.search(r"data: ([\d,]+ users x [\d,]+ items); train ([\d,]+),", messages)
    assert sizes is not None
    error = estimated / measured - 1
    print(
        f"| {name} | {sizes[1]}, {sizes[2]} | {config} | {estimated:.2f} | {measured:.2f} | {error:+.0%} |",
        flush=True,
    )


PREPARE = """
import sys
from reccl.config import load
from reccl.data.prepare import prepare
prepare(load(sys.argv[1], sys.argv[2:]).data)
"""


if __name__ == "__main__":
    main()
