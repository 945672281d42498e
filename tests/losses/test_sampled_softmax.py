"""Sums over drawn candidates are those over all of them on average."""

import pytest
import torch
from torch import Tensor

from reccl.losses import catalog_softmax
from reccl.losses.sampled_softmax import draw_candidates, sampled_softmax

ANCHORS, CANDIDATES, D, B = 7, 40, 5, 60


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def tables() -> tuple[Tensor, Tensor]:
    return normal(ANCHORS, D, seed=0).requires_grad_(), normal(CANDIDATES, D, seed=1).requires_grad_()


@pytest.fixture
def pairs() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(2)
    return tuple(torch.randint(high, (B,), generator=random) for high in (ANCHORS, CANDIDATES))


WEIGHT = torch.arange(1, CANDIDATES + 1).double() ** 2


@pytest.mark.parametrize("weighted", [False, True])
def test_with_all_candidates_drawn_it_is_the_full_softmax(
    tables: tuple[Tensor, Tensor], pairs: tuple[Tensor, Tensor], weighted: bool
) -> None:
    weight = normal(B, seed=4).abs() if weighted else None
    drawn = draw_candidates(WEIGHT, 10**6, torch.Generator())
    found = sampled_softmax(*tables, *pairs, *drawn, weight)
    exact = catalog_softmax(*tables, *pairs, WEIGHT.log(), weight=weight)
    assert found.item() == pytest.approx(exact.item(), rel=1e-6)
    for one, other in zip(torch.autograd.grad(found, tables), torch.autograd.grad(exact, tables), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_sums_are_right_on_average(tables: tuple[Tensor, Tensor]) -> None:
    exponentials = (tables[0] @ tables[1].T).detach().exp()  # [n, M]
    exact = exponentials @ WEIGHT
    random, draws = torch.Generator().manual_seed(3), 4000
    sums = []
    for _ in range(draws):
        drawn, log_factor = draw_candidates(WEIGHT, 12, random)
        sums.append(exponentials[:, drawn] @ log_factor.exp())
    found = torch.stack(sums)
    error = found.std(0) / draws**0.5
    assert ((found.mean(0) - exact).abs() < 4 * error).all()
    assert (found.std(0) > 0.01 * exact).all()  # it is an estimate


def test_the_heaviest_are_always_drawn_once_and_the_number_is_right_on_average() -> None:
    random = torch.Generator().manual_seed(0)
    weight = torch.cat([torch.tensor([1000.0]), torch.ones(100)])
    numbers = []
    for _ in range(500):
        drawn, log_factor = draw_candidates(weight, 20, random)
        assert drawn[0] == 0
        assert log_factor[0].exp() == pytest.approx(1000)
        assert len(drawn.unique()) == len(drawn)
        numbers.append(len(drawn))
    assert sum(numbers) / 500 == pytest.approx(1 + 100 * 20 / 1100, rel=0.1)


def test_embeddings_in_half_precision_have_logits_in_float32(
    tables: tuple[Tensor, Tensor], pairs: tuple[Tensor, Tensor]
) -> None:
    half = tuple(table.detach().bfloat16() for table in tables)
    drawn = draw_candidates(WEIGHT.float(), 10**6, torch.Generator())
    found = sampled_softmax(*half, *pairs, *drawn)
    slow = catalog_softmax(*(table.double() for table in half), *pairs, WEIGHT.log())
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(slow.item(), rel=1e-5)
