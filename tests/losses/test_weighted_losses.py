"""A positive of weight w counts in a loss as w positives do, on the fused path, by tables of logits and in chunks."""

from dataclasses import replace

import pytest
import torch

from reccl.losses import AnyLoss, BarlowTwins, BilateralSoftmax, LossSettings, Pairs, SupCon, VICReg, chunks
from reccl.reference import members

B, M, D = 6, 9, 4
ROOM = members(AnyLoss)
LOSSES = [loss() for loss in sorted(ROOM, key=str) if loss.takes_weights] + [BilateralSoftmax(exponent=0.8)]
WEIGHT = torch.tensor([1.0, 3.0, 1.0, 2.0, 4.0, 1.0])


def pairs_of(own: bool, masked: bool) -> Pairs:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.double)

    mask = drawn(B, M) > 0.5
    mask[0] = False
    return Pairs(drawn(B, D), drawn(B, D), drawn(B, M, D) if own else drawn(M, D), mask if masked else None)


def repeated(pairs: Pairs) -> Pairs:
    place = torch.repeat_interleave(torch.arange(B), WEIGHT.long())
    own = pairs.negatives if pairs.negatives.dim() == 2 else pairs.negatives[place]
    mask = None if pairs.mask is None else pairs.mask[place]
    return Pairs(pairs.anchor[place], pairs.positive[place], own, mask)


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_every_loss_says_whether_it_takes_weights() -> None:
    assert {type(loss) for loss in LOSSES} == ROOM - {BarlowTwins, VICReg}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
class TestEveryWeightedLoss:
    def test_a_weight_is_so_many_rows(self, loss: LossSettings, own: bool, masked: bool) -> None:
        pairs = pairs_of(own, masked)
        close(loss(replace(pairs, weight=WEIGHT)), loss(repeated(pairs)))

    def test_equal_weights_change_nothing_and_others_do(self, loss: LossSettings, own: bool, masked: bool) -> None:
        pairs = pairs_of(own, masked)
        close(loss(replace(pairs, weight=torch.full((B,), 2.5))), loss(pairs))
        assert float(loss(replace(pairs, weight=WEIGHT))) != pytest.approx(float(loss(pairs)), rel=1e-6)

    def test_chunks_are_weighed_as_the_whole(
        self, loss: LossSettings, own: bool, masked: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pairs = replace(pairs_of(own, masked), weight=WEIGHT.double())
        whole = loss(pairs)
        monkeypatch.setattr(chunks, "LOGITS", 2 * M)
        torch.testing.assert_close(loss(pairs), whole)


def test_a_group_s_rows_have_weights_of_their_own() -> None:
    pairs = replace(pairs_of(False, False), group=torch.tensor([0, 0, 1, 1, 2, 3]))
    weighted = SupCon()(replace(pairs, weight=WEIGHT.double()))
    each = torch.stack([SupCon()(replace(pairs, weight=torch.eye(B).double()[row])) for row in range(B)])
    torch.testing.assert_close(weighted, (each * WEIGHT).sum() / WEIGHT.sum())
