"""Determinism: sums in one order, whatever the number of threads, and operations that repeat to the bit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from reccl.errors import TrainingError

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
FIXED = (":4096:8", ":16:8")
"""The workspaces with which NVIDIA's cuBLAS gives the same bits again."""


@contextmanager
def fixed_order(wanted: bool, device: torch.device) -> Iterator[None]:
    """Inside, what is computed has the same bits with any number of threads (`deterministic: true` of a config).

    One thread computes: a sum that is cut among threads has the order that their number gives it, and the libraries of
    linear algebra choose other blocks. The operations of torch are those that repeat to the bit. Threads and torch's
    flags are as before afterwards; the variable that cuBLAS reads once, when CUDA starts, stays.

    Args:
        wanted: False: nothing happens.
        device: where will be trained.

    Raises TrainingError where an operation has no form that repeats to the bit, and where CUDA has started without one.

    >>> with fixed_order(True, torch.device("cpu")):
    ...     torch.get_num_threads()
    1

    """
    if not wanted:
        yield
        return
    if device.type == "cuda":
        fix_workspace()
    threads, cudnn = torch.get_num_threads(), torch.backends.cudnn.benchmark
    strict, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    try:
        torch.set_num_threads(1)
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True)
        with threadpool_limits(limits=1):
            yield
    except RuntimeError as error:
        if "deterministic" not in str(error).lower():
            raise
        raise TrainingError(
            f"deterministic: true: {first_sentence(error)} on {device.type}; "
            "train with --device cpu, or without the key"
        ) from error
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        torch.backends.cudnn.benchmark = cudnn
        torch.set_num_threads(threads)


def fix_workspace() -> None:
    """Ask cuBLAS for a workspace with which it repeats; raises TrainingError where CUDA has started already."""
    if os.environ.get(WORKSPACE) in FIXED:
        return
    if torch.cuda.is_initialized():
        raise TrainingError(
            f"deterministic: true: CUDA has started already in this process; export {WORKSPACE}={FIXED[0]} first"
        )
    os.environ[WORKSPACE] = FIXED[0]


def first_sentence(error: BaseException) -> str:
    """What torch says of the operation, without its advice.

    >>> first_sentence(RuntimeError("put_ does not have a deterministic implementation, but you set ..."))
    'put_ does not have a deterministic implementation'
    """
    return str(error).partition(", but")[0].partition(". ")[0]
