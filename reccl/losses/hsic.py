"""HSIC: how much two encodings of the same nodes depend on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.losses.similarity import inner_products, normalize_for

if TYPE_CHECKING:
    from torch import Tensor


def hsic(anchor: Tensor, positive: Tensor, bandwidth: float) -> Tensor:
    """Hilbert-Schmidt independence criterion, Gretton et al., ALT 2005 (https://doi.org/10.1007/11564089_7), as the
    information bottleneck of Graph Bottlenecked Social Recommendation (GBSR), Yang et al., KDD 2024;
    https://github.com/yimutianyang/KDD24-GBSR.

    HSIC = Tr(K H L H) / (n - 1)^2,  K_ab = exp((x_a . x_b - 1) / h),  L_ab = exp((y_a . y_b - 1) / h),  H = I - 11' / n

    x, y: the two encodings of n nodes, scaled to unit length, so that K and L are Gaussian kernels of squared width h.
    Zero where they are independent; it stands for their mutual information. Minimized beside a ranking loss on the
    second encoding, that one keeps of the first what ranking needs.

    Args:
        anchor: [n, D] embeddings of any length.
        positive: [n, D] of the same nodes in another view.
        bandwidth: h; the authors' .25.

    Where we differ: n is the number of rows, where the authors' code divides by the batch size also where the batch has
    fewer distinct nodes. A single row has HSIC zero.

    >>> import torch
    >>> x, same = torch.eye(4), torch.ones(4, 4)
    >>> hsic(x, x, bandwidth=0.25), hsic(x, same, bandwidth=0.25)
    (tensor(0.3212), tensor(0.))

    """
    n = len(anchor)
    if n < 2:
        return (anchor.sum() + positive.sum()) * 0
    first, second = (double_center(gaussian_kernel(x, bandwidth)) for x in (anchor, positive))  # [n, n]
    return (first * second).sum() / (n - 1) ** 2


def gaussian_kernel(x: Tensor, bandwidth: float) -> Tensor:
    """Gaussian similarities of directions: [n, D] -> [n, n], 1 for the same direction."""
    x = normalize_for(x, "cosine")
    return ((inner_products(x, x) - 1) / bandwidth).exp()


def double_center(matrix: Tensor) -> Tensor:
    """H M H: rows and columns of a symmetric matrix [n, n] with mean zero."""
    mean = matrix.mean(0)  # [n]
    return matrix - mean - mean[:, None] + mean.mean()
