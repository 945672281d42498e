"""Logit blocks: how many logits of a fused pass are in memory at a time, and the bytes that it takes."""

BLOCK = 1 << 21
"""Logits in a block where there are more than twice as many: 8 MiB of float32."""
KEPT = 1 << 25
"""Most exponentials that are kept for the backward pass, 128 MiB of float32; beyond that they are recomputed."""


def fused_bytes(anchors: int, candidates: int, dimension: int, *, on_gpu: bool = False) -> int:
    """Bytes of `fused_logsumexp` of so many anchors and candidates: tables of both with their transposes and gradients,
    and logits; on a GPU, where nothing is fused, of the whole table of logits with its gradient.

    >>> fused_bytes(1, 1 << 20, 1) == 4 * (1 << 20) * (4 * 1 + 1) + 16  # 2 ** 20 exponentials are kept
    True
    """
    tables, logits = 16 * (anchors + candidates) * dimension, anchors * candidates
    if on_gpu:
        return tables + 12 * logits
    return tables + 4 * (logits if logits <= KEPT else min(logits, 4 * BLOCK))
