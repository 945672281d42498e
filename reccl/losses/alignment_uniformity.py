"""Alignment and uniformity: pairs together, everything else spread over the sphere, without negatives (DirectAU)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import torch
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.similarity import inner_products, normalize_for
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def alignment_uniformity(
    anchor: Tensor, positive: Tensor, uniformity_weight: float, weight: Tensor | None = None
) -> Tensor:
    """DirectAU: Towards Representation Alignment and Uniformity in Collaborative Filtering, Wang et al., KDD 2022;
    https://arxiv.org/abs/2206.12811.

    L = mean over pairs (u, i) of |x_u - x_i|^2 + g * (uniformity of anchors + uniformity of positives) / 2

    x: embeddings scaled to unit length; uniformity: see there; g = uniformity_weight.

    Args:
        anchor: [B, D] embeddings of any length.
        positive: [B, D] the same.
        uniformity_weight: g of the uniformity.
        weight: [B] how much each pair counts in the mean; None: all alike. The uniformity is one of nodes.

    >>> users, items = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    >>> alignment_uniformity(users, items, uniformity_weight=0.5)  # aligned: 0, and both sides have uniformity -4
    tensor(-2.)

    """
    anchor, positive = normalize_for(anchor, "cosine"), normalize_for(positive, "cosine")
    alignment = weighted_mean((anchor - positive).square().sum(1), weight)
    return alignment + uniformity_weight * (uniformity(anchor) + uniformity(positive)) / 2


def uniformity(x: Tensor) -> Tensor:
    """Log of the mean over pairs of distinct nodes of exp(-2 |x - y|^2): [B, D] unit vectors -> a scalar.

    Where we differ: a node that occurs several times in a batch counts once; rows that are equal in every number are
    one node. The authors' code counts such pairs at distance zero, exp(0) = 1: they have no gradient, and inflate the
    mean that the true pairs are divided by; and a popular item, which occurs often, is pushed away from each other
    item as often. A batch with a single node has uniformity zero.
    """
    x = unique_rows(x)  # [n, D]
    n = len(x)
    if n < 2:
        return x.sum() * 0
    itself = torch.eye(n, dtype=torch.bool, device=x.device)
    squares = x.square().sum(1)  # [n]
    distances = (squares[:, None] + squares - 2 * inner_products(x, x)).clamp(min=0)  # [n, n] squared
    return torch.logsumexp((-2 * distances).masked_fill(itself, -torch.inf).flatten(), 0) - math.log(n * (n - 1))


def unique_rows(x: Tensor) -> Tensor:
    """The first of every group of equal rows, in their order: [B, D] -> [n, D]."""
    _, group = torch.unique(x.detach(), dim=0, return_inverse=True)  # [B]
    place = torch.arange(len(x), device=x.device)
    first = torch.full_like(group, len(x)).scatter_reduce(0, group, place, "amin")  # [B] padded with B
    return x[first[first < len(x)]]


class AlignmentUniformity(LossSettings):
    """See `alignment_uniformity`. Negatives are ignored: sample few (`negatives: {kind: in_batch}` costs nothing).
    Users and items are spread by B x B distances each: keep batches to a few thousand.
    """

    takes_weights = True
    kind: Literal["alignment_uniformity"] = "alignment_uniformity"
    uniformity_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight g of the uniformity; the authors search .2 to 10."""

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        return alignment_uniformity(pairs.anchor, pairs.positive, self.uniformity_weight, pairs.weight)
