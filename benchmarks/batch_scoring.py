"""Batch scoring: all users into a folder of Parquet parts; users per second beside a plain faiss loop, memory, kills.

python benchmarks/batch_scoring.py [--users 1000000] [--items 100000] [--dimension 64] [--k 50] [--kills 5]

Every run is a process of its own. Beside faiss, parts take turns: one of ours, one of the plain loop, for what else the
machine does changes. `--kills` ends a run by SIGKILL at so many random moments, resumes it, and compares its parts with
those of the run that was not stopped, byte by byte.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import polars as pl
import torch
from measured import title

from reccl.cold_start.sources import Sources
from reccl.data.ids import IdMap
from reccl.data.user_items import UserItemCSR
from reccl.recommend import Model, recommend
from reccl.recommend.parts import Plan, Shard, open_parts, write_part, write_parts
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
    started, done, told = time.perf_counter(), 0, 0

    def lists(some: pl.Series) -> Iterator[pl.DataFrame]:
        nonlocal done, told
        for table in recommend(model, some, chosen.k):
            yield table
            done += table["user"].n_unique()
            if chosen.steps * done // chosen.users > told:
                told, seconds = chosen.steps * done // chosen.users, time.perf_counter() - started
                left, resident = seconds / done * (chosen.users - done), memory("VmRSS")
                print(f"{done:10,} users  {seconds:6.0f} s  {resident:.2f} GiB now  {left:6.0f} s left", flush=True)

    write_parts(lists, model.user_ids.ids, chosen.folder, plan)
    report("ours", done, time.perf_counter() - started)


def work_beside_faiss(chosen: argparse.Namespace) -> None:
    """One part of ours, one of the plain loop: search for k and the hidden items, drop those, write; and so on."""
    import faiss

    model, size, plan = make_model(chosen), chosen.part_users, Plan("benchmark", chosen.users, chosen.part_users, {})
    users = model.scorer.user_embeddings
    faiss.omp_set_num_threads(torch.get_num_threads())
    index = faiss.IndexFlatIP(chosen.dimension)
    index.add(model.scorer.item_embeddings.numpy())

    def ours(part: int) -> None:
        lists = recommend(model, model.user_ids.ids[part * size : (part + 1) * size], chosen.k)
        with plan.path(chosen.folder, part).open("wb") as file:
            write_part(lists, file, plan)

    def plain(part: int) -> None:
        for at in range(part * size, min(chosen.users, (part + 1) * size), 10_000):
            scores, found = index.search(users[at : min(at + 10_000, (part + 1) * size)].numpy(), chosen.k + KNOWN)
            table = pl.DataFrame({"item": found[:, : chosen.k].ravel(), "score": scores[:, : chosen.k].ravel()})
            table.write_parquet(chosen.folder / f"faiss-{at}.parquet")

    rounds = min(chosen.rounds, plan.parts)
    seconds = [[measure(way, part) for way in (ours, plain)] for part in range(rounds)]
    done = min(chosen.users, rounds * size)
    for name, own in zip(("ours", f"faiss {faiss.__version__} IndexFlatIP"), zip(*seconds, strict=True), strict=True):
        report(f"{name}, in turns", done, sum(own))
    ratios = sorted(plain / ours for ours, plain in seconds)
    print(f"ours is {median(ratios):.2f} x as fast (median of {rounds} rounds, {ratios[0]:.2f} to {ratios[-1]:.2f})")


def measure(way: Callable[[int], None], part: int) -> float:
    """Seconds for one part."""
    started = time.perf_counter()
    way(part)
    return time.perf_counter() - started


def report(name: str, users: int, seconds: float) -> None:
    """One line for the parent, which is passed on."""
    rate, peak = users / seconds, memory("VmHWM")
    print(f"{name:38s} {users:9,} users  {seconds:7.1f} s  {rate:9,.0f} users/s  peak {peak:.2f} GiB", flush=True)


def memory(field: str) -> float:
    """What the system says of this process, in GiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 2**20


def start(chosen: argparse.Namespace, role: str, folder: Path) -> subprocess.Popen[bytes]:
    """A process that does one of the two."""
    names = ("users", "items", "dimension", "k", "part_users", "rounds", "steps")
    options = [f"--{name.replace('_', '-')}={getattr(chosen, name)}" for name in names]
    command = [sys.executable, __file__, f"--role={role}", f"--folder={folder}", *options]
    return subprocess.Popen(command, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})  # as the command line sets it


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    sizes = {"users": 1_000_000, "items": 100_000, "dimension": 64, "k": 50, "kills": 0, "part_users": 20_000}
    for name, default in {**sizes, "rounds": 10, "steps": 10}.items():
        arguments.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    arguments.add_argument("--role", choices=("ours", "turns"))
    arguments.add_argument("--folder", type=Path)
    chosen = arguments.parse_args()
    if chosen.role:
        (work_ours if chosen.role == "ours" else work_beside_faiss)(chosen)
        return
    print(title(f"{chosen.users:,} users x {chosen.items:,} items, D {chosen.dimension}, top {chosen.k}"), flush=True)
    with TemporaryDirectory() as place:
        whole, turns, killed = (Path(place) / name for name in ("whole", "turns", "killed"))
        turns.mkdir()
        if importlib.util.find_spec("faiss") is None:
            print("faiss is not installed, so IndexFlatIP is left out: pip install faiss-cpu")
        else:
            assert start(chosen, "turns", turns).wait() == 0
        started = time.perf_counter()
        assert start(chosen, "ours", whole).wait() == 0
        seconds = time.perf_counter() - started
        draws = random.Random(0)
        for _ in range(chosen.kills):
            process = start(chosen, "ours", killed)
            time.sleep(draws.uniform(0.3, 0.9) * seconds / chosen.kills)
            process.kill()
            assert process.wait() == -signal.SIGKILL, "it had ended before it could be killed"
            print(f"killed with {len(list(killed.glob('part-*.parquet')))} parts", flush=True)
        if chosen.kills:
            assert start(chosen, "ours", killed).wait() == 0
            names = sorted(path.name for path in whole.iterdir())
            assert names == sorted(path.name for path in killed.iterdir())
            assert all((whole / name).read_bytes() == (killed / name).read_bytes() for name in names)
            print(f"{len(names)} parts are equal byte by byte after {chosen.kills} kills")


if __name__ == "__main__":
    main()
