"""Losses of parts of the anchors, as several processes compute them, sum up to the loss of all, and so do gradients."""

from dataclasses import replace

import pytest
import torch

from reccl.losses import AnyLoss, BilateralSoftmax, LossSettings, Pairs, SupCon
from reccl.losses.loss import part_of_loss

ROOM = AnyLoss
B, D = 7, 4


def pairs_of(kind: str) -> Pairs:
    random = torch.Generator().manual_seed(3)
    anchor, positive = (torch.randn(B, D, generator=random).double() for _ in range(2))
    mask = torch.rand(B, B, generator=random) < 0.4
    pairs = Pairs(anchor, positive, positive, mask, group=torch.tensor([0, 0, 1, 2, 3, 3, 3]))
    if kind == "own negatives":
        negatives = torch.randn(B, 3, D, generator=random).double()
        return replace(pairs, negatives=negatives, mask=mask[:, :3])
    if kind == "weighted":
        return replace(pairs, weight=torch.rand(B, generator=random).double() + 0.5)
    return pairs


def value_and_gradients(pairs: Pairs, loss: LossSettings, slices: list[slice]) -> list[torch.Tensor] | None:
    leaves = [pairs.anchor.clone().requires_grad_(), pairs.positive.clone().requires_grad_()]
    shared = pairs.negatives is pairs.positive
    seen = replace(pairs, anchor=leaves[0], positive=leaves[1], negatives=leaves[1] if shared else pairs.negatives)
    parts = [part_of_loss(loss, seen, each) for each in slices]
    if any(part is None for part in parts):
        return None
    total = torch.stack(parts).sum() if slices else loss(seen)
    return [total.detach(), *torch.autograd.grad(total, leaves)]


@pytest.mark.parametrize("kind", ["shared negatives", "own negatives", "weighted"])
def test_parts_sum_up_to_the_whole(part: type[LossSettings], kind: str) -> None:
    loss, pairs = part(), pairs_of(kind)
    parts = value_and_gradients(pairs, loss, [slice(0, 3), slice(3, 3), slice(3, 4), slice(4, B)])
    if parts is None:
        assert part.__name__ in ("AlignmentUniformity", "BarlowTwins", "VICReg", "SupCon", "BilateralSoftmax")
        return
    for got, expected in zip(parts, value_and_gradients(pairs, loss, []) or [], strict=True):
        assert torch.allclose(got.double(), expected.double(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", [SupCon(), BilateralSoftmax()])
def test_losses_over_groups_need_all_anchors(loss: LossSettings) -> None:
    assert part_of_loss(loss, pairs_of("shared negatives"), slice(0, 3)) is None
