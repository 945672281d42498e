"""Full softmax out of embeddings is that of their logits, and so are its gradients."""

import pytest
import torch
from torch import Tensor

from reccl.losses import catalog_softmax, full_softmax

ANCHORS, CANDIDATES, D, B = 37, 53, 6, 400


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def tables() -> tuple[Tensor, Tensor]:
    return drawn(ANCHORS, D, seed=0).requires_grad_(), drawn(CANDIDATES, D, seed=1).requires_grad_()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("popular", [False, True])
def test_it_is_the_full_softmax_of_the_products(
    tables: tuple[Tensor, Tensor], weighted: bool, hidden: bool, popular: bool
) -> None:
    anchors, candidates = tables
    random = torch.Generator().manual_seed(2)
    known = (torch.rand(ANCHORS, CANDIDATES, generator=random) < 0.3).nonzero().unbind(1)
    order = torch.randperm(len(known[0]), generator=random)[:B]  # interactions in no order
    row, positive = known[0][order], known[1][order]
    options = (
        drawn(CANDIDATES, seed=3) if popular else None,
        known if hidden else None,
        drawn(B, seed=4).abs() if weighted else None,
    )
    found = catalog_softmax(anchors, candidates, row, positive, *options)
    slow = full_softmax(anchors @ candidates.T, row, positive, *options)
    assert found.item() == pytest.approx(slow.item(), rel=1e-6)
    for one, other in zip(torch.autograd.grad(found, tables), torch.autograd.grad(slow, tables), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_embeddings_in_half_precision_have_logits_in_float32(tables: tuple[Tensor, Tensor]) -> None:
    anchors, candidates = (table.detach().bfloat16() for table in tables)
    row, positive = torch.tensor([0, 1, 1]), torch.tensor([4, 0, 9])
    found = catalog_softmax(anchors, candidates, row, positive)
    slow = full_softmax(anchors.double() @ candidates.double().T, row, positive)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(slow.item(), rel=1e-6)
