"""Collect: tables of which every rank has its nodes' rows, whole on rank 0, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reccl.distributed.gathered import PIECE
from reccl.distributed.shard import Shard, len_of
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def collect(own: Tensor, sides: Sequence[str], shard: Shard) -> Tensor | None:
    """The whole table on rank 0, None on the others, a piece at a time.

    Args:
        own: [n, ..] the rows of this rank's nodes, side by side.
        sides: whose rows they are, in order: ("user", "item") for a table of all nodes.
        shard: which nodes are whose.

    """
    group = shard.group
    total = sum(shard.side(side).number for side in sides)
    whole = own.new_empty(total, *own.shape[1:]) if group.leads else None
    for mine, places in pieces(own, sides, shard):
        parts = [torch.empty_like(mine) for _ in places] if group.leads else None
        torch.distributed.gather(mine, parts, dst=0)
        if whole is not None and parts is not None:
            for part, place in zip(parts, places, strict=True):
                whole[place] = part[: len_of(place)]
    return whole


def hand_out(whole: Tensor | None, own: Tensor, sides: Sequence[str], shard: Shard) -> Tensor:
    """The rows of this rank, of a table that rank 0 has, written over `own`, a piece at a time; see `collect`."""
    received = own.clone(memory_format=torch.contiguous_format)
    offset = 0
    for mine, places in pieces(received, sides, shard):
        parts = None
        if whole is not None and shard.group.leads:
            parts = [torch.zeros_like(mine) for _ in places]
            for part, place in zip(parts, places, strict=True):
                part[: len_of(place)] = whole[place].to(mine)
        torch.distributed.scatter(mine, parts, src=0)
        number = len_of(places[shard.group.rank])
        received[offset : offset + number] = mine[:number]
        offset += number
    return own.copy_(received)


def pieces(own: Tensor, sides: Sequence[str], shard: Shard) -> Iterator[tuple[Tensor, list[slice]]]:
    """Rows of this rank, as many as any rank has of a piece, and the places of every rank's in the whole table."""
    group, offset, first = shard.group, 0, 0
    width = max(own[:0].new_empty(1, *own.shape[1:]).numel(), 1)
    step = max(PIECE // width, 1)
    for side in sides:
        range_ = shard.side(side)
        number = len_of(range_.own)
        longest = max(range_.size_on(rank) for rank in range(group.size))
        for start in range(0, longest, step):
            rows = min(step, longest - start)
            places = []
            for rank in range(group.size):
                low = first + range_.bounds[rank]
                high = low + range_.size_on(rank)
                places.append(slice(min(low + start, high), min(low + start + rows, high)))
            held = own[offset + start : offset + min(start + rows, number)]
            mine = own.new_zeros(rows, *own.shape[1:])
            mine[: len(held)] = held
            yield mine, places
        offset, first = offset + number, first + range_.number
