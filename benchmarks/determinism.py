"""Determinism: how far two threads move the numbers that one gives, and what `deterministic: true` costs.

python benchmarks/determinism.py [--data ml-100k] [--epochs 3] [--threads 2] [--methods methods/ease best]

A method trains with one thread, with several, and with several and `deterministic: true`, in a process each, on the
same data. Said are the largest difference of a number of the model, as a share of the largest number of its tensor, and
seconds of training beside those with several threads.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METHODS = (
    *("methods/bpr-mf", "methods/lightgcn", "methods/sgl-ed", "methods/softmax-mf", "methods/two-tower"),
    *("movielens-two-tower", "methods/ease", "methods/svd", "methods/graph-filter", "best"),
)


def fit(method: str, data: str, epochs: int, fixed: bool, path: str) -> None:
    """Train in this process, and write the model's tensors; prints the seconds."""
    from safetensors.torch import save_file

    import reccl

    training = {"epochs": epochs, "evaluate_every": epochs, "patience": None, "refit": False}
    prepared = reccl.load_dataset(data, progress=False)
    started = time.perf_counter()
    model = reccl.train(method, prepared, progress=False, device="cpu", deterministic=fixed, training=training)
    print(time.perf_counter() - started)
    save_file({name: of.contiguous() for name, of in model.model.scorer.tensors().items()}, path)


def train(chosen: argparse.Namespace, method: str, threads: int, fixed: bool, path: Path) -> float:
    """The same in a process of its own: its seconds."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads)), "OMP_WAIT_POLICY": "PASSIVE"}
    arguments = ["--method", method, "--data", chosen.data, "--epochs", str(chosen.epochs), "--out", str(path)]
    command = [sys.executable, __file__, *arguments, *(["--fixed"] if fixed else [])]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def largest_difference(one: Path, other: Path) -> float:
    """Over all tensors, as a share of the largest number of each."""
    from safetensors.torch import load_file

    left, right = load_file(one), load_file(other)
    if left.keys() != right.keys() or any(left[name].shape != right[name].shape for name in left):
        return float("inf")
    shares = [((left[name] - right[name]).abs().max() / left[name].abs().max()).item() for name in left]
    return max(shares)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--data", default="ml-100k")
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--methods", nargs="+", default=METHODS)
    arguments.add_argument("--method", help=argparse.SUPPRESS)
    arguments.add_argument("--out", help=argparse.SUPPRESS)
    arguments.add_argument("--fixed", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.method:
        fit(chosen.method, chosen.data, chosen.epochs, chosen.fixed, chosen.out)
        return
    print(f"{chosen.data}, {chosen.epochs} epochs, 1 and {chosen.threads} threads")
    print(f"{'method':22}{'difference':>12}{'deterministic':>15}{'seconds':>9}{'one thread':>12}{'deterministic':>15}")
    for method in chosen.methods:
        with tempfile.TemporaryDirectory() as place:
            one, several, fixed, base = (Path(place) / name for name in ("one", "several", "fixed", "base"))
            alone = train(chosen, method, 1, False, one)
            seconds = train(chosen, method, chosen.threads, False, several)
            slow = train(chosen, method, chosen.threads, True, fixed)
            train(chosen, method, 1, True, base)
            apart, kept = largest_difference(one, several), largest_difference(base, fixed)
        print(
            f"{method:22}{f'{apart:.0e}' if apart else 'none':>12}{f'{kept:.0e}' if kept else 'none':>15}"
            f"{seconds:9.1f}{alone / seconds:10.2f} x{slow / seconds:13.2f} x",
            flush=True,
        )


if __name__ == "__main__":
    main()
