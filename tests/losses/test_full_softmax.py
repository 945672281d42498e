"""The positive against the whole catalog, or against what the anchor is not known to like."""

import numpy as np
import pytest
import torch

from reccl.losses import full_softmax

LOGITS = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.0, 4.0, -1.0, 2.0]], dtype=torch.float64)
ROW, POSITIVE = torch.tensor([0, 0, 1]), torch.tensor([0, 3, 1])
KNOWN = (torch.tensor([0, 0, 1, 1]), torch.tensor([0, 3, 1, 2]))


def test_all_candidates_are_in_the_sum() -> None:
    slow = [
        np.log(np.exp(LOGITS[row].numpy()).sum()) - LOGITS[row, item] for row, item in zip(ROW, POSITIVE, strict=True)
    ]
    assert full_softmax(LOGITS, ROW, POSITIVE).item() == pytest.approx(np.mean(slow))


def test_known_positives_are_left_out_of_the_sum_but_for_the_positive_itself() -> None:
    weight = np.array([1.0, 0.5, 2.0, 4.0])
    slow = []
    for row, item in zip(ROW.tolist(), POSITIVE.tolist(), strict=True):
        liked = {int(j) for place, j in zip(*KNOWN, strict=True) if place == row}
        below = sum(weight[j] * np.exp(LOGITS[row, j].item()) for j in range(4) if j not in liked)
        own = np.exp(LOGITS[row, item].item())
        slow.append(-np.log(own / (own + below)))
    found = full_softmax(LOGITS, ROW, POSITIVE, torch.tensor(weight).log(), KNOWN)
    assert found.item() == pytest.approx(np.mean(slow))


def test_an_anchor_that_knows_everything_has_loss_and_gradient_zero() -> None:
    logits = LOGITS[:1].clone().requires_grad_()
    known = (torch.zeros(4, dtype=torch.long), torch.arange(4))
    loss = full_softmax(logits, torch.tensor([0]), torch.tensor([2]), None, known)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_interactions_count_by_their_weight() -> None:
    alone = [full_softmax(LOGITS, ROW[[at]], POSITIVE[[at]]).item() for at in range(3)]
    weight = torch.tensor([1.0, 0.25, 3.0], dtype=torch.float64)
    found = full_softmax(LOGITS, ROW, POSITIVE, weight=weight)
    assert found.item() == pytest.approx(np.average(alone, weights=weight))
