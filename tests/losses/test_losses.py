"""Losses equal the papers' equations, written slowly; they stay finite where the equations would not."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from reccl.losses import BPR, AnyLoss, InfoNCE, LossSettings, Pairs, bpr, full_softmax, info_nce
from reccl.losses.similarity import prepared

ROOM = AnyLoss
B, M, D = 6, 9, 4
SIMILARITIES = ["cosine", "dot"]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pairs_of(own: bool = False, hide: bool = True, chances: bool = False) -> Pairs:
    hidden = drawn(B, M, seed=4) > 0.5
    hidden[0] = False
    return Pairs(
        drawn(B, D, seed=1),
        drawn(B, D, seed=2),
        drawn(B, M, D, seed=3) if own else drawn(M, D, seed=3),
        hidden if hide else None,
        -drawn(B, seed=5).exp() if chances else None,
        (-drawn(B, M, seed=6).exp() if own else -drawn(M, seed=6).exp()) if chances else None,
    )


def slow_scores(pairs: Pairs, similarity: str) -> tuple[np.ndarray, np.ndarray]:
    def score(x: np.ndarray, y: np.ndarray) -> float:
        return x @ y / (np.linalg.norm(x) * np.linalg.norm(y) if similarity == "cosine" else 1)

    anchor, positive, negatives = (each.double().numpy() for each in (pairs.anchor, pairs.positive, pairs.negatives))
    own = negatives if negatives.ndim == 3 else np.broadcast_to(negatives, (len(anchor), *negatives.shape))
    s_positive = np.array([score(anchor[b], positive[b]) for b in range(len(anchor))])
    return s_positive, np.array([[score(anchor[b], other) for other in own[b]] for b in range(len(anchor))])


def slow_info_nce(pairs: Pairs, temperature: float, similarity: str, correction: float = 0) -> float:
    positive, negatives = (scores / temperature for scores in slow_scores(pairs, similarity))
    if correction:
        positive = positive - correction * pairs.positive_log_q.double().numpy()
        negatives = negatives - correction * np.broadcast_to(pairs.negative_log_q.double().numpy(), negatives.shape)
    losses = []
    for b in range(len(positive)):
        shown = [j for j in range(negatives.shape[1]) if pairs.hidden is None or not pairs.hidden[b, j]]
        below = np.exp(positive[b]) + sum(np.exp(negatives[b, j]) for j in shown)
        losses.append(-np.log(np.exp(positive[b]) / below))
    return float(np.mean(losses))


def slow_bpr(pairs: Pairs, similarity: str) -> float:
    positive, negatives = slow_scores(pairs, similarity)
    losses = [
        -np.log(1 / (1 + np.exp(-(positive[b] - negatives[b, j]))))
        for b in range(len(positive))
        for j in range(negatives.shape[1])
        if pairs.hidden is None or not pairs.hidden[b, j]
    ]
    return float(np.mean(losses))


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
@pytest.mark.parametrize("hide", [False, True], ids=["all", "hidden"])
class TestReference:
    def test_bpr_is_rendles(self, similarity: str, own: bool, hide: bool) -> None:
        pairs = pairs_of(own, hide)
        assert BPR(similarity=similarity)(pairs).item() == pytest.approx(slow_bpr(pairs, similarity), rel=1e-5)

    @pytest.mark.parametrize("temperature", [0.2, 1.0])
    def test_info_nce_is_oords(self, similarity: str, own: bool, hide: bool, temperature: float) -> None:
        pairs = pairs_of(own, hide)
        loss = InfoNCE(similarity=similarity, temperature=temperature)(pairs)
        assert loss.item() == pytest.approx(slow_info_nce(pairs, temperature, similarity), rel=1e-5)

    @pytest.mark.parametrize("correction", [0.5, 1.0])
    def test_the_popularity_correction_takes_log_q_from_every_logit(
        self, similarity: str, own: bool, hide: bool, correction: float
    ) -> None:
        pairs = pairs_of(own, hide, chances=True)
        loss = InfoNCE(similarity=similarity, temperature=0.5, popularity_correction=correction)(pairs)
        assert loss.item() == pytest.approx(slow_info_nce(pairs, 0.5, similarity, correction), rel=1e-5)


class TestContract:
    def test_builds_from_defaults_and_survives_its_own_dump(self, part: type[LossSettings]) -> None:
        room = TypeAdapter(AnyLoss)
        made = room.validate_python({"kind": part().kind})
        assert made == part()
        assert room.validate_python(room.dump_python(made, mode="json")) == made

    def test_refuses_keys_that_do_not_exist(self, part: type[LossSettings]) -> None:
        with pytest.raises(ValidationError, match="unknown key 'temprature'"):
            part.model_validate({"temprature": 1})

    @pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
    def test_is_a_finite_scalar_with_finite_gradients(self, part: type[LossSettings], own: bool) -> None:
        for scale in (0.0, 1e-8, 1.0, 1e3):
            pairs = pairs_of(own)
            leaves = [(each * scale).requires_grad_() for each in (pairs.anchor, pairs.positive, pairs.negatives)]
            loss = part()(Pairs(*leaves, pairs.hidden))
            loss.backward()
            assert loss.shape == ()
            assert loss.isfinite()
            assert all(leaf.grad.isfinite().all() for leaf in leaves)

    def test_one_anchor_with_every_negative_hidden_costs_nothing(self, part: type[LossSettings]) -> None:
        leaves = [drawn(1, D, seed=seed).requires_grad_() for seed in (1, 2, 3)]
        loss = part()(Pairs(*leaves, torch.ones(1, 1, dtype=torch.bool)))
        loss.backward()
        assert loss.item() == 0
        assert all(torch.equal(leaf.grad, torch.zeros_like(leaf)) for leaf in leaves)

    def test_negatives_shared_by_all_equal_a_copy_for_each(self, part: type[LossSettings]) -> None:
        pairs = pairs_of()
        copies = Pairs(pairs.anchor, pairs.positive, pairs.negatives.expand(B, M, D), pairs.hidden)
        torch.testing.assert_close(part()(pairs), part()(copies))

    def test_a_hidden_negative_has_no_say(self, part: type[LossSettings]) -> None:
        pairs = pairs_of(own=True)
        moved = torch.where(pairs.hidden[:, :, None], 100.0, pairs.negatives)
        torch.testing.assert_close(part()(pairs), part()(Pairs(pairs.anchor, pairs.positive, moved, pairs.hidden)))

    def test_a_nearer_positive_costs_less(self, part: type[LossSettings]) -> None:
        pairs = pairs_of()
        near, far = (part()(Pairs(pairs.anchor, sign * pairs.anchor, pairs.negatives)) for sign in (1, -1))
        assert near < far


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6), st.floats(-1e4, 1e4))
def test_losses_are_finite_never_negative_and_bounded_by_the_worst_negative(scores: list[float], own: float) -> None:
    positive, negatives = torch.tensor([own]), torch.tensor([scores])
    worst = max(0.0, max(scores) - own)
    for value, slack in ((bpr(positive, negatives), 1), (info_nce(positive, negatives), 1 + len(scores))):
        assert 0 <= value.item() <= (worst + math.log(1 + slack)) * (1 + 1e-5)


@pytest.mark.parametrize("temperature", [0.003, 0.03])
def test_a_very_low_temperature_stays_finite_where_exp_would_not(temperature: float) -> None:
    anchor = (1e3 * drawn(B, D)).requires_grad_()
    loss = InfoNCE(temperature=temperature, similarity="dot")(Pairs(anchor, -anchor.detach(), drawn(M, D)))
    loss.backward()
    assert loss.isfinite()
    assert anchor.grad.isfinite().all()


def test_alike_candidates_cost_the_logarithm_of_their_number() -> None:
    assert info_nce(torch.zeros(3), torch.zeros(3, 7)).item() == pytest.approx(math.log(8))
    assert bpr(torch.zeros(3), torch.zeros(3, 7)).item() == pytest.approx(math.log(2))


def test_cosine_leaves_zero_at_zero_and_forgets_lengths() -> None:
    assert torch.equal(prepared(torch.zeros(2, 3), "cosine"), torch.zeros(2, 3))
    torch.testing.assert_close(prepared(drawn(5, 3) * 9, "cosine"), prepared(drawn(5, 3), "cosine"))
    torch.testing.assert_close(prepared(drawn(5, 3), "cosine").norm(dim=1), torch.ones(5))


class TestFullSoftmax:
    row, positive = torch.tensor([0, 0, 1, 3]), torch.tensor([2, 5, 2, 0])

    def test_is_the_mean_cross_entropy_of_the_interactions(self) -> None:
        logits = drawn(4, M).double()
        slow = [
            -math.log(math.exp(logits[r, p]) / sum(math.exp(x) for x in logits[r]))
            for r, p in zip(self.row, self.positive, strict=True)
        ]
        assert full_softmax(logits, self.row, self.positive).item() == pytest.approx(np.mean(slow), rel=1e-6)

    def test_equals_info_nce_against_all_other_candidates(self) -> None:
        logits = drawn(4, M)
        itself = self.positive[:, None] == torch.arange(M)
        expected = info_nce(logits[self.row, self.positive], logits[self.row], itself)
        torch.testing.assert_close(full_softmax(logits, self.row, self.positive), expected)

    def test_a_weight_counts_a_candidate_that_many_times(self) -> None:
        logits, weight = drawn(4, M), torch.tensor([1, 2, 3, 1, 1, 4, 1, 1, 2])
        many = logits.repeat_interleave(weight, dim=1)
        expected = (torch.logsumexp(many, 1)[self.row] - logits[self.row, self.positive]).mean()
        torch.testing.assert_close(full_softmax(logits, self.row, self.positive, weight.log()), expected)

    def test_extreme_logits_stay_finite(self) -> None:
        logits = (1e4 * drawn(4, M)).requires_grad_()
        loss = full_softmax(logits, self.row, self.positive)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()
