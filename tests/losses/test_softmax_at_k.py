"""SL@K equals the authors' equation, and its quantile is the score at rank K."""

import numpy as np
import pytest
import torch

from reccl.losses.softmax_at_k import quantile_at_k, softmax_at_k, top_k_by_group

B, M = 4, 7
LIKED = [[0.9, 0.1], [], [0.5, 0.8, -0.4, 0.2, 0.7], [0.3]]
PLACE = torch.tensor([b for b, scores in enumerate(LIKED) for _ in scores])
POSITIVES = torch.tensor([score for scores in LIKED for score in scores])


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("hide", [False, True], ids=["all", "hidden"])
class TestReference:
    def test_the_loss_is_yangs(self, hide: bool) -> None:
        positive, negatives, quantile = drawn(B, seed=1), drawn(B, M, seed=2), drawn(B, seed=3)
        hidden = drawn(B, M, seed=4) > 0.2 if hide else None
        losses = []
        for b in range(B):
            shown = [j for j in range(M) if hidden is None or not hidden[b, j]]
            weight = 1 / (1 + np.exp(-(positive[b] - quantile[b]).item() / 0.7))
            losses.append(weight * np.log(sum(np.exp((negatives[b, j] - positive[b]).item() / 0.2) for j in shown)))
        found = softmax_at_k(positive, negatives, quantile, 0.2, 0.7, hidden)
        assert found.item() == pytest.approx(np.mean(losses), rel=1e-5)

    @pytest.mark.parametrize("k", [1, 2, 3, 5, 40])
    def test_the_quantile_is_the_score_at_rank_k(self, hide: bool, k: int) -> None:
        negatives = drawn(B, M, seed=2)
        hidden = drawn(B, M, seed=4) > 0.2 if hide else None
        best = top_k_by_group(POSITIVES, PLACE, B, k)
        for b, found in enumerate(quantile_at_k(negatives, best, k, hidden).tolist()):
            shown = [negatives[b, j].item() for j in range(M) if hidden is None or not hidden[b, j]]
            ranked = sorted([*LIKED[b], *shown], reverse=True)
            assert found == pytest.approx(ranked[min(k, len(ranked)) - 1])


def test_an_anchor_with_no_negative_left_costs_nothing() -> None:
    positive = drawn(2, seed=1).requires_grad_()
    loss = softmax_at_k(positive, drawn(2, 3, seed=2), torch.zeros(2), 0.2, 1.0, torch.ones(2, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert not positive.grad.any()


def test_a_sharp_cut_counts_the_top_k_alone() -> None:
    positive, quantile = torch.tensor([0.5, 0.1]), torch.tensor([0.2, 0.4])
    negatives = drawn(2, M, seed=2)
    both = softmax_at_k(positive, negatives, quantile, 0.2, 1e-3)
    inside = softmax_at_k(positive[:1], negatives[:1], quantile[:1], 0.2, 1e-3)
    torch.testing.assert_close(both, inside / 2)
