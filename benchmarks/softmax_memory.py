"""Softmax memory: peak memory of InfoNCE with in-batch negatives, some anchors at a time beside all at once.

python benchmarks/softmax_memory.py [--batch 65536] [--dimension 64] [--way parts|whole]

One forward and backward pass; peak is the process's largest resident set, on CUDA the allocator's largest sum.
"""

from __future__ import annotations

import argparse
import resource
import time

import torch
from measured import title

from reccl.losses import InfoNCE, Pairs, SameIdMask


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--batch", type=int, default=65_536)
    arguments.add_argument("--dimension", type=int, default=64)
    arguments.add_argument("--way", choices=["parts", "whole"], default="parts")
    chosen = arguments.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    users, items = (torch.randn(chosen.batch, chosen.dimension, device=device, requires_grad=True) for _ in range(2))
    ids = torch.randint(chosen.batch // 2, (chosen.batch,), device=device)
    print(title(f"InfoNCE, B = M = {chosen.batch:,}, D {chosen.dimension}, float32, {chosen.way}"))
    before, started = peak(device), time.perf_counter()
    loss = InfoNCE()
    pairs = Pairs(users, items, items, SameIdMask(ids, ids))
    value = loss(pairs) if chosen.way == "parts" else loss.mean(pairs)
    value.backward()
    assert value.isfinite()  # also waits for the device
    assert items.grad is not None
    assert items.grad.isfinite().all()
    whole = 4 * chosen.batch**2 / 2**30
    print(f"{time.perf_counter() - started:.1f} s, peak {peak(device):.2f} GiB, {before:.2f} of it before the loss")
    print(f"the similarities alone: {whole:.2f} GiB; a mask of them: {whole / 4:.2f} GiB")


def peak(device: torch.device) -> float:
    """Most memory held so far, GiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
