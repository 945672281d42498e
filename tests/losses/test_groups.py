"""Losses that know several positives of a node equal their papers' equations, whichever rows a chunk holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from reccl.losses import BilateralSoftmax, InfoNCE, Pairs, SupCon, chunks, fused_logsumexp
from reccl.losses.groups import logsumexp_by_group, number_groups

B, M, D = 7, 9, 4
USER = torch.tensor([30, 5, 30, 8, 5, 30, 2])


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pairs_of(own: bool = False, group: torch.Tensor | None = USER) -> Pairs:
    """Rows of one user have one anchor, as in an encoder's output."""
    mask = drawn(B, M, seed=4) > 0.5
    negatives = drawn(B, M, D, seed=3) if own else drawn(M, D, seed=3)
    return Pairs(drawn(40, D, seed=1)[USER], drawn(B, D, seed=2), negatives, mask, group=group)


def logits(pairs: Pairs, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Every anchor's cosine to every positive of the batch, [B, B], and to its negatives, [B, M], over temperature."""
    x, y, z = (e.double().numpy() for e in (pairs.anchor, pairs.positive, pairs.negatives))
    x, y, z = (e / np.linalg.norm(e, axis=-1, keepdims=True) for e in (x, y, z))
    z = np.broadcast_to(z, (B, M, D))
    to_negatives = [[x[b] @ z[b, j] for j in range(M)] for b in range(B)]
    return x @ y.T / temperature, np.array(to_negatives) / temperature


def mates(b: int) -> list[int]:
    return [other for other in range(B) if USER[other] == USER[b]]


@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
class TestReference:
    def test_sup_con_is_khoslas(self, own: bool) -> None:
        pairs = pairs_of(own)
        positive, negative = logits(pairs, 0.3)
        losses = []
        for b in range(B):
            below = sum(np.exp(positive[b, p]) for p in mates(b))
            below += sum(np.exp(negative[b, j]) for j in range(M) if not pairs.dense_mask[b, j])
            losses.append(np.mean([-np.log(np.exp(positive[b, p]) / below) for p in mates(b)]))
        assert SupCon(temperature=0.3)(pairs).item() == pytest.approx(np.mean(losses), rel=1e-5)

    @pytest.mark.parametrize("exponent", [0.84, 1.22])
    def test_bilateral_softmax_of_several_positives_is_the_authors_multi(self, own: bool, exponent: float) -> None:
        pairs = pairs_of(own)
        positive, negative = logits(pairs, 0.3)
        losses = []
        for b in range(B):
            above = np.mean([np.exp(positive[b, p]) for p in mates(b)])
            below = sum(np.exp(negative[b, j]) for j in range(M) if not pairs.dense_mask[b, j])
            losses.append(-np.log(above / below**exponent))
        loss = BilateralSoftmax(temperature=0.3, exponent=exponent, positives="several")
        assert loss(pairs).item() == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("group", [None, torch.arange(B)], ids=["none", "all apart"])
def test_nodes_that_stand_once_have_one_positive(group: torch.Tensor | None) -> None:
    pairs = pairs_of(group=group)
    torch.testing.assert_close(SupCon()(pairs), InfoNCE()(pairs))
    torch.testing.assert_close(BilateralSoftmax(positives="several")(pairs), BilateralSoftmax()(pairs))


@pytest.mark.parametrize("loss", [SupCon(), BilateralSoftmax(positives="several")], ids=lambda loss: loss.kind)
class TestInvariants:
    @pytest.mark.parametrize("most", [1, 2 * M, 4 * M])
    def test_a_group_may_lie_across_chunks(
        self, loss: SupCon | BilateralSoftmax, most: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pairs = pairs_of()

        def of(most: int) -> list[torch.Tensor]:
            monkeypatch.setattr(chunks, "LOGITS", most)
            for name, value in {"BLOCK": most, "GRAIN": 1, "KEPT": most}.items():
                monkeypatch.setattr(fused_logsumexp, name, value)
            leaves = [x.clone().requires_grad_() for x in (pairs.anchor, pairs.positive, pairs.negatives)]
            value = loss(replace(pairs, anchor=leaves[0], positive=leaves[1], negatives=leaves[2]))
            return [value, *torch.autograd.grad(value, leaves)]

        torch.testing.assert_close(of(most), of(B * M))

    def test_ids_are_names_only(self, loss: SupCon | BilateralSoftmax) -> None:
        torch.testing.assert_close(loss(pairs_of(group=USER * 100 + 3)), loss(pairs_of()))
        assert not torch.isclose(loss(pairs_of()), loss(pairs_of(group=None)))


class TestLogSums:
    def test_neither_overflows_nor_vanishes(self) -> None:
        given = torch.tensor([1e4, -1e4, 1e4, 3.0], requires_grad=True)
        found = logsumexp_by_group(given, torch.tensor([0, 1, 0, 2]))
        torch.testing.assert_close(found, torch.tensor([1e4 + np.log(2), -1e4, 3.0], dtype=torch.float32))
        found.sum().backward()
        torch.testing.assert_close(given.grad, torch.tensor([0.5, 1.0, 0.5, 1.0]))

    def test_groups_are_numbered_without_gaps(self) -> None:
        assert number_groups(pairs_of())[1].tolist() == [3, 1, 3, 2, 1, 3, 0]
        assert number_groups(pairs_of(group=None))[1].tolist() == list(range(B))
