"""Memory: what a run was expected to hold at its peak, beside what it held, each run in a process of its own.

RECCL_DATA=shared/data python benchmarks/memory.py [NAME ...] [--workers 2] [--set KEY=VALUE] [--rows 5000000]

Graphs and methods, one epoch each, since the peak is that of the first: MovieLens-100K, LastFM, MovieLens-1M (m1),
Gowalla twice, Yelp2018, and a made-up one of a power law, with a user for every 10 of its `rows` and an item for every
40.
Each is a whole `reccl train`, from prepared data (prepared in another process before, so that its peak does not count)
to the record in a store of its own. `estimated` is what the run says, `measured` the most that the process held
(resident, as the system counts it at its end). NAME picks some, and --set changes their keys.

With --workers each is trained by so many processes (Linux), and both are sums, over the ranks and the process that has
started them, with what each of them held at most in brackets, rank 0 first and the launcher last. Pages of libraries
that processes share count in each of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from measured import held, title

GIB, OFTEN = 2**30, 0.02


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
    "gowalla": Case("methods/lightgcn", "gowalla", (ONE, "training.batch_size=32768")),
    "gowalla-sgl": Case("methods/sgl-ed", "gowalla", (ONE, "training.batch_size=131072")),
    "yelp2018": Case("methods/softmax-mf", "yelp2018", (ONE,)),
    "made-up": Case("methods/bpr-mf", "", (ONE, "training.batch_size=16384")),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--set", dest="keys", action="append", default=[])
    arguments.add_argument("--rows", type=int, default=5_000_000)
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    print(title("memory, expected and held"))
    print(HEAD)
    for name in chosen.names or CASES:
        with tempfile.TemporaryDirectory(prefix="reccl-memory-") as folder:
            case, keys = CASES[name], [*CASES[name].keys, *chosen.keys]
            if case.data:
                keys.insert(0, f"data={case.data}")
            else:
                make_rows(Path(folder) / "rows.parquet", chosen.rows, np.random.default_rng(chosen.seed))
                keys.insert(0, f"data={TABLE.format(folder=folder)}")
            measure(name, case.config, keys, Path(folder), chosen.workers)


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


def measure(name: str, config: str, keys: list[str], folder: Path, workers: int) -> None:
    """Prepare, train, and print a row."""
    places = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "RECCL_CACHE": str(folder / "cache")}
    environment = os.environ | places
    words = [word for key in keys for word in ("--set", key)]
    subprocess.run([sys.executable, "-c", PREPARE, config, *keys], check=True, env=environment)
    command = [sys.executable, "-m", "reccl", "train", "--config", config, *words, "--no-plots", "--json"]
    command += ["--workers", str(workers)] if workers > 1 else []
    with (folder / "said").open("w") as said, (folder / "messages").open("w") as told:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=told)
        of_ranks = watch_ranks(process.pid) if workers > 1 else []  # and of the launcher
        _, status, usage = os.wait4(process.pid, 0)
    messages = (folder / "messages").read_text()
    if status:
        sys.exit(f"{name}: {messages}")
    of_each = of_ranks or [usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / GIB]
    timing = json.loads((folder / "said").read_text())[0]["time"]
    estimated, measured = timing["estimated_memory_of_all_gib" if of_ranks else "estimated_memory_gib"], sum(of_each)
    by_process = f" ({', '.join(f'{each:.2f}' for each in of_each)})" if of_ranks else ""
    sizes = re.search(r"data: ([\d,]+ users x [\d,]+ items); train ([\d,]+),", messages)
    assert sizes is not None
    error = estimated / measured - 1
    print(
        f"| {name} | {sizes[1]}, {sizes[2]} | {config} | {estimated:.2f} | {measured:.2f}{by_process} | {error:+.0%} |",
        flush=True,
    )


def watch_ranks(launcher: int) -> list[float]:
    """The most that each rank of a launcher held, GiB, in their order, and then the launcher, once it has ended (and is
    not waited for). All is read again and again, so that nothing is missed but of the last moment.
    """
    most, last = dict[float, float](), math.inf
    while "State:\tZ" not in Path(f"/proc/{launcher}/status").read_text():
        for process in (str(launcher), *Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()):
            with suppress(OSError, AssertionError):  # it ends, or has just begun
                words = Path(f"/proc/{process}/environ").read_text().split("\0")
                rank = next((int(word[5:]) for word in words if word.startswith("RANK=")), None)
                if rank is not None or process == str(launcher):
                    most[last if rank is None else rank] = held("VmHWM", process) / 1024
        time.sleep(OFTEN)
    return [most[rank] for rank in sorted(most)]


PREPARE = """
import sys
from reccl.config import load
from reccl.data.prepare import prepare
prepare(load(sys.argv[1], sys.argv[2:]).data)
"""


if __name__ == "__main__":
    main()
