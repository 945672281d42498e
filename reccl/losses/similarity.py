"""Similarity: how near two embeddings are."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

Similarity = Literal["cosine", "dot"]


def prepared(x: Tensor, similarity: Similarity) -> Tensor:
    """Embeddings [..., D] whose inner products are the similarity: unit length for cosine. Zero stays zero."""
    return normalize(x, dim=-1) if similarity == "cosine" else x


def to_positive(anchor: Tensor, positive: Tensor) -> Tensor:
    """Inner product of each anchor with its own positive: [B, D], [B, D] -> [B]."""
    return (anchor * positive).sum(-1)


def to_negatives(anchor: Tensor, negatives: Tensor) -> Tensor:
    """Inner products of each anchor with shared negatives [M, D], or with its own [B, M, D]: [B, D] -> [B, M]."""
    if negatives.dim() == 2:
        return anchor @ negatives.T
    return torch.einsum("bd,bmd->bm", anchor, negatives)
