"""Similarity: how close two embeddings are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from reccl.lazy import torch
from reccl.losses.loss import Pairs

if TYPE_CHECKING:
    from torch import Tensor

Similarity = Literal["cosine", "dot"]
"""Similarities that are inner products of embeddings, scaled by `normalize_for`."""
PairSimilarity = Literal["cosine", "dot", "euclidean"]
"""Similarities of `score_pairs`: also the negative squared distance."""
FLOOR = 1e-12
"""Length below which an embedding counts as zero: it has no direction."""


def normalize_for(x: Tensor, similarity: Similarity) -> Tensor:
    """Embeddings [.., D] whose inner products are the similarity: of unit length for cosine, unchanged for dot.

    A zero vector, shorter than `FLOOR`, stays zero and has gradient zero. Lengths are taken in float32 at least: in
    float16 the floor itself would be zero.

    >>> normalize_for(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), "cosine")
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    if similarity == "dot":
        return x
    from reccl.losses.unit_rows import scale_to_unit_rows

    return scale_to_unit_rows(at_least_float32(x), FLOOR)


def at_least_float32(x: Tensor) -> Tensor:
    """The same numbers in float32, or in float64 where they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def inner_products(x: Tensor, y: Tensor) -> Tensor:
    """Inner products of all rows of x with all rows of y: [n, D], [m, D] -> [n, m].

    In float32 at least, also where `training.precision: bfloat16` multiplies other matrices in bfloat16: that rounds a
    cosine by up to .004, and over a temperature of .08 a logit by .05.
    """
    with torch.autocast(x.device.type, enabled=False):
        return at_least_float32(x) @ at_least_float32(y).T


def dot_positive(anchor: Tensor, positive: Tensor) -> Tensor:
    """Inner product of each anchor with its own positive, in float32 at least: [B, D], [B, D] -> [B]."""
    return (at_least_float32(anchor) * at_least_float32(positive)).sum(-1)


def dot_negatives(anchor: Tensor, negatives: Tensor) -> Tensor:
    """Inner products of each anchor with shared negatives [M, D], or with its own [B, M, D]: [B, D] -> [B, M].

    In float32 at least; see `inner_products`.
    """
    if negatives.dim() == 2:
        return inner_products(anchor, negatives)
    with torch.autocast(anchor.device.type, enabled=False):
        return torch.einsum("bd,bmd->bm", at_least_float32(anchor), at_least_float32(negatives))


def center_pairs(pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors, positives and negatives less the anchors' mean, in float32 at least, for squared distances.

    Distances stay the same, but |x|^2 - 2 x.y + |y|^2 no longer cancels where embeddings are far from the origin and
    close to each other.
    """
    anchor, positive, negatives = (at_least_float32(x) for x in (pairs.anchor, pairs.positive, pairs.negatives))
    center = anchor.detach().mean(0)  # [D]
    return anchor - center, positive - center, negatives - center


def score_pairs(pairs: Pairs, similarity: PairSimilarity) -> tuple[Tensor, Tensor]:
    """Similarity of each anchor to its positive, [B], and to its negatives, [B, M].

    euclidean: -|x - y|^2, to the negatives as 2xy - |x|^2 - |y|^2, at most zero in spite of rounding.

    >>> pairs = Pairs(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0], [2.0, 0.0]]))
    >>> score_pairs(pairs, "dot")
    (tensor([1.]), tensor([[0., 2.]]))
    >>> score_pairs(pairs, "euclidean")
    (tensor([-0.]), tensor([[-5., -1.]]))
    """
    if similarity == "euclidean":
        anchor, positive, negatives = center_pairs(pairs)
        distance = (anchor - positive).square().sum(-1)  # [B] squared
        squares = anchor.square().sum(-1)[:, None] + negatives.square().sum(-1)  # [B, M]
        return -distance, (2 * dot_negatives(anchor, negatives) - squares).clamp(max=0)
    anchor, positive, negatives = (
        normalize_for(x, similarity) for x in (pairs.anchor, pairs.positive, pairs.negatives)
    )
    return dot_positive(anchor, positive), dot_negatives(anchor, negatives)
