"""HSIC equals Gretton's trace, and is zero where one encoding tells nothing of the other."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from reccl.losses import hsic

N, D = 12, 4


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bandwidth", [0.25, 1.0])
def test_is_grettons_over_gaussian_kernels_of_directions(bandwidth: float) -> None:
    def slow_kernel(z: np.ndarray) -> np.ndarray:
        return np.array([[np.exp(-((a - b) ** 2).sum() / (2 * bandwidth)) for b in z] for a in z])

    x, y = drawn(N, D, seed=1), drawn(N, D, seed=2)
    first, second = (slow_kernel(normalize(each.double()).numpy()) for each in (x, y))
    center = np.eye(N) - 1 / N
    slow = np.trace(first @ center @ second @ center) / (N - 1) ** 2
    assert hsic(x, y, bandwidth).item() == pytest.approx(slow, rel=1e-4)


def test_tells_dependence_from_independence() -> None:
    x = drawn(400, D, seed=1)
    itself, rotated = hsic(x, x, 0.25).item(), hsic(x, x @ torch.linalg.qr(drawn(D, D, seed=3)).Q, 0.25).item()
    assert itself == pytest.approx(rotated, rel=1e-4)
    assert abs(hsic(x, drawn(400, D, seed=2), 0.25).item()) < 0.1 * itself
    assert hsic(x, torch.ones(400, D), 0.25).item() == pytest.approx(0, abs=1e-7)


def test_a_single_node_depends_on_nothing() -> None:
    x, y = (drawn(1, D, seed=seed).requires_grad_() for seed in (1, 2))
    hsic(x, y, 0.25).backward()
    assert not x.grad.any()
    assert not y.grad.any()
