"""HSIC: two encodings of the same nodes should tell as little as possible about each other."""

from torch import Tensor

from reccl.losses.similarity import prepared, wide


def hsic(anchor: Tensor, positive: Tensor, bandwidth: float) -> Tensor:
    """Hilbert-Schmidt independence criterion, Gretton et al., ALT 2005 (https://doi.org/10.1007/11564089_7), as the
    information bottleneck of Graph Bottlenecked Social Recommendation (GBSR), Yang et al., KDD 2024;
    https://github.com/yimutianyang/KDD24-GBSR.

    HSIC = Tr(K H L H) / (n - 1)^2,  K_ab = exp((x_a . x_b - 1) / h),  L_ab = exp((y_a . y_b - 1) / h),  H = I - 11' / n

    x, y: the two encodings of n nodes, of unit length, so that K and L are Gaussian kernels of squared width h. Zero
    where they are independent; it stands for their mutual information. Minimized beside a ranking loss on the second
    encoding, that one keeps of the first what ranking needs.

    Args:
        anchor: [n, D] embeddings of any length.
        positive: [n, D] of the same nodes in another view.
        bandwidth: h; the authors' .25.

    Where we differ: n is the number of rows, where the authors' code divides by the batch size also where the batch has
    fewer distinct nodes. A single row has HSIC zero.

    """
    n = len(anchor)
    if n < 2:
        return (anchor.sum() + positive.sum()) * 0
    first, second = (centerd(kernel(x, bandwidth)) for x in (anchor, positive))  # [n, n]
    return (first * second).sum() / (n - 1) ** 2


def kernel(x: Tensor, bandwidth: float) -> Tensor:
    """Gaussian similarities of directions: [n, D] -> [n, n], 1 for the same direction."""
    x = prepared(x, "cosine")
    return ((wide(x @ x.T) - 1) / bandwidth).exp()


def centerd(matrix: Tensor) -> Tensor:
    """H M H: rows and columns of a symmetric matrix [n, n] with mean zero."""
    mean = matrix.mean(0)  # [n]
    return matrix - mean - mean[:, None] + mean.mean()
