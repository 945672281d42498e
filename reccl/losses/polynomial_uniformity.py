"""Polynomial uniformity: the dimensions of an embedding unlike each other, by a polynomial kernel (RecDCL)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import torch
from reccl.losses.barlow_twins import standardize
from reccl.losses.similarity import inner_products

if TYPE_CHECKING:
    from torch import Tensor


def polynomial_uniformity(x: Tensor, scale: float, offset: float, degree: int) -> Tensor:
    """RecDCL: Dual Contrastive Learning for Recommendation, Zhang et al., WWW 2024; https://arxiv.org/abs/2401.15635:

    L = log of the mean over pairs of dimensions k, m of (a C_km + c)^e

    C_km = correlation over the batch of dimensions k and m of x [B, D]; a = scale, c = offset, e = degree. The larger
    e, the more the pairs count that are most alike.

    Where we differ: correlations are means, where the authors' code has sums over the batch. With c = 0 that is a value
    less by e log B, and the same gradient.

    >>> x = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])  # two uncorrelated dimensions of four
    >>> polynomial_uniformity(x, 1.0, 0.0, 4), polynomial_uniformity(x[:, [0, 0]], 1.0, 0.0, 4)  # log 1/2, log 1
    (tensor(-0.6931), tensor(0.))

    """
    z = standardize(x)  # [B, D]
    kernel = (scale * inner_products(z.T, z.T / len(z)) + offset) ** degree  # [D, D]
    return kernel.mean().clamp(min=torch.finfo(kernel.dtype).tiny).log()
