"""LogitMask: writes -inf over the logits of candidates that do not count."""

import torch
from torch import Tensor

from reccl.losses.loss import Listed, Same

Mask = Tensor | Same | Listed | None
"""See `Pairs.mask`."""


class LogitMask:
    """Hides in place, a block of anchors at a time.

    A mask of ids is searched for in the sorted ids of the candidates: what is written is what is hidden, and no block
    is compared whole.
    """

    def __init__(self, mask: Mask, anchors: int) -> None:
        self.dense = mask if isinstance(mask, Tensor) else None
        self.anchor: Tensor | None = None
        if isinstance(mask, Same | Listed):
            listed = mask.own if isinstance(mask, Same) else mask.listed  # [P] ids
            everyone = torch.arange(anchors, device=listed.device)
            self.anchor = everyone if isinstance(mask, Same) else mask.anchor  # [P] ascending
            ids, self.place = mask.candidates.sort()  # [M], [M]
            self.first = torch.searchsorted(ids, listed)  # [P] where an id begins among the sorted
            self.number = torch.searchsorted(ids, listed, right=True) - self.first  # [P] how often it is there

    def __call__(self, logits: Tensor, start: int) -> Tensor:
        """The logits of anchors from `start` on, [b, M]; rows and columns beyond the mask's are left alone."""
        if self.dense is not None:
            mask = self.dense[start : start + len(logits)]
            logits[: len(mask), : mask.shape[1]].masked_fill_(mask, -torch.inf)
        if self.anchor is not None:
            bounds = torch.tensor([start, start + len(logits)], device=logits.device)
            first, last = torch.searchsorted(self.anchor, bounds).tolist()
            number = self.number[first:last]  # [p] candidates that bear the ids of these anchors' entries
            entry = torch.repeat_interleave(number)  # [hidden]
            nth = torch.arange(len(entry), device=entry.device) - (number.cumsum(0) - number)[entry]  # [hidden]
            row, column = self.anchor[first:last][entry] - start, self.place[self.first[first:last][entry] + nth]
            logits.view(-1).index_fill_(0, row * logits.shape[1] + column, -torch.inf)
        return logits
