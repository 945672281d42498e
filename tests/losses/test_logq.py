"""The corrected logQ correction: sampled candidates stand for the whole catalog, whatever they are sampled by."""

import pytest
import torch

from reccl.losses import InfoNCE, Pairs, SameIdMask
from reccl.losses.logits import compute_logits
from reccl.losses.positive_and_logsumexp import positive_and_logsumexp

ITEMS, TEMPERATURE = 15, 0.3
CORRECTED = {"temperature": TEMPERATURE, "popularity_correction": 1.0, "logq": "corrected"}
STANDARD = {**CORRECTED, "logq": "standard"}


def world() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Users [B, D], the catalog [I, D], and each user's positive [B]."""
    random = torch.Generator().manual_seed(3)
    users, items = (torch.randn(n, 4, generator=random, dtype=torch.double) for n in (6, ITEMS))
    return users, items, torch.arange(6)


def distribution(kind: str) -> torch.Tensor:
    """q [I]: of a catalog, of batches, or of a mixture of both."""
    uniform = torch.full((ITEMS,), 1 / ITEMS, dtype=torch.double)
    popularity = torch.softmax(torch.linspace(2, -2, ITEMS, dtype=torch.double), 0)
    return {"uniform": uniform, "popularity": popularity, "mixed": (uniform + popularity) / 2}[kind]


def sampled(items: torch.Tensor, q: torch.Tensor, number: int, seed: int) -> Pairs:
    users, _, positive = world()
    drawn = torch.multinomial(q, number, replacement=True, generator=torch.Generator().manual_seed(seed))  # [M]
    log_q = q.log()
    return Pairs(users, items[positive], items[drawn], SameIdMask(positive, drawn), log_q[positive], log_q[drawn])


def full_softmax(items: torch.Tensor) -> torch.Tensor:
    users, _, positive = world()
    logits = torch.nn.functional.normalize(users, dim=1) @ torch.nn.functional.normalize(items, dim=1).T / TEMPERATURE
    return torch.nn.functional.cross_entropy(logits, positive)


@pytest.mark.parametrize("kind", ["uniform", "popularity", "mixed"])
def test_many_candidates_give_the_softmax_over_the_catalog(kind: str) -> None:
    _, items, _ = world()
    found = InfoNCE(**CORRECTED)(sampled(items, distribution(kind), 200_000, seed=1))
    assert found.item() == pytest.approx(full_softmax(items).item(), rel=0.01)


def test_few_candidates_give_its_gradient_where_the_standard_one_does_not() -> None:
    q, draws, number = distribution("popularity"), 500, 96
    _, items, _ = world()
    items.requires_grad_()
    (exact,) = torch.autograd.grad(full_softmax(items), items)
    errors = {}
    for name, settings in (("corrected", CORRECTED), ("standard", STANDARD)):
        loss, total = InfoNCE(**settings), torch.zeros_like(items)
        for seed in range(draws):
            total += torch.autograd.grad(loss(sampled(items, q, number, seed)), items)[0]
        errors[name] = ((total / draws - exact).norm() / exact.norm()).item()
    assert errors["corrected"] < 0.5 * errors["standard"]
    assert errors["standard"] > 0.1


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
def test_the_fused_pass_and_the_table_agree(similarity) -> None:
    _, items, _ = world()
    pairs = sampled(items, distribution("mixed"), 33, seed=2)
    positive, log_sum = positive_and_logsumexp(pairs, similarity, TEMPERATURE, 0.7, "corrected")
    table_positive, negatives = compute_logits(pairs, similarity, TEMPERATURE, 0.7, "corrected")
    torch.testing.assert_close(positive, table_positive)
    torch.testing.assert_close(log_sum, negatives.masked_fill(pairs.dense_mask, -torch.inf).logsumexp(1))


def test_it_needs_a_correction() -> None:
    with pytest.raises(ValueError, match="popularity_correction=1"):
        InfoNCE(logq="corrected")
