"""Losses equal the papers' equations, written slowly; they stay finite where the equations would not."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from reccl.losses import (
    BPR,
    AlignmentUniformity,
    AnyLoss,
    BarlowTwins,
    BilateralSoftmax,
    CosineContrastive,
    InfoNCE,
    Logistic,
    LossSettings,
    MarginContrastive,
    NPair,
    Pairs,
    PairwiseSoftmax,
    SameIdMask,
    SupCon,
    Triplet,
    VICReg,
    bpr,
    chunks,
    full_softmax,
    fused_logsumexp,
    info_nce,
)
from reccl.losses.alignment_uniformity import uniformity
from reccl.losses.similarity import normalize_for

ROOM = AnyLoss
B, M, D = 6, 9, 4
SIMILARITIES = ["cosine", "dot", "euclidean"]
RELATIVE = (BPR, BilateralSoftmax, InfoNCE, PairwiseSoftmax, Triplet)
"""A positive costs only beside a negative."""
WITHOUT_NEGATIVES = (AlignmentUniformity, BarlowTwins, VICReg)
"""Look at anchors and positives only."""
CHUNKED = (
    BilateralSoftmax,
    CosineContrastive,
    InfoNCE,
    Logistic,
    MarginContrastive,
    NPair,
    PairwiseSoftmax,
    SupCon,
    Triplet,
)
"""A mean over anchors, computed some anchors at a time where the batch is large."""


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pairs_of(own: bool = False, hide: bool = True, chances: bool = False) -> Pairs:
    mask = drawn(B, M, seed=4) > 0.5
    mask[0] = False
    return Pairs(
        drawn(B, D, seed=1),
        drawn(B, D, seed=2),
        drawn(B, M, D, seed=3) if own else drawn(M, D, seed=3),
        mask if hide else None,
        -drawn(B, seed=5).exp() if chances else None,
        (-drawn(B, M, seed=6).exp() if own else -drawn(M, seed=6).exp()) if chances else None,
    )


def slow_scores(pairs: Pairs, similarity: str) -> tuple[np.ndarray, np.ndarray]:
    def score(x: np.ndarray, y: np.ndarray) -> float:
        if similarity == "euclidean":
            return -(((x - y) ** 2).sum())
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
        shown = [j for j in range(negatives.shape[1]) if pairs.dense_mask is None or not pairs.dense_mask[b, j]]
        below = np.exp(positive[b]) + sum(np.exp(negatives[b, j]) for j in shown)
        losses.append(-np.log(np.exp(positive[b]) / below))
    return float(np.mean(losses))


def shown_of(pairs: Pairs, b: int) -> list[int]:
    number = pairs.negatives.shape[-2]
    return [j for j in range(number) if pairs.dense_mask is None or not pairs.dense_mask[b, j]]


def slow_mean(pairs: Pairs, similarity: str, loss: Callable[[float, np.ndarray], float]) -> float:
    """Mean over anchors of a function of the positive's score and of the scores of the negatives that count."""
    positive, negatives = slow_scores(pairs, similarity)
    return float(np.mean([loss(positive[b], negatives[b, shown_of(pairs, b)]) for b in range(len(positive))]))


def slow_bpr(pairs: Pairs, similarity: str) -> float:
    positive, negatives = slow_scores(pairs, similarity)
    losses = [
        -np.log(1 / (1 + np.exp(-(positive[b] - negatives[b, j]))))
        for b in range(len(positive))
        for j in range(negatives.shape[1])
        if pairs.dense_mask is None or not pairs.dense_mask[b, j]
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


@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
@pytest.mark.parametrize("hide", [False, True], ids=["all", "hidden"])
class TestPapers:
    """Every paper's equation in NumPy, one anchor at a time."""

    @pytest.mark.parametrize("similarity", SIMILARITIES)
    @pytest.mark.parametrize("exponent", [0.84, 1.0, 1.12])
    def test_bilateral_softmax_is_wus(self, own: bool, hide: bool, similarity: str, exponent: float) -> None:
        def slow(positive: float, negatives: np.ndarray) -> float:
            return -np.log(np.exp(positive / 0.5) / np.exp(negatives / 0.5).sum() ** exponent)

        pairs = pairs_of(own, hide)
        loss = BilateralSoftmax(temperature=0.5, exponent=exponent, similarity=similarity)(pairs)
        assert loss.item() == pytest.approx(slow_mean(pairs, similarity, slow), rel=1e-5)

    @pytest.mark.parametrize("temperature", [0.1, 0.5])
    @pytest.mark.parametrize("surrogate", ["atan", "exp", "relu", "tanh"])
    def test_pairwise_softmax_is_yangs(self, own: bool, hide: bool, surrogate: str, temperature: float) -> None:
        grown = {
            "atan": lambda d: np.arctan(d) + 1,
            "exp": np.exp,
            "relu": lambda d: np.maximum(d + 1, 0),
            "tanh": lambda d: np.tanh(d) + 1,
        }[surrogate]

        def slow(positive: float, negatives: np.ndarray) -> float:
            return np.log(1 + (grown((negatives - positive) / 2) ** (1 / temperature)).sum())

        pairs = pairs_of(own, hide)
        loss = PairwiseSoftmax(surrogate=surrogate, temperature=temperature)(pairs)
        assert loss.item() == pytest.approx(slow_mean(pairs, "cosine", slow), rel=1e-5)

    @pytest.mark.parametrize(("margin", "weight"), [(0.1, 1.0), (0.9, 150.0)])
    def test_cosine_contrastive_is_maos(self, own: bool, hide: bool, margin: float, weight: float) -> None:
        def slow(positive: float, negatives: np.ndarray) -> float:
            return (1 - positive) + weight / len(negatives) * sum(max(0, s - margin) for s in negatives)

        pairs = pairs_of(own, hide)
        loss = CosineContrastive(margin=margin, negative_weight=weight)(pairs)
        assert loss.item() == pytest.approx(slow_mean(pairs, "cosine", slow), rel=1e-5)

    @pytest.mark.parametrize("similarity", SIMILARITIES)
    def test_triplet_is_schroffs(self, own: bool, hide: bool, similarity: str) -> None:
        def slow(positive: float, negatives: np.ndarray) -> float:
            return np.mean([max(0, 0.7 - positive + s) for s in negatives])

        pairs = pairs_of(own, hide)
        loss = Triplet(margin=0.7, similarity=similarity)(pairs)
        assert loss.item() == pytest.approx(slow_mean(pairs, similarity, slow), rel=1e-5)

    @pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
    @pytest.mark.parametrize("margin", [0.9, 3.0])
    def test_margin_contrastive_is_hadsells(self, own: bool, hide: bool, similarity: str, margin: float) -> None:
        def slow(positive: float, negatives: np.ndarray) -> float:
            return -positive / 2 + np.mean([max(0, margin - np.sqrt(-s)) ** 2 / 2 for s in negatives])

        pairs = pairs_of(own, hide)
        unit = pairs
        if similarity == "cosine":
            vectors = (normalize_for(each, "cosine") for each in (pairs.anchor, pairs.positive, pairs.negatives))
            unit = Pairs(*vectors, pairs.dense_mask)
        loss = MarginContrastive(margin=margin, similarity=similarity)(pairs)
        assert loss.item() == pytest.approx(slow_mean(unit, "euclidean", slow), rel=1e-5)

    def test_n_pair_is_sohns(self, own: bool, hide: bool) -> None:
        def slow(positive: float, negatives: np.ndarray) -> float:
            return np.log(1 + np.exp(negatives - positive).sum())

        pairs = pairs_of(own, hide)
        lengths = (pairs.anchor.double().numpy() ** 2).sum() + (pairs.positive.double().numpy() ** 2).sum()
        expected = slow_mean(pairs, "dot", slow) + 0.3 * lengths / B / 2
        assert NPair(length_weight=0.3)(pairs).item() == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("correction", [0.0, 1.0])
    def test_logistic_is_mikolovs(self, own: bool, hide: bool, correction: float) -> None:
        pairs = pairs_of(own, hide, chances=True)
        positive, negatives = (each / 0.5 for each in slow_scores(pairs, "dot"))
        positive = positive - correction * pairs.positive_log_q.double().numpy()
        negatives = negatives - correction * np.broadcast_to(pairs.negative_log_q.double().numpy(), negatives.shape)
        slow = [
            np.log(1 + np.exp(-positive[b])) + 5 * np.log(1 + np.exp(negatives[b, shown_of(pairs, b)])).mean()
            for b in range(B)
        ]
        loss = Logistic(temperature=0.5, negative_weight=5, popularity_correction=correction)(pairs)
        assert loss.item() == pytest.approx(np.mean(slow), rel=1e-5)

    def test_alignment_uniformity_is_wangs(self, own: bool, hide: bool) -> None:
        def unit(x: torch.Tensor) -> np.ndarray:
            return normalize_for(x.double(), "cosine").numpy()

        def slow_uniformity(x: np.ndarray) -> float:
            pairs = [(a, b) for a in range(len(x)) for b in range(a)]
            return np.log(np.mean([np.exp(-2 * ((x[a] - x[b]) ** 2).sum()) for a, b in pairs]))

        pairs = pairs_of(own, hide)
        x, y = unit(pairs.anchor), unit(pairs.positive)
        slow = ((x - y) ** 2).sum(1).mean() + 0.7 * (slow_uniformity(x) + slow_uniformity(y)) / 2
        assert AlignmentUniformity(uniformity_weight=0.7)(pairs).item() == pytest.approx(slow, rel=1e-5)

    def test_barlow_twins_is_zbontars(self, own: bool, hide: bool) -> None:
        pairs = pairs_of(own, hide)
        x, y = pairs.anchor.double().numpy(), pairs.positive.double().numpy()
        correlation = np.corrcoef(x, y, rowvar=False)[:D, D:]
        slow = sum(
            (1 - correlation[k, m]) ** 2 if k == m else 0.3 * correlation[k, m] ** 2 for k in range(D) for m in range(D)
        )
        assert BarlowTwins(redundancy_weight=0.3)(pairs).item() == pytest.approx(slow, rel=1e-5)

    def test_vicreg_is_bardes(self, own: bool, hide: bool) -> None:
        pairs = pairs_of(own, hide)
        x, y = pairs.anchor.double().numpy(), pairs.positive.double().numpy()
        slow = 2 * ((x - y) ** 2).sum(1).mean()
        for z in (x, y):
            spread = np.cov(z, rowvar=False)
            slow += 3 * np.mean([max(0, 1 - np.sqrt(spread[k, k] + 1e-4)) for k in range(D)])
            slow += 4 * sum(spread[k, m] ** 2 for k in range(D) for m in range(D) if k != m) / D
        loss = VICReg(invariance_weight=2, variance_weight=3, covariance_weight=4)(pairs)
        assert loss.item() == pytest.approx(slow, rel=1e-5)


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
            loss = part()(Pairs(*leaves, pairs.dense_mask))
            loss.backward()
            assert loss.shape == ()
            assert loss.isfinite()
            assert all(leaf.grad.isfinite().all() for leaf in leaves if leaf.grad is not None)
            assert (leaves[2].grad is None) == (part in WITHOUT_NEGATIVES)

    @pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
    @pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
    def test_half_precision_stays_finite_also_at_zero(
        self, part: type[LossSettings], kind: torch.dtype, own: bool
    ) -> None:
        cold = part(temperature=0.03) if "temperature" in part.model_fields else part()
        for scale in (0.0, 1e-3, 1.0):
            pairs = pairs_of(own)
            for cast in (torch.float32, kind):
                leaves = [
                    (x * scale).to(cast).requires_grad_() for x in (pairs.anchor, pairs.positive, pairs.negatives)
                ]
                with torch.autocast("cpu", kind):
                    loss = cold(Pairs(*leaves, pairs.dense_mask))
                loss.backward()
                assert loss.isfinite()
                assert all(leaf.grad.isfinite().all() for leaf in leaves if leaf.grad is not None)

    def test_one_anchor_with_every_negative_masked_has_none_to_lose_to(self, part: type[LossSettings]) -> None:
        leaves = [drawn(1, D, seed=seed).requires_grad_() for seed in (1, 2, 3)]
        loss = part()(Pairs(*leaves, torch.ones(1, 1, dtype=torch.bool)))
        loss.backward()
        gradients = [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]
        assert loss.isfinite()
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert not gradients[2].any()
        if part in RELATIVE:
            assert loss.item() == 0
            assert not any(gradient.any() for gradient in gradients)

    @pytest.mark.parametrize("number", [1, M])
    def test_ids_mask_as_their_dense_mask_does(self, part: type[LossSettings], number: int) -> None:
        pairs = pairs_of()
        ids = SameIdMask(torch.tensor([0, 1, 2, 2, 3, 9]), torch.arange(M)[:number])
        dense, lazy = (
            part()(Pairs(pairs.anchor, pairs.positive, pairs.negatives[:number], mask))
            for mask in (ids.to_dense(), ids)
        )
        assert dense == lazy

    def test_negatives_shared_by_all_equal_a_copy_for_each(self, part: type[LossSettings]) -> None:
        pairs = pairs_of()
        copies = Pairs(pairs.anchor, pairs.positive, pairs.negatives.expand(B, M, D), pairs.dense_mask)
        torch.testing.assert_close(part()(pairs), part()(copies))

    def test_a_masked_negative_does_not_count(self, part: type[LossSettings]) -> None:
        pairs = pairs_of(own=True)
        moved = torch.where(pairs.dense_mask[:, :, None], 100.0, pairs.negatives)
        torch.testing.assert_close(part()(pairs), part()(Pairs(pairs.anchor, pairs.positive, moved, pairs.dense_mask)))

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


@pytest.mark.parametrize("kind", CHUNKED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
@pytest.mark.parametrize("masked", ["none", "dense", "ids"])
@pytest.mark.parametrize("most", [1, 2 * M, 4 * M])
def test_chunks_of_anchors_give_the_value_and_the_gradients_of_the_whole(
    kind: type[LossSettings], own: bool, masked: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = pairs_of(own, chances=True)
    mask = {"none": None, "dense": pairs.dense_mask, "ids": SameIdMask(torch.arange(B), torch.arange(M))}[masked]
    loss = kind(popularity_correction=0.5) if "popularity_correction" in kind.model_fields else kind()

    def of(most: int) -> list[torch.Tensor]:
        monkeypatch.setattr(chunks, "LOGITS", most)
        for name, value in {"BLOCK": most, "GRAIN": 1, "KEPT": most}.items():
            monkeypatch.setattr(fused_logsumexp, name, value)
        leaves = [x.clone().requires_grad_() for x in (pairs.anchor, pairs.positive, pairs.negatives)]
        value = loss(Pairs(*leaves, mask, pairs.positive_log_q, pairs.negative_log_q))
        return [value, *torch.autograd.grad(value, leaves)]

    torch.testing.assert_close(of(most), of(B * M))


def test_a_dimension_less_spread_than_rounding_is_no_correlation() -> None:
    flat = torch.ones(B, D)
    assert BarlowTwins()(Pairs(flat, flat, flat)).item() == pytest.approx(D)


class TestUniformity:
    def test_a_node_that_stands_twice_counts_once(self) -> None:
        x = normalize_for(drawn(B, D), "cosine")
        torch.testing.assert_close(uniformity(torch.cat([x, x[2:4], x[2:3]])), uniformity(x))

    def test_one_node_is_as_uniform_as_it_gets(self) -> None:
        x = normalize_for(drawn(1, D), "cosine").expand(5, D).clone().requires_grad_()
        uniformity(x).backward()
        assert uniformity(x).item() == 0
        assert not x.grad.any()

    def test_opposite_nodes_are_four_squared_distances_apart(self) -> None:
        x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
        assert uniformity(x).item() == pytest.approx(-8)


def test_softmax_losses_are_each_other_at_their_meeting_points() -> None:
    pairs = pairs_of()
    torch.testing.assert_close(
        PairwiseSoftmax(surrogate="exp", temperature=0.1)(pairs), InfoNCE(temperature=0.2)(pairs)
    )
    torch.testing.assert_close(NPair(length_weight=0)(pairs), InfoNCE(temperature=1, similarity="dot")(pairs))
    far = Pairs(pairs.anchor, -pairs.anchor, pairs.anchor.roll(1, 0))  # the positive's own share of the sum is nothing
    torch.testing.assert_close(
        BilateralSoftmax(temperature=0.03, exponent=1)(far), InfoNCE(temperature=0.03)(far), rtol=1e-3, atol=1e-3
    )


def test_alike_candidates_cost_the_logarithm_of_their_number() -> None:
    assert info_nce(torch.zeros(3), torch.zeros(3, 7)).item() == pytest.approx(math.log(8))
    assert bpr(torch.zeros(3), torch.zeros(3, 7)).item() == pytest.approx(math.log(2))


def test_cosine_leaves_zero_at_zero_and_forgets_lengths() -> None:
    assert torch.equal(normalize_for(torch.zeros(2, 3), "cosine"), torch.zeros(2, 3))
    torch.testing.assert_close(normalize_for(drawn(5, 3) * 9, "cosine"), normalize_for(drawn(5, 3), "cosine"))
    torch.testing.assert_close(normalize_for(drawn(5, 3), "cosine").norm(dim=1), torch.ones(5))


@pytest.mark.parametrize("length", [0.0, 1e-13])
def test_an_embedding_without_direction_has_no_gradient_of_its_cosine(length: float) -> None:
    x = (length * torch.tensor([[0.6, 0.8, 0.0]])).requires_grad_()
    (normalize_for(x, "cosine") * drawn(1, 3)).sum().backward()
    assert torch.equal(x.grad, torch.zeros(1, 3))


@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
def test_distances_far_from_the_origin_are_those_near_it(own: bool) -> None:
    near = pairs_of(own)
    far = Pairs(*(each + 100.0 for each in (near.anchor, near.positive, near.negatives)), near.mask)
    loss = InfoNCE(similarity="euclidean", temperature=0.5)
    torch.testing.assert_close(loss(far), loss(near), rtol=1e-4, atol=1e-4)


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
