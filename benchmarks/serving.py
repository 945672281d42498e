"""Serving: `mlflow models serve` on this machine: latency, requests per second, time to load, memory over time.

python benchmarks/serving.py [--items 1000 100000] [--users 100000] [--requests 10000] [--workers 1] [--clients 2]

A model with random vectors of 64 numbers and a table of items is served as `reccl train` records it. Requests of each
kind are sent one after another over one connection, beside the same requests to the service in this process, and to
`Recommender.recommend`, which a handler of one's own would call. Then clients send all kinds at once, in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import polars as pl
from batch_scoring import make_model
from measured import title

from reccl import Recommender, Rules
from reccl.recommend.record import TrainingRecord
from reccl.serving import Service
from reccl.tracking import SERVED
from reccl.tracking.signature import describe_requests

DIMENSION, ALONE, NAIVE = 64, 200, 20
"""Of vectors; requests of a kind one after another; those of the naive way."""
Body = dict[str, Any]
KINDS: dict[str, Callable[[int, int], Body]] = {
    "a known user": lambda users, draw: {"rows": [{"user": draw % users}]},
    "a new user with 5 items": lambda users, draw: {
        "rows": [{"user": users + draw, "history": [7, 77, 177, 277, 377]}]
    },
    "rules and titles": lambda users, draw: {
        "rows": [{"user": draw % users}],
        "params": {"rules": {"where": "price < 50", "at_most": {"category": 2}}, "item_columns": ["title"]},
    },
    "100 known users": lambda users, draw: {"rows": [{"user": (draw + 997 * place) % users} for place in range(100)]},
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, nargs="+", default=[1_000, 100_000])
    for name, default in (("users", 100_000), ("requests", 10_000), ("workers", 1), ("clients", 2)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    chosen = arguments.parse_args()
    print(title(f"mlflow models serve, {chosen.workers} workers, k = 20, milliseconds"), flush=True)
    for items in chosen.items:
        with TemporaryDirectory() as place:
            measure(chosen, items, Path(place))


def measure(chosen: argparse.Namespace, items: int, place: Path) -> None:
    """One size of the catalog."""
    recommender = make_recommender(chosen.users, items)
    recommender.save(place / "model")
    signature = describe_requests(place / "model")
    mlflow.pyfunc.save_model(
        place / "served", python_model=str(SERVED), artifacts={"model": str(place / "model")}, signature=signature
    )
    started = time.perf_counter()
    service = Service.read(place / "model")
    print(
        f"\n{chosen.users:,} users, {items:,} items; the model loads in {time.perf_counter() - started:.1f} s", end=""
    )
    started = time.perf_counter()
    with serve(place / "served", chosen.workers) as (port, server):
        print(f", the server answers /ping after {time.perf_counter() - started:.1f} s")
        print("| request | p50 | p99 | p50 in process | p50 of Recommender.recommend |\n|---|---|---|---|---|")
        for name, kind in KINDS.items():
            bodies = [kind(chosen.users, draw) for draw in draws(ALONE)]
            http = sorted(islice(send(port, bodies * 2), len(bodies), None))  # the second time: all is warm
            own = sorted(time_each(lambda body: answer(service, body), bodies))
            naive = sorted(time_each(lambda body: answer_naively(recommender, body), bodies[:NAIVE]))
            figures = (http[len(http) // 2], http[len(http) * 99 // 100], own[len(own) // 2], naive[len(naive) // 2])
            print(f"| {name} | {' | '.join(f'{1000 * seconds:.1f}' for seconds in figures)} |", flush=True)
        load(chosen, port, server)


def load(chosen: argparse.Namespace, port: int, server: int) -> None:
    """All kinds in turn, from several clients at once."""
    kinds = list(KINDS.values())[:-1]  # requests for one user
    half = chosen.requests // 2 // chosen.clients
    bodies = [kinds[place % len(kinds)](chosen.users, draw) for place, draw in enumerate(draws(half))]
    memory, spent, before = [resident(server)], [], cpu_seconds(server)
    for _ in range(2):
        started = time.perf_counter()
        with ThreadPoolExecutor(chosen.clients) as clients:
            times = sorted(chain(*clients.map(lambda _: list(send(port, bodies)), range(chosen.clients))))
        spent.append(
            (len(times) / (time.perf_counter() - started), times[len(times) // 2], times[len(times) * 99 // 100])
        )
        memory.append(resident(server))
    cpu = (cpu_seconds(server) - before) / (2 * half * chosen.clients)
    print(f"{2 * half * chosen.clients:,} requests for a user each from {chosen.clients} clients without an error")
    print(f"{1000 * cpu:.1f} ms of CPU a request in the server, {1 / cpu:.0f} requests/s a core")
    for rate, middle, late in spent:
        print(f"half of them: {rate:.0f} requests/s, p50 {1000 * middle:.1f} ms, p99 {1000 * late:.1f} ms")
    print(
        f"memory of the server at start, middle and end: {', '.join(f'{each:,.0f} MiB' for each in memory)}", flush=True
    )


def make_recommender(users: int, items: int) -> Recommender:
    """Random vectors, and columns of items."""
    model = make_model(argparse.Namespace(users=users, items=items, dimension=DIMENSION))
    random = np.random.default_rng(0)
    columns = {"price": random.uniform(0, 100, items), "category": [f"c{item % 50}" for item in range(items)]}
    table = pl.DataFrame({**columns, "title": [f"Item {item}" for item in range(items)]})
    return Recommender(model, TrainingRecord("name: benchmark", {}, {}, pl.DataFrame(), table))


def draws(count: int) -> list[int]:
    """Numbers that users are drawn by."""
    return [int(draw) for draw in np.random.default_rng(1).integers(0, 10**6, count)]


def answer(service: Service, body: Body) -> None:
    """A request without HTTP and MLflow."""
    service.answer(pd.DataFrame(body["rows"]), body.get("params", {}))


def answer_naively(recommender: Recommender, body: Body) -> None:
    """The same through the API that is made for many users at once."""
    rows, params = body["rows"], body.get("params", {})
    history = [{"user": row["user"], "item": item} for row in rows for item in row.get("history", ())]
    rules = Rules(**params["rules"]) if params else None
    recommender.recommend(
        [row["user"] for row in rows],
        history=pl.DataFrame(history) if history else None,
        rules=rules,
        item_columns=params.get("item_columns", ()),
    )


def time_each(work: Callable[[Body], None], bodies: list[Body]) -> Iterator[float]:
    """Seconds of each call after the first two."""
    for place, body in enumerate([*bodies[:2], *bodies]):
        started = time.perf_counter()
        work(body)
        if place > 1:
            yield time.perf_counter() - started


def send(port: int, bodies: list[Body]) -> Iterator[float]:
    """Seconds of each request, one after another over one connection; a status other than 200 ends the benchmark."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for body in bodies:
        text = json.dumps({"dataframe_records": body["rows"], "params": body.get("params", {})})
        started = time.perf_counter()
        connection.request("POST", "/invocations", text, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        said = reply.read()
        yield time.perf_counter() - started
        if reply.status != 200 or not json.loads(said)["predictions"]:
            raise SystemExit(f"status {reply.status}: {said[:500]!r}")


@contextmanager
def serve(model: Path, workers: int) -> Iterator[tuple[int, int]]:
    """A server while the block runs: its port, and the process that was started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"  # for uvicorn
    with (
        (model.parent / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as started,
    ):
        try:
            while not answers(port):
                if started.poll() is not None:
                    raise SystemExit((model.parent / "log").read_text())
                time.sleep(0.1)
            yield port, started.pid
        finally:
            started.terminate()


def answers(port: int) -> bool:
    """Whether /ping says 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def resident(process: int) -> float:
    """MiB of a process' descendants that are in memory."""
    return sum(read_status(child) / 1024 for child in list_descendants(process))


def read_status(process: int) -> int:
    """KiB that a process has in memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def cpu_seconds(process: int) -> float:
    """Seconds of CPU that a process' descendants have used."""
    words = (Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in list_descendants(process))
    return sum(int(each[11]) + int(each[12]) for each in words) / os.sysconf("SC_CLK_TCK")


def list_descendants(process: int) -> Iterator[int]:
    """Processes that one has started, and they."""
    for child in map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()):
        yield child
        yield from list_descendants(child)


if __name__ == "__main__":
    main()
