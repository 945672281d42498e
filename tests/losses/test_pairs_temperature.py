"""A temperature that comes with the pairs counts before the loss's own, and gradients reach it."""

from dataclasses import replace

import pytest
import torch

from reccl.losses import InfoNCE, LossSettings, NPair, Pairs, SameIdMask, chunks, fused_logsumexp

INSIDE = [part for part in LossSettings.__subclasses__() if part.__module__.startswith("reccl.")]
TEMPERED = [part for part in INSIDE if part.takes_temperature]
B, M, D = 6, 9, 4


def pairs_of(own: bool = False, scale: float = 1.0, anchors: int = B) -> Pairs:
    random = torch.Generator().manual_seed(0)
    shapes = (anchors, D), (anchors, D), (anchors, M, D) if own else (M, D)
    mask = SameIdMask(torch.arange(anchors), torch.arange(M))
    return Pairs(*(scale * torch.randn(*shape, generator=random) for shape in shapes), mask)


def test_every_loss_with_a_temperature_of_its_own_takes_one() -> None:
    assert {part for part in INSIDE if "temperature" in part.model_fields} <= set(TEMPERED)


@pytest.mark.parametrize("part", TEMPERED, ids=lambda part: part.__name__)
@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
class TestEveryLoss:
    def test_a_given_temperature_is_the_setting(self, part: type[LossSettings], own: bool) -> None:
        pairs = pairs_of(own)
        number = part.model_fields["temperature"].default if "temperature" in part.model_fields else 1.0
        for shape in ((), (B,)):
            torch.testing.assert_close(part()(replace(pairs, temperature=torch.full(shape, number))), part()(pairs))
        if "temperature" in part.model_fields:
            given = part()(replace(pairs, temperature=torch.tensor(0.7)))
            torch.testing.assert_close(given, part(temperature=0.7)(pairs))

    def test_each_anchor_has_its_own(self, part: type[LossSettings], own: bool) -> None:
        pairs, each = pairs_of(own), torch.linspace(0.1, 1.1, B)
        alone = [part()(replace(pairs, temperature=each).select_anchors(slice(row, row + 1))) for row in range(B)]
        number = [(~pairs.select_anchors(slice(row, row + 1)).dense_mask).sum() for row in range(B)]
        weight = torch.tensor(number) / sum(number) if part.__name__ == "BPR" else torch.full((B,), 1 / B)
        torch.testing.assert_close(part()(replace(pairs, temperature=each)), (weight * torch.stack(alone)).sum())

    def test_its_gradient_is_the_slope(self, part: type[LossSettings], own: bool) -> None:
        pairs = pairs_of(own)
        exact = Pairs(pairs.anchor.double(), pairs.positive.double(), pairs.negatives.double(), pairs.mask)
        at = torch.linspace(0.4, 1.1, B, dtype=torch.double).requires_grad_()
        (slope,) = torch.autograd.grad(part()(replace(exact, temperature=at)), at)
        step = 1e-2
        for row in range(B):
            moved = [at.detach() + sign * step * torch.eye(B, dtype=torch.double)[row] for sign in (1, -1)]
            up, down = (part()(replace(exact, temperature=each)).item() for each in moved)
            assert slope[row].item() == pytest.approx((up - down) / (2 * step), rel=2e-2, abs=1e-4)
        assert slope.abs().min() > 0

    def test_stays_finite_when_very_low_also_at_zero(self, part: type[LossSettings], own: bool) -> None:
        for scale in (0.0, 1e-8, 1.0, 1e3):
            for anchors in (1, B):
                pairs = pairs_of(own, scale, anchors)
                at = torch.full((anchors,), 0.03).requires_grad_()
                leaves = [x.requires_grad_() for x in (pairs.anchor, pairs.positive, pairs.negatives)]
                loss = part()(Pairs(*leaves, pairs.mask, temperature=at))
                gradients = torch.autograd.grad(loss, [at, *leaves])
                assert loss.isfinite()
                assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("part", [InfoNCE, NPair])
@pytest.mark.parametrize("shape", [(), (B,)], ids=["one", "each"])
def test_chunks_take_their_own_anchors_temperatures(
    part: type[LossSettings], shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(most: int) -> list[torch.Tensor]:
        monkeypatch.setattr(chunks, "LOGITS", most)
        for name, value in {"BLOCK": most, "GRAIN": 1, "KEPT": most}.items():
            monkeypatch.setattr(fused_logsumexp, name, value)
        at = (torch.rand(shape, generator=torch.Generator().manual_seed(1)) + 0.2).requires_grad_()
        loss = part()(replace(pairs_of(), temperature=at))
        return [loss, *torch.autograd.grad(loss, [at])]

    torch.testing.assert_close(of(2 * M), of(B * M))
