"""Similarity: how near two embeddings are."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from reccl.losses.loss import Pairs

Similarity = Literal["cosine", "dot"]
"""What an inner product of prepared embeddings can say."""
PairSimilarity = Literal["cosine", "dot", "euclidean"]
"""What `scores` can say: also the squared distance, negative so that nearer is more."""


def prepared(x: Tensor, similarity: Similarity) -> Tensor:
    """Embeddings [..., D] whose inner products are the similarity: unit length for cosine. Zero stays zero.

    Lengths are taken in float32 at least: in float16 the floor under a length of zero would itself be zero.
    """
    return normalize(wide(x), dim=-1) if similarity == "cosine" else x


def wide(x: Tensor) -> Tensor:
    """The same numbers in float32 at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def to_positive(anchor: Tensor, positive: Tensor) -> Tensor:
    """Inner product of each anchor with its own positive: [B, D], [B, D] -> [B]."""
    return (anchor * positive).sum(-1)


def to_negatives(anchor: Tensor, negatives: Tensor) -> Tensor:
    """Inner products of each anchor with shared negatives [M, D], or with its own [B, M, D]: [B, D] -> [B, M]."""
    if negatives.dim() == 2:
        return anchor @ negatives.T
    return torch.einsum("bd,bmd->bm", anchor, negatives)


def scores(pairs: Pairs, similarity: PairSimilarity) -> tuple[Tensor, Tensor]:
    """Similarity of each anchor to its positive, [B], and to its negatives, [B, M].

    euclidean: -|x - y|^2, to the negatives as 2xy - |x|^2 - |y|^2, whose rounding may not make it positive.
    """
    if similarity == "euclidean":
        anchor, positive, negatives = (wide(each) for each in (pairs.anchor, pairs.positive, pairs.negatives))
        apart = (anchor - positive).square().sum(-1)  # [B]
        squares = anchor.square().sum(-1)[:, None] + negatives.square().sum(-1)  # [B, M]
        return -apart, (2 * to_negatives(anchor, negatives) - squares).clamp(max=0)
    anchor, positive, negatives = (
        prepared(each, similarity) for each in (pairs.anchor, pairs.positive, pairs.negatives)
    )
    return to_positive(anchor, positive), to_negatives(anchor, negatives)
