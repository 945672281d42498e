"""Barlow twins: each dimension agrees with itself in the other view, and with no other dimension."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.similarity import wide


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

    """
    correlation = standardized(anchor).T @ (standardized(positive) / len(anchor))  # [D, D]
    itself = correlation.diagonal()  # [D]
    return (1 - itself).square().sum() + weight * (correlation.square().sum() - itself.square().sum())


def standardized(x: Tensor) -> Tensor:
    """Mean 0 and spread 1 in every column, float32 at least: [B, D]."""
    x = wide(x)
    x = x - x.mean(0)
    return x / (x.square().mean(0) + 1e-12).sqrt()


class BarlowTwins(LossSettings):
    """See `barlow_twins`. Negatives are not looked at. Needs batches well larger than the dimension."""

    kind: Literal["barlow_twins"] = "barlow_twins"
    redundancy_weight: Annotated[float, Field(ge=0)] = 0.005
    """Weight l of the squared correlations between different dimensions."""

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        return barlow_twins(pairs.anchor, pairs.positive, self.redundancy_weight)
