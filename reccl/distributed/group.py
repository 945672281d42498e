"""Group: the processes that train one model together, and what they tell each other."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from reccl.errors import TrainingError
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
DEVICE = "RECCL_DEVICE"
"""The environment variable that says what the device `auto` stands for."""
PATIENCE = timedelta(days=1)
"""How long a rank waits for the others, while rank 0 measures for example; that one has died is noticed at once."""


@dataclass(frozen=True)
class Group:
    """Ranks 0 .. size - 1, each a process with a share of the nodes; of one process (`ALONE`), nothing is exchanged.

    All ranks call the same methods in the same order. What is exchanged is plain `torch.distributed`: gloo between
    processes on CPUs, NCCL between GPUs.
    """

    rank: int = 0
    size: int = 1
    traffic: Counter[str] = field(default_factory=Counter, compare=False)  # bytes that this rank received, by kind

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, which measures, records and speaks."""
        return self.rank == 0

    def slice_of(self, number: int, rank: int | None = None) -> slice:
        """The part of this rank (or another) of `number` things in order; parts differ by one thing at most.

        >>> [Group(rank, 3).slice_of(7) for rank in range(3)]
        [slice(0, 2, None), slice(2, 4, None), slice(4, 7, None)]
        """
        rank = self.rank if rank is None else rank
        return slice(number * rank // self.size, number * (rank + 1) // self.size)

    def gather(self, x: Tensor) -> Tensor:
        """The tensors of all ranks one after another: [n, ..] of one shape on every rank -> [size * n, ..]."""
        if self.size == 1:
            return x
        whole = x.new_empty(self.size * len(x), *x.shape[1:])
        if x.numel():
            collective("all_gather_single", "all_gather_into_tensor")(whole, x.contiguous())
        self.traffic["all_gather"] += (self.size - 1) * x.numel() * x.element_size()
        return whole

    def scatter_sum(self, x: Tensor) -> Tensor:
        """Each rank's part of the sum over ranks, the reverse of `gather`: [size * n, ..] -> [n, ..]."""
        if self.size == 1:
            return x
        own = x.new_empty(len(x) // self.size, *x.shape[1:])
        if x.numel():
            collective("reduce_scatter_single", "reduce_scatter_tensor")(own, x.contiguous())
        self.traffic["reduce_scatter"] += (self.size - 1) * own.numel() * own.element_size()
        return own

    def sum(self, x: Tensor) -> Tensor:
        """The sum over ranks, in place of `x`, the same bits on every rank."""
        if self.size > 1:
            torch.distributed.all_reduce(x)
            self.traffic["all_reduce"] += 2 * (self.size - 1) * x.numel() * x.element_size() // self.size
        return x

    def largest(self, value: float) -> float:
        """The largest of a number over the ranks; nan where one has nan."""
        if self.size == 1:
            return value
        return max(self.each(value), key=lambda each: (each != each, each))

    def each(self, value: T) -> list[T]:
        """The values of all ranks in their order, on every rank."""
        values = [value] * self.size
        if self.size > 1:
            torch.distributed.all_gather_object(values, value)
        return values

    def share(self, value: T) -> T:
        """Rank 0's value on every rank; what the others give is ignored."""
        if self.size == 1:
            return value
        held = [value]
        torch.distributed.broadcast_object_list(held, src=0, device=torch.device("cpu"))
        return held[0]

    def wait(self) -> None:
        """Until all ranks are here."""
        self.share(None)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """The block on rank 0 first and then on all others, which find what it has left on disk."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()


ALONE = Group()
"""One process."""


def collective(name: str, before: str) -> Callable[[Tensor, Tensor], object]:
    """A function of `torch.distributed` by its name, or the one that it had before torch 2.13."""
    found: Callable[[Tensor, Tensor], object] = getattr(torch.distributed, name, None) or getattr(
        torch.distributed, before
    )
    return found


def is_rank(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process was started as one of several, by `torchrun` or `reccl train --workers`."""
    return all(name in environment for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"))


@contextmanager
def join(device: torch.device) -> Iterator[Group]:
    """The group that this process was started in, until the block ends; of one process where it was started alone.

    Raises TrainingError where the other processes cannot be reached.
    """
    if not is_rank() or os.environ["WORLD_SIZE"] == "1":
        yield ALONE
        return
    dist = torch.distributed
    try:
        if device.type == "cuda":
            torch.cuda.set_device(device)
            dist.init_process_group("cpu:gloo,cuda:nccl", timeout=PATIENCE)
        else:
            dist.init_process_group("gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise TrainingError(f"the other processes cannot be reached at {address}: {first_line(error)}") from error
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def expand_auto(name: str) -> str:
    """The name of a device; in place of `auto` what RECCL_DEVICE says, where it is set."""
    return os.environ.get(DEVICE) or name if name == "auto" else name


def own_device(name: str) -> str:
    """The name of the device of this process: with several, GPU 0 is that of the first process of a machine, and so on.

    Raises TrainingError where one GPU is asked for by number, and where there are fewer GPUs than processes.
    """
    name = expand_auto(name)
    if not is_rank() or os.environ["WORLD_SIZE"] == "1" or name == "cpu":
        return name
    if name not in ("auto", "cuda"):
        raise TrainingError(f"device {name!r} is one device, and there are several processes: use auto, cuda or cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto" and not count:
        return "cpu"
    local, wanted = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if wanted > count:
        raise TrainingError(
            f"{wanted} processes need a GPU each, and this machine has {count}: start {count}, or use --device cpu"
        )
    return f"cuda:{local}"


def first_line(error: BaseException) -> str:
    """What an error says first."""
    return (str(error).splitlines() or [type(error).__name__])[0]
