"""Chunks: a large batch some anchors at a time, in bounded memory."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from reccl.losses.loss import Pairs

LOGITS = 1 << 25
"""Most similarities that are held at once: 128 MiB of float32."""


def in_chunks(loss: Callable[[Pairs], Tensor], pairs: Pairs) -> Tensor:
    """A loss that is a mean over anchors, as the weighted mean of its chunks.

    The similarities of a chunk are computed anew on the way back instead of being kept (gradient checkpointing), so
    that B x M of them are never there together: one more product of [B, D] and [D, M] for memory that does not grow
    with B x M. Batches of up to `LOGITS` similarities are one chunk, and nothing is computed twice.
    """
    if pairs.logits <= LOGITS:
        return loss(pairs)
    anchors = len(pairs.anchor)
    size = max(LOGITS * anchors // pairs.logits, 1)
    parts = [pairs.of(slice(start, start + size)) for start in range(0, anchors, size)]
    means = [checkpoint(loss, part, use_reentrant=False, preserve_rng_state=False) for part in parts]  # scalars
    return torch.stack([mean * (len(part.anchor) / anchors) for mean, part in zip(means, parts, strict=True)]).sum()
