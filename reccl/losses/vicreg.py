"""VICReg: pairs together, every dimension in use, no two dimensions redundant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import functional
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.similarity import at_least_float32, inner_products

if TYPE_CHECKING:
    from torch import Tensor


def vicreg(anchor: Tensor, positive: Tensor, invariance: float, variance: float, covariance: float) -> Tensor:
    """VICReg: Variance-Invariance-Covariance Regularization, Bardes et al., ICLR 2022, eq. 1-6;
    https://arxiv.org/abs/2105.04906.

    L = a * mean over pairs (x, y) of |x - y|^2 + b * [v(X) + v(Y)] + c * [w(X) + w(Y)]
    v(X) = mean over dimensions of max(0, 1 - sqrt(their variance + 1e-4)), w(X) = sum over k != m of cov(X)_km^2 / D

    Args:
        anchor: [B, D] embeddings X.
        positive: [B, D] embeddings Y of the same nodes in another view, or of the users' items.
        invariance: a.
        variance: b.
        covariance: c.

    Where we differ: nowhere in the paper's equations; the authors' code has a mean over D in the first part and half
    of v, so its weights are not these. A batch of one has variance and covariance zero.

    >>> import torch
    >>> x = torch.tensor([[2.0, 2.0], [-2.0, 2.0], [2.0, -2.0], [-2.0, -2.0]])  # spread, uncorrelated
    >>> vicreg(x, x, 25.0, 25.0, 1.0), vicreg(x, x + 1, 25.0, 25.0, 1.0)
    (tensor(0.), tensor(50.))

    """
    anchor, positive = at_least_float32(anchor), at_least_float32(positive)
    loss = invariance * (anchor - positive).square().sum(1).mean()
    for x in (anchor, positive):
        centered = x - x.mean(0)
        cov = inner_products(centered.T, centered.T) / max(len(x) - 1, 1)  # [D, D]
        own = cov.diagonal()  # [D]
        loss = loss + variance * functional.relu(1 - (own + 1e-4).sqrt()).mean()
        loss = loss + covariance * (cov - own.diag()).square().sum() / len(own)
    return loss


class VICReg(LossSettings):
    """See `vicreg`. Negatives are ignored."""

    kind: Literal["vicreg"] = "vicreg"
    invariance_weight: Annotated[float, Field(ge=0)] = 25.0
    """Weight a of the distance between a pair."""
    variance_weight: Annotated[float, Field(ge=0)] = 25.0
    """Weight b of the spread that each dimension lacks."""
    covariance_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight c of the covariance between different dimensions."""

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        weights = self.invariance_weight, self.variance_weight, self.covariance_weight
        return vicreg(pairs.anchor, pairs.positive, *weights)
