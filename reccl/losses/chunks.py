"""Chunks: a large batch a chunk of anchors at a time, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from typing_extensions import override

from reccl.lazy import torch
from reccl.losses.loss import LossSettings, Pairs

if TYPE_CHECKING:
    from torch import Tensor

LOGITS = 1 << 25
"""Most similarities that are held at once: 128 MiB of float32."""


def average_over_chunks(loss: Callable[[Pairs], Tensor], pairs: Pairs) -> Tensor:
    """A loss that is a mean over anchors, as the weighted mean of its chunks.

    The similarities of a chunk are recomputed in the backward pass instead of being kept (gradient checkpointing), so
    that B x M of them never exist at once: one more product of [B, D] and [D, M] for memory that does not grow with
    B x M. Batches of up to `LOGITS` similarities are one chunk, and nothing is computed twice.
    """
    if pairs.num_logits <= LOGITS:
        return loss(pairs)
    anchors = len(pairs.anchor)
    size = max(LOGITS * anchors // pairs.num_logits, 1)
    chunks = [pairs.select_anchors(slice(start, start + size)) for start in range(0, anchors, size)]
    checkpoint = torch.utils.checkpoint.checkpoint
    means = [checkpoint(loss, chunk, use_reentrant=False, preserve_rng_state=False) for chunk in chunks]  # scalars
    whole = count_anchors(pairs)
    return torch.stack([mean * (count_anchors(chunk) / whole) for mean, chunk in zip(means, chunks, strict=True)]).sum()


def count_anchors(pairs: Pairs) -> float | Tensor:
    """How many anchors there are, or their weight."""
    return len(pairs.anchor) if pairs.weight is None else pairs.weight.sum()


class ChunkedLoss(LossSettings):
    """A loss that is a mean over anchors: `compute` gives it for all of them, large batches are chunked."""

    takes_weights = True

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        return average_over_chunks(self.compute, pairs)

    @override
    def count(self, pairs: Pairs) -> float | Tensor:
        return count_anchors(pairs)

    @override
    def logit_bytes(self, anchors: int, candidates: int) -> int:
        return super().logit_bytes(1, min(anchors * candidates, LOGITS))

    def compute(self, pairs: Pairs) -> Tensor:
        """The mean over anchors, a scalar, from the table of all B x M similarities."""
        raise NotImplementedError
