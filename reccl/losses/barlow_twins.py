"""Barlow twins: each dimension agrees with itself in the other view, and with no other dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.similarity import at_least_float32, inner_products

if TYPE_CHECKING:
    from torch import Tensor


def barlow_twins(anchor: Tensor, positive: Tensor, weight: float) -> Tensor:
    """Barlow Twins: Self-Supervised Learning via Redundancy Reduction, Zbontar et al., ICML 2021, eq. 1-2;
    https://arxiv.org/abs/2103.03230.

    L = sum_k (1 - C_kk)^2 + l * sum over k != m of C_km^2
    C_km = correlation over the batch of dimension k of the anchors with dimension m of the positives

    Args:
        anchor: [B, D] embeddings.
        positive: [B, D] of the same nodes in another view, or of the users' items.
        weight: l of the redundancy.

    Where we differ: nowhere; a dimension without spread has correlation zero, so that a batch of one costs D.

    >>> import torch
    >>> x = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])  # two uncorrelated dimensions
    >>> barlow_twins(x, x, weight=0.005), barlow_twins(x, x[:, [1, 0]], weight=0.005)
    (tensor(0.), tensor(2.0100))

    """
    correlation = inner_products(standardize(anchor).T, standardize(positive).T / len(anchor))  # [D, D]
    diagonal = correlation.diagonal()  # [D]
    return (1 - diagonal).square().sum() + weight * (correlation.square().sum() - diagonal.square().sum())


def standardize(x: Tensor) -> Tensor:
    """Scale every column to mean 0 and deviation 1, in float32 at least: [B, D]."""
    x = at_least_float32(x)
    x = x - x.mean(0)
    return x / (x.square().mean(0) + 1e-12).sqrt()


class BarlowTwins(LossSettings):
    """See `barlow_twins`. Negatives are ignored. Needs batches well larger than the dimension."""

    kind: Literal["barlow_twins"] = "barlow_twins"
    redundancy_weight: Annotated[float, Field(ge=0)] = 0.005
    """Weight l of the squared correlations between different dimensions."""

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        return barlow_twins(pairs.anchor, pairs.positive, self.redundancy_weight)
