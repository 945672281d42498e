"""Masks: which candidates are not negatives of an anchor, without a table of B x M."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SameIdMask:
    """Masks a candidate that has the anchor's id.

    65,536 anchors against each other are 4 GiB of dense mask, and 1 MiB of ids.
    """

    anchor_ids: Tensor  # [B]
    candidate_ids: Tensor  # [M] of the shared candidates

    def to_dense(self) -> Tensor:
        """[B, M] True where the ids are equal."""
        return self.anchor_ids[:, None] == self.candidate_ids[None, :]

    def select_anchors(self, rows: slice) -> SameIdMask:
        """The mask of some of the anchors."""
        return SameIdMask(self.anchor_ids[rows], self.candidate_ids)


@dataclass(frozen=True)
class IdListMask:
    """Masks a candidate whose id is in the anchor's list. As large as the lists."""

    anchor: Tensor  # [P] the anchor (0 .. B - 1) that each list entry belongs to, ascending
    ids: Tensor  # [P] the entry
    num_anchors: int  # B
    candidate_ids: Tensor  # [M] of the shared candidates

    def to_dense(self) -> Tensor:
        """[B, M] True where the anchor's list holds the candidate's id."""
        distinct, place = self.candidate_ids.unique(return_inverse=True)  # [n], [M]
        found = torch.searchsorted(distinct, self.ids).clamp(max=len(distinct) - 1)  # [P]
        among = distinct[found] == self.ids  # [P]
        table = torch.zeros(self.num_anchors, len(distinct), dtype=torch.bool, device=place.device)  # [B, n]
        table[self.anchor[among], found[among]] = True
        return table[:, place]

    def select_anchors(self, rows: slice) -> IdListMask:
        """The mask of some of the anchors."""
        first, last, _ = rows.indices(self.num_anchors)
        inside = (self.anchor >= first) & (self.anchor < last)  # [P]
        return IdListMask(self.anchor[inside] - first, self.ids[inside], last - first, self.candidate_ids)


IdMask = SameIdMask | IdListMask
Mask = Union["Tensor", SameIdMask, IdListMask, None]
"""[B, M] True where a candidate is no negative, as a table or by ids; None: every candidate is one."""


def to_dense(mask: Mask) -> Tensor | None:
    """The mask as a table [B, M]; None stays None."""
    return mask.to_dense() if isinstance(mask, IdMask) else mask


class LogitMask:
    """A mask prepared to write -inf over masked logits in place, a block of anchors at a time.

    A mask of ids is looked up in the sorted ids of the candidates: only masked logits are written, and no block is
    compared as a whole.
    """

    def __init__(self, mask: Mask, num_anchors: int) -> None:
        self.dense = mask if isinstance(mask, torch.Tensor) else None
        self.anchor: Tensor | None = None
        if isinstance(mask, IdMask):
            ids = mask.anchor_ids if isinstance(mask, SameIdMask) else mask.ids  # [P]
            everyone = torch.arange(num_anchors, device=ids.device)
            self.anchor = everyone if isinstance(mask, SameIdMask) else mask.anchor  # [P] ascending
            ordered, self.place = mask.candidate_ids.sort()  # [M], [M]
            self.first = torch.searchsorted(ordered, ids)  # [P] where an id begins among the sorted
            self.number = torch.searchsorted(ordered, ids, right=True) - self.first  # [P] how often it occurs

    def __call__(self, logits: Tensor, start: int) -> Tensor:
        """Mask the logits of anchors from `start` on, [b, M]; rows and columns beyond the mask's are left alone."""
        if self.dense is not None:
            mask = self.dense[start : start + len(logits)]
            logits[: len(mask), : mask.shape[1]].masked_fill_(mask, -torch.inf)
        if self.anchor is not None:
            bounds = torch.tensor([start, start + len(logits)], device=logits.device)
            first, last = torch.searchsorted(self.anchor, bounds).tolist()
            number = self.number[first:last]  # [p] candidates that have the ids of these anchors' entries
            entry = torch.repeat_interleave(number)  # [masked]
            nth = torch.arange(len(entry), device=entry.device) - (number.cumsum(0) - number)[entry]  # [masked]
            row, column = self.anchor[first:last][entry] - start, self.place[self.first[first:last][entry] + nth]
            logits.view(-1).index_fill_(0, row * logits.shape[1] + column, -torch.inf)
        return logits
