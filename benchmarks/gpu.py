"""GPU: everything that a machine with a device can say about reccl, as tables, by one command.

python benchmarks/gpu.py [--device auto] [--data gowalla yelp2018] [--json FILE] [--parts placement steps ...]
python benchmarks/gpu.py --toy --device cpu

    roof         what a copy and a product reach on the device, which `steps` is measured by
    placement    every method for an epoch on made-up data: is all of it on the device
    precision    the same in bfloat16: losses beside those of float32, and what a step of a tower gains
    determinism  two trainings with `deterministic: true`: are they equal to the bit
    steps        steps a second and peak memory of the graph methods, with their share of bandwidth and FLOP/s
    compile      what torch.compile gains for a step; where it is under 1.3, reccl does without
    quality      seconds of best.yaml and of a graph filter, and whether they pass LightGCN's published metrics

Exit 1 where something is not on the device, bfloat16 differs or a training does not repeat; the rows say what. `--toy`
goes through all lines at a size that takes seconds, on made-up data.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read once, when CUDA starts; see reccl.determinism

import numpy as np
import polars as pl
import torch
from placement import check_method
from roofline import PASSES, Roof, cost_of_step, measure_roof
from softmax_memory import peak
from step import Stepper
from time_to_lightgcn import FILTER

import reccl
from reccl.bundle import locate_bundled
from reccl.config import load, resolve
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare
from reccl.errors import RecclError
from reccl.fitting import learn
from reccl.training.device import resolve_device

METHODS = sorted(path.stem for path in (locate_bundled("configs") / "methods").glob("*.yaml"))
LAYERED = ("two-tower", "graphsage", "gat", "ngcf", "lightgcn")
"""Methods whose steps are timed in both precisions: towers, convolutions, and one without any layer to multiply."""
REPEATED = ("lightgcn", "sgl-ed", "xsimgcl", "softmax-mf", "two-tower", "ease")
PUBLISHED = {"gowalla": (0.1830, 0.1554), "yelp2018": (0.0649, 0.0530)}
"""LightGCN's Recall@20 and NDCG@20: He et al., SIGIR 2020."""
QUALITY = {"best": [], "methods/graph-filter": [*FILTER, "scorer.weight=0.5"]}
FAILED = "failed"
"""The column of a row that says what is not as it should be."""
Rows = list[dict[str, Any]]


class Bench:
    """What all parts share."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.device, self.toy = resolve_device(chosen.device), chosen.toy
        self.small = make_up()
        self.names = ["made up"] if chosen.toy else list(chosen.data)
        self.batch, self.dimension = (256, 16) if chosen.toy else (2048, 64)
        self.repeats = 2 if chosen.toy else 50
        self.found: Roof | None = None
        self.trained: dict[str, dict[str, Any]] = {}  # by method, in float32

    def data(self, name: str) -> Dataset:
        """A data set by its name."""
        return self.small if name == "made up" else prepare(load("methods/lightgcn", [f"data={name}"]).data)

    def train(self, method: str) -> dict[str, Any]:
        """What `check_method` says of a method in float32, trained once."""
        if method not in self.trained:
            self.trained[method] = attempt(lambda: check_method(method, self.small, self.device))
        return self.trained[method]

    @property
    def roof(self) -> Roof:
        """What the device reaches, measured once."""
        if self.found is None:
            self.found = measure_roof(self.device, *((8, 256) if self.toy else (1024, 8192)))
        return self.found


def roof(bench: Bench) -> Iterator[dict[str, Any]]:
    """The device, and what it reaches."""
    cuda = bench.device.type == "cuda"
    yield {
        "device": torch.cuda.get_device_name(bench.device) if cuda else platform.machine(),
        "torch": torch.__version__,
        "CUDA": torch.version.cuda if cuda else None,
        "Python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "copy GB/s": bench.roof.bytes / 1e9,
        "float32 TFLOP/s": bench.roof.flops / 1e12,
        "bfloat16 TFLOP/s": bench.roof.bfloat16 / 1e12,
    }


def placement(bench: Bench) -> Iterator[dict[str, Any]]:
    """Every method, an epoch, in float32."""
    for method in METHODS:
        yield {"method": method, "on": str(bench.device), "loss": None, FAILED: None, **bench.train(method)}


def precision(bench: Bench) -> Iterator[dict[str, Any]]:
    """Every method that trains, an epoch in bfloat16 beside one in float32."""
    for method in METHODS:
        if load(f"methods/{method}").encoder is None:
            continue
        float32 = bench.train(method)
        bfloat16 = attempt(lambda method=method: check_method(method, bench.small, bench.device, "bfloat16"))
        failed = float32.get(FAILED) or bfloat16.get(FAILED)
        whole, half = float32.get("loss"), bfloat16.get("loss")
        if failed is None and abs(half - whole) > 0.02 * abs(whole) + 1e-3:
            failed = "the losses differ by more than a fiftieth"
        gain = None
        if method in LAYERED:
            kinds = ("float32", "bfloat16")
            first, second = (Stepper(method, bench.small, bench.device, bench.batch, precision=kind) for kind in kinds)
            gain = steps_of(first, bench) / steps_of(second, bench)
        yield {"method": method, "float32": whole, "bfloat16": half, "step gains": gain, FAILED: failed}


def determinism(bench: Bench) -> Iterator[dict[str, Any]]:
    """Two trainings of each, equal to the bit or not."""
    for method in REPEATED:
        training = {"epochs": 2, "batch_size": bench.batch, "checkpoint_seconds": None}
        experiment = resolve(f"methods/{method}", {"training": training, "deterministic": True})

        def scorer(experiment: Any = experiment) -> dict[str, Any]:
            tensors = [learn(experiment, bench.small, bench.device).scorer.tensors() for _ in range(2)]
            differing = [name for name, one in tensors[0].items() if not torch.equal(one, tensors[1][name])]
            return {FAILED: f"differing: {', '.join(differing)}"} if differing else {"equal": True}

        yield {"method": method, "equal": False, FAILED: None, **attempt(scorer)}


def steps(bench: Bench) -> Iterator[dict[str, Any]]:
    """Steps of the graph methods; shares are of what `roof` measured."""
    for name in bench.names:
        data = bench.data(name)
        for method in PASSES:
            if bench.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            stepper = Stepper(method, data, bench.device, bench.batch, layers=2)
            seconds = steps_of(stepper, bench) / 1000
            width = stepper.experiment.encoder.dimension
            cost = cost_of_step(method, stepper.graph, next(stepper.batches), 2, width)
            yield {
                "data": name,
                "method": method,
                "ms a step": 1000 * seconds,
                "steps/s": 1 / seconds,
                "GB": cost.bytes / 1e9,
                "GB gathered": cost.gathered / 1e9,
                "GFLOP": cost.flops / 1e9,
                "of bandwidth": cost.bytes / seconds / bench.roof.bytes,
                "gathered, of bandwidth": cost.gathered / seconds / bench.roof.bytes,
                "of FLOP/s": cost.flops / seconds / bench.roof.flops,
                "peak GiB": peak(bench.device),
            }


def compile(bench: Bench) -> Iterator[dict[str, Any]]:  # noqa: A001
    """What torch.compile gains: forward and backward pass of a step compiled; reduce-overhead is with CUDA graphs."""
    name = bench.names[0]
    ways = [{"backend": "aot_eager"}] if bench.toy else [{"mode": mode} for mode in ("default", "reduce-overhead")]
    for method in ("two-tower",) if bench.toy else ("lightgcn", "xsimgcl", "two-tower"):
        data = bench.small if method == "two-tower" else bench.data(name)  # which needs features
        for way in ways:
            plain, compiled = (Stepper(method, data, bench.device, bench.batch) for _ in range(2))
            before = steps_of(plain, bench)
            compiled.loss = torch.compile(compiled.loss, **way)

            def gain(before: float = before, compiled: Stepper = compiled) -> dict[str, Any]:
                started = time.perf_counter()
                compiled.step()
                return {"first step s": time.perf_counter() - started, "gain": before / steps_of(compiled, bench)}

            found = attempt(gain)
            said = {"note": found.pop(FAILED)} if FAILED in found else {}
            yield {"method": method, **way, "first step s": None, "gain": None, "note": None, **found, **said}
            torch.compiler.reset()


def quality(bench: Bench) -> Iterator[dict[str, Any]]:
    """Whole trainings: preparation, choices on validation rows, refit, evaluation."""
    for name in bench.names:
        goal = PUBLISHED.get(name, (0.0, 0.0))
        for config, settings in QUALITY.items():
            asked = {"training": {"metric": "ndcg_at_20"}, "evaluation": {"cutoffs": [20]}}
            started = time.perf_counter()
            experiment = resolve(load(config, settings), asked)
            model = reccl.train(
                experiment, bench.small if bench.toy else name, device=str(bench.device), progress=False
            )
            seconds, test = time.perf_counter() - started, model.metrics["test"]
            reached = test["recall_at_20"], test["ndcg_at_20"]
            yield {
                "data": name,
                "config": config,
                "seconds": seconds,
                "Recall@20": reached[0],
                "NDCG@20": reached[1],
                "past LightGCN's": all(ours >= theirs for ours, theirs in zip(reached, goal, strict=True)),
            }


PARTS: dict[str, Callable[[Bench], Iterator[dict[str, Any]]]] = {
    part.__name__: part for part in (roof, placement, precision, determinism, steps, compile, quality)
}


def steps_of(stepper: Stepper, bench: Bench) -> float:
    """Milliseconds of a step: the fastest of three series, after one that is not counted."""
    stepper.steps(2)
    return min(stepper.steps(bench.repeats) for _ in range(3))


def attempt(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the work gives, or what it failed with."""
    try:
        return work()
    except (RecclError, RuntimeError, TypeError, ValueError, AssertionError) as error:
        return {FAILED: f"{type(error).__name__}: {error}".splitlines()[0][:160]}


def make_up(users: int = 300, items: int = 160, rows: int = 15) -> Dataset:
    """People of four tastes who buy what is of theirs, with times, and features on both sides that tell the taste."""
    random = np.random.default_rng(0)
    chance = np.where(np.arange(users)[:, None] % 4 == np.arange(items) % 4, 8.0, 1.0)  # [U, I]
    bought = np.argsort(random.gumbel(size=(users, items)) + np.log(chance), axis=1)[:, -rows:]  # [U, rows]
    pairs = {"user": np.repeat(np.arange(users), rows), "item": bought.ravel()}
    seconds = 1_700_000_000 + random.permutation(users * rows) * 60
    of_users, of_items = (
        pl.DataFrame({name: range(n), "taste": [f"t{i % 4}" for i in range(n)], "size": random.random(n)})
        for name, n in (("user", users), ("item", items))
    )
    orders = pl.DataFrame({**pairs, "at": seconds})
    return Dataset.from_frame(orders, timestamp="at", users=of_users, items=of_items)


def as_text(value: Any) -> str:
    """A cell."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value).replace("|", "/")


def table(rows: Rows) -> str:
    """Rows as Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([as_text(row.get(name)) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--data", nargs="+", default=list(PUBLISHED))
    arguments.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    arguments.add_argument("--toy", action="store_true", help="made-up data, a size that takes seconds")
    arguments.add_argument("--json", type=Path, help="also write all rows here")
    chosen = arguments.parse_args()
    bench, found = Bench(chosen), dict[str, Rows]()
    for part in chosen.parts:
        rows = found[part] = list(PARTS[part](bench))
        print(f"## {part}\n\n{PARTS[part].__doc__}\n\n{table(rows)}\n", flush=True)
        if chosen.json:
            chosen.json.write_text(json.dumps(found, indent=2, default=str) + "\n")
    failed = sorted({row["method"] for rows in found.values() for row in rows if row.get(FAILED)})
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
