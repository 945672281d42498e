"""Ridge: least squares with a penalty, which leave-one-out residuals choose."""

from collections.abc import Sequence

import torch
from torch import Tensor


def ridge(x: Tensor, y: Tensor, penalties: Sequence[float]) -> tuple[Tensor, Tensor, float]:
    """B [H, D] and c [D] that minimize |x B + c - y|^2 + penalty |B|^2, c not penalized; and the penalty.

    Of several `penalties` the one is taken whose squared leave-one-out residuals are least (PRESS: Allen, 1974), which
    one eigendecomposition gives for all: with x'x = V diag(e) V' of the centerd x, the leverage of row i is
    h_i = 1/n + sum_k (x V)_ik^2 / (e_k + penalty), and the residual without row i is the residual divided by 1 - h_i.

    Args:
        x: [n, H]; where H > n the same is computed from x x'.
        y: [n, D].
        penalties: at least one, above 0.

    """
    middle, center = x.mean(0), y.mean(0)
    a, b = (x - middle).double(), (y - center).double()  # [n, H], [n, D]
    if len(penalties) == 1:
        weights = solved(a, b, penalties[0])
        return weights.to(x), (center - middle @ weights.to(x)).to(x), penalties[0]
    if a.shape[1] <= len(a):
        values, basis = torch.linalg.eigh(a.T @ a)  # [H], [H, H]
        scores = a @ basis  # [n, H]: its columns are orthogonal, with squared lengths `values`
    else:
        values, left = torch.linalg.eigh(a @ a.T)  # [n], [n, n]
        values = values.clamp(min=0)
        scores = left * values.sqrt()
        basis = a.T @ left / values.clamp(min=values.max() * 1e-12 + 1e-30).sqrt()  # [H, n]
    values, told = values.clamp(min=0), scores.T @ b  # [k], [k, D]
    _, penalty = min(
        ((left_out(scores, values, told, b, penalty), penalty) for penalty in penalties), key=lambda pair: pair[0]
    )
    weights = basis @ (told / (values + penalty)[:, None])  # [H, D]
    return weights.to(x), (center - middle @ weights.to(x)).to(x), penalty


def solved(a: Tensor, b: Tensor, penalty: float) -> Tensor:
    """The weights [H, D] for centerd a [n, H] and b [n, D], from the smaller of a'a and a a'."""
    own = a.T @ a if a.shape[1] <= len(a) else a @ a.T
    factor = torch.linalg.cholesky(own + penalty * torch.eye(len(own), dtype=own.dtype, device=own.device))
    if a.shape[1] <= len(a):
        return torch.cholesky_solve(a.T @ b, factor)
    return a.T @ torch.cholesky_solve(b, factor)


def left_out(scores: Tensor, values: Tensor, told: Tensor, y: Tensor, penalty: float) -> float:
    """Sum of squared leave-one-out residuals."""
    shrunk = 1 / (values + penalty)  # [k]
    leverage = 1 / len(y) + scores.square() @ shrunk  # [n]
    residual = y - scores @ (told * shrunk[:, None])  # [n, D]
    return float((residual.square().sum(1) / (1 - leverage).clamp(min=1e-6).square()).sum())
