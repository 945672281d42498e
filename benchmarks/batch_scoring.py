"""Batch scoring: all users into a folder of Parquet parts; users per second beside a plain faiss loop, memory, kills.

python benchmarks/batch_scoring.py [--users 1000000] [--items 100000] [--dimension 64] [--k 50] [--kills 5]

Every run is a process of its own. `--kills` ends one by SIGKILL at so many random moments, resumes it, and compares its
parts with those of the run that was not stopped, byte by byte.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import torch
from measured import title

from reccl.cold_start.sources import Sources
from reccl.data.ids import IdMap
from reccl.data.user_items import UserItemCSR
from reccl.recommend import Model, recommend
from reccl.recommend.parts import Plan, Shard, open_parts, write_parts
from reccl.scorers import Scorer

KNOWN = 20
"""Items that every user has, which are hidden."""


def make_vectors(chosen: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """Random embeddings of users and items."""
    draws = torch.Generator().manual_seed(0)
    return tuple(torch.randn(n, chosen.dimension, generator=draws) for n in (chosen.users, chosen.items))  # type: ignore[return-value]


def make_model(chosen: argparse.Namespace) -> Model:
    """A model of that size."""
    users, items = make_vectors(chosen)
    draws = torch.Generator().manual_seed(1)
    step = torch.randint(1, chosen.items // KNOWN, (chosen.users, KNOWN), generator=draws)
    known = UserItemCSR(torch.arange(chosen.users + 1) * KNOWN, (step.cumsum(1) - 1).flatten(), chosen.items)
    popularity = torch.bincount(known.item, minlength=chosen.items).float()
    sources = Sources(*(torch.zeros(n, dtype=torch.int8) for n in (chosen.users, chosen.items)))
    names = (IdMap(pl.Series("id", range(n))) for n in (chosen.users, chosen.items))
    return Model(Scorer(users, items), *names, known, popularity, sources)


def work_ours(chosen: argparse.Namespace) -> None:
    """Write the parts that are missing."""
    model = make_model(chosen)
    plan = Plan("benchmark", chosen.users, chosen.part_users, {"k": chosen.k})
    open_parts(chosen.folder, plan, Shard(), resume=True)
    started = time.perf_counter()
    write_parts(lambda some: recommend(model, some, chosen.k), model.user_ids.ids, chosen.folder, plan)
    report("ours", chosen.users, time.perf_counter() - started)


def work_faiss(chosen: argparse.Namespace) -> None:
    """The plain loop: search for k and the hidden items, drop those, write; for a share of the users."""
    import faiss

    faiss.omp_set_num_threads(torch.get_num_threads())
    users, items = make_vectors(chosen)
    index, share = faiss.IndexFlatIP(chosen.dimension), max(1, chosen.users // chosen.faiss_share)
    index.add(items.numpy())
    started = time.perf_counter()
    for at in range(0, share, 10_000):
        scores, found = index.search(users[at : at + 10_000].numpy(), chosen.k + KNOWN)
        table = pl.DataFrame({"item": found[:, : chosen.k].ravel(), "score": scores[:, : chosen.k].ravel()})
        table.write_parquet(chosen.folder / f"faiss-{at}.parquet")
    report(f"faiss {faiss.__version__} IndexFlatIP", share, time.perf_counter() - started)


def report(name: str, users: int, seconds: float) -> None:
    """One line for the parent, which is passed on."""
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    gib = int(peak.split()[1]) / 2**20
    print(
        f"{name:28s} {users:9,} users  {seconds:7.1f} s  {users / seconds:9,.0f} users/s  peak {gib:.2f} GiB",
        flush=True,
    )


def start(chosen: argparse.Namespace, role: str, folder: Path) -> subprocess.Popen[bytes]:
    """A process that does one of the two."""
    names = ("users", "items", "dimension", "k", "part_users", "faiss_share")
    options = [f"--{name.replace('_', '-')}={getattr(chosen, name)}" for name in names]
    command = [sys.executable, __file__, f"--role={role}", f"--folder={folder}", *options]
    return subprocess.Popen(command, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})  # as the command line sets it


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    sizes = {"users": 1_000_000, "items": 100_000, "dimension": 64, "k": 50, "kills": 0, "part_users": 20_000}
    for name, default in {**sizes, "faiss_share": 10}.items():
        arguments.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    arguments.add_argument("--role", choices=("ours", "faiss"))
    arguments.add_argument("--folder", type=Path)
    chosen = arguments.parse_args()
    if chosen.role:
        (work_ours if chosen.role == "ours" else work_faiss)(chosen)
        return
    print(title(f"{chosen.users:,} users x {chosen.items:,} items, D {chosen.dimension}, top {chosen.k}"), flush=True)
    with TemporaryDirectory() as place:
        whole, plain, killed = (Path(place) / name for name in ("whole", "plain", "killed"))
        plain.mkdir()
        started = time.perf_counter()
        assert start(chosen, "ours", whole).wait() == 0
        seconds = time.perf_counter() - started
        try:
            import faiss  # noqa: F401
        except ImportError:
            print("faiss is not installed, so IndexFlatIP is left out: pip install faiss-cpu")
        else:
            assert start(chosen, "faiss", plain).wait() == 0
        draws = random.Random(0)
        for _ in range(chosen.kills):
            process = start(chosen, "ours", killed)
            time.sleep(draws.uniform(0.1, 0.9) * seconds / (chosen.kills / 2))
            process.kill()
            process.wait()
            print(f"killed with {len(list(killed.glob('part-*.parquet'))) if killed.exists() else 0} parts", flush=True)
        if chosen.kills:
            assert start(chosen, "ours", killed).wait() == 0
            names = sorted(path.name for path in whole.iterdir())
            assert names == sorted(path.name for path in killed.iterdir())
            assert all((whole / name).read_bytes() == (killed / name).read_bytes() for name in names)
            print(f"{len(names)} parts are equal byte by byte after {chosen.kills} kills")


if __name__ == "__main__":
    main()
