"""Rows of length one have the gradient that torch's own quotient has, at zero too."""

import pytest
import torch

from reccl.losses.unit_rows import scale_to_unit_rows


@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 5), (5,), (0, 5)])
def test_values_and_gradients_are_those_of_the_quotient(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    direction = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours, slow = scale_to_unit_rows(x, 1e-12), x / x.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(ours, slow)
    gradients = [torch.autograd.grad((each * direction).sum(), x)[0] for each in (ours, slow)]
    torch.testing.assert_close(*gradients)


def test_its_gradient_is_the_slope() -> None:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: scale_to_unit_rows(x, 1e-12), x)


def test_rows_shorter_than_the_floor_stay_zero_and_have_no_gradient() -> None:
    x = torch.tensor([[0.0, 0.0], [1e-13, 0.0], [3.0, 4.0]]).requires_grad_()
    unit = scale_to_unit_rows(x, 1e-12)
    (unit * torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 0.0]])).sum().backward()
    assert x.grad is not None
    assert not unit[:2].any()
    assert not x.grad[:2].any()
    torch.testing.assert_close(x.grad[2], torch.tensor([0.128, -0.096]))  # (g - n (n . g)) / 5
