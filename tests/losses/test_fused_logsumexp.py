"""The one pass over blocks of logits gives the numbers and gradients of the table of all logits."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize, pad, softplus

from reccl import products
from reccl.losses import (
    BilateralSoftmax,
    IdListMask,
    InfoNCE,
    LossSettings,
    Mask,
    Pairs,
    SameIdMask,
    SupCon,
    fused_logsumexp,
)
from reccl.losses.info_nce import info_nce
from reccl.losses.logits import compute_logits
from reccl.losses.masks import to_dense
from reccl.losses.positive_and_logsumexp import is_fusible, positive_and_logsumexp

D = 8


def drawn(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def ids(size: int, different: int, seed: int = 0) -> Tensor:
    return torch.randint(different, (size,), generator=torch.Generator().manual_seed(seed))


def masks(anchors: int, candidates: int) -> dict[str, Mask]:
    lists = torch.arange(anchors).repeat_interleave(3)
    names = ids(candidates, 40, seed=2)
    return {
        "none": None,
        "table": drawn(anchors, candidates, seed=3) > 0.3,
        "same": SameIdMask(ids(anchors, 40, seed=1), names),
        "listed": IdListMask(lists, ids(len(lists), 45, seed=4), anchors, names),
        "everything": SameIdMask(torch.zeros(anchors, dtype=torch.long), torch.zeros(candidates, dtype=torch.long)),
    }


def table(anchor: Tensor, candidates: Tensor, bias: Tensor | None, mask: Mask) -> Tensor:
    """The same in plain torch, [B]; a row without a candidate is -inf without a gradient."""
    logits = anchor @ candidates.T + (0 if bias is None else bias)
    dense = to_dense(mask)
    if dense is None:
        return logits.logsumexp(1)
    nobody = dense.all(1)
    sums = logits.masked_fill(dense & ~nobody[:, None], -torch.inf).logsumexp(1)
    return sums.masked_fill(nobody, -torch.inf)


@pytest.fixture(params=["one block", "blocks", "computed anew"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "one block":
        monkeypatch.setattr(fused_logsumexp, "BLOCK", 1)
        monkeypatch.setattr(fused_logsumexp, "GRAIN", 8)
    if request.param == "computed anew":
        monkeypatch.setattr(fused_logsumexp, "KEPT", 0)
    return str(request.param)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("anchors", "candidates"), [(1, 1), (1, 70), (37, 1), (37, 70), (64, 64)])
@pytest.mark.parametrize("biased", [False, True], ids=["alike", "biased"])
class TestFusedLogsumexp:
    @pytest.mark.parametrize("mask", ["none", "table", "same", "listed", "everything"])
    def test_equals_the_table_of_logits_and_so_do_its_gradients(
        self, anchors: int, candidates: int, biased: bool, mask: str
    ) -> None:
        chosen = masks(anchors, candidates)[mask]
        bias = drawn(candidates, seed=7) if biased else None
        direction = drawn(anchors, seed=8)
        found = []
        for way in (table, fused_logsumexp.fused_logsumexp):
            x, y = drawn(anchors, D, seed=5).requires_grad_(), drawn(candidates, D, seed=6).requires_grad_()
            sums = way(x, y, bias, chosen)
            counted = torch.where(sums.isfinite(), sums, torch.zeros(()))
            (counted * direction).sum().backward()
            found.append((sums.detach(), x.grad, y.grad))
        for expected, got in zip(*found, strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=5e-6)

    def test_its_gradient_is_the_slope(self, anchors: int, candidates: int, biased: bool) -> None:
        x, y = (drawn(n, 3, seed=n).double().requires_grad_() for n in (min(anchors, 9), min(candidates, 11)))
        bias = drawn(len(y), seed=7).double() if biased else None
        assert torch.autograd.gradcheck(lambda x, y: fused_logsumexp.fused_logsumexp(x, y, bias, None), (x, y))


@pytest.mark.parametrize("needs", [(True, False), (False, True), (False, False)])
def test_only_the_gradients_that_are_asked_for_are_computed(needs: tuple[bool, bool]) -> None:
    x, y = (drawn(9, D, seed=seed).requires_grad_(need) for seed, need in enumerate(needs))
    value = fused_logsumexp.fused_logsumexp(x, y, None, SameIdMask(torch.arange(9), torch.arange(9)))
    assert value.requires_grad == any(needs)
    if any(needs):
        value.sum().backward()
    assert (x.grad is not None, y.grad is not None) == needs


@pytest.mark.parametrize("bias", [None, drawn(30, seed=7)], ids=["alike", "biased"])
def test_a_bound_in_place_of_every_row_s_maximum_gives_the_same(
    bias: Tensor | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = 20 * normalize(drawn(25, D)), normalize(drawn(30, D, seed=1))  # cosines at temperature .05
    found = []
    for span in (fused_logsumexp.SPAN, 0.0):
        monkeypatch.setattr(fused_logsumexp, "SPAN", span)
        bound = fused_logsumexp.bound_logits(x, y, torch.zeros(30) if bias is None else bias)
        assert (bound is None) == (span == 0)
        leaves = x.clone().requires_grad_(), y.clone().requires_grad_()
        value = fused_logsumexp.fused_logsumexp(*leaves, bias, SameIdMask(torch.arange(25), torch.arange(30)))
        found.append((value.detach(), *torch.autograd.grad(value.square().sum(), leaves)))
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0, 30.0])
def test_no_logit_exceeds_its_bound_or_is_more_than_the_span_below(scale: float) -> None:
    x, y, bias = drawn(25, D, scale=scale), drawn(30, D, seed=1), drawn(30, seed=2)
    bias[3] = -torch.inf
    bound, logits = fused_logsumexp.bound_logits(x, y, bias), (x @ y.T + bias)[:, torch.arange(30) != 3]
    if bound is None:
        assert scale > 1
    else:
        assert scale <= 3
        assert logits.max() <= bound
        assert bound - logits.min() <= fused_logsumexp.SPAN
    assert fused_logsumexp.bound_logits(x * torch.nan, y, bias) is None


@pytest.mark.parametrize("intel", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
def test_a_product_is_the_same_by_either_library(
    intel: bool, transposed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "is_intel", lambda: intel)
    x, y, bias = drawn(40, 16), drawn(16, 50, seed=1).T if transposed else drawn(50, 16, seed=1), drawn(50, seed=2)
    torch.testing.assert_close(products.product(x, y), x @ y.T)
    torch.testing.assert_close(products.product(x, y, bias), x @ y.T + bias)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 300.0])
def test_neither_overflows_nor_vanishes(scale: float) -> None:
    x, y = drawn(20, D, scale=scale).requires_grad_(), drawn(30, D, seed=1).requires_grad_()
    value = fused_logsumexp.fused_logsumexp(x, y)
    value.sum().backward()
    torch.testing.assert_close(value, torch.logsumexp(x @ y.T, 1), rtol=1e-5, atol=1e-5)
    assert x.grad.isfinite().all()
    assert y.grad.isfinite().all()


def test_a_product_is_the_same_with_and_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, bias = drawn(20, D), drawn(30, D, seed=1), drawn(30, seed=2)
    for given in (None, bias):
        quick = products.product(x, y, given)
        with monkeypatch.context() as without:
            without.setattr(products, "ONEDNN", None)
            plain = products.product(x, y, given)
        torch.testing.assert_close(quick, plain, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(products.product(x, y.T.contiguous().T, given), plain, rtol=1e-5, atol=1e-5)


def slow_info_nce(pairs: Pairs, loss: InfoNCE) -> Tensor:
    """By the table of logits, in plain torch."""
    settings = loss.similarity, loss.temperature, loss.popularity_correction
    return info_nce(*compute_logits(pairs, *settings), pairs.dense_mask)


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("temperature", [0.03, 0.2, "one", "each"])
@pytest.mark.parametrize("mask", ["none", "table", "same", "everything"])
@pytest.mark.parametrize("size", [1, 90])
def test_info_nce_and_all_its_gradients_are_those_of_the_table(
    similarity: str, temperature: float | str, mask: str, size: int
) -> None:
    loss = InfoNCE(
        similarity=similarity,
        temperature=temperature if isinstance(temperature, float) else 1.0,
        popularity_correction=0.5,
    )
    found = []
    for way in (slow_info_nce, InfoNCE.__call__):
        anchor, positive, negatives = (drawn(n, D, seed=seed) for seed, n in enumerate((size, size, size + 5)))
        anchor[0] = 0  # a zero vector has no direction
        warm = torch.full((size,) if temperature == "each" else (), 0.3)
        leaves = [each.requires_grad_() for each in (anchor, positive, negatives, warm)]
        pairs = Pairs(
            anchor,
            positive,
            negatives,
            masks(size, size + 5)[mask],
            -drawn(size, seed=5).exp(),
            -drawn(size + 5, seed=6).exp(),
            None if isinstance(temperature, float) else warm,
        )
        value = way(pairs, loss) if way is slow_info_nce else way(loss, pairs)
        value.backward()
        found.append([value.detach(), *(torch.zeros(()) if each.grad is None else each.grad for each in leaves)])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("mask", ["none", "table", "same", "listed", "everything"])
@pytest.mark.parametrize(
    "kind",
    [InfoNCE, SupCon, BilateralSoftmax, partial(BilateralSoftmax, positives="several")],
    ids=["info_nce", "sup_con", "bilateral", "several"],
)
def test_candidates_shared_by_all_are_as_good_as_the_same_given_to_each(
    kind: type[LossSettings], mask: str, similarity: str
) -> None:
    loss, size, found = kind(similarity=similarity, temperature=0.5, popularity_correction=0.5), 50, []
    for each in (False, True):
        leaves = [drawn(n, D, seed=seed).requires_grad_() for seed, n in enumerate((size, size, size + 5))]
        negatives = leaves[2].expand(size, -1, -1) if each else leaves[2]
        log_q = -drawn(size, seed=5).exp(), -drawn(size + 5, seed=6).exp()
        pairs = Pairs(*leaves[:2], negatives, masks(size, size + 5)[mask], *log_q, group=ids(size, 30, seed=9))
        assert is_fusible(pairs) != each
        value = loss(pairs)
        found.append([value, *torch.autograd.grad(value, leaves, allow_unused=True)])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_the_same_nodes_as_positives_and_negatives_are_prepared_once_and_differ_in_nothing() -> None:
    x, y, nodes = drawn(90, D).requires_grad_(), drawn(90, D, seed=1).requires_grad_(), torch.arange(90)
    InfoNCE()(Pairs(x, y, y, SameIdMask(nodes, nodes))).backward()
    got = [x.grad.clone(), y.grad.clone()]
    logits = normalize(x) @ normalize(y).T / 0.2
    expected = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, nodes), [x, y])
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_negatives_of_each_anchor_and_half_precision_take_the_table() -> None:
    x, y = drawn(4, D), drawn(4, D, seed=1)
    assert is_fusible(Pairs(x, y, y))
    assert not is_fusible(Pairs(x, y, drawn(4, 3, D)))
    assert not is_fusible(Pairs(x.bfloat16(), y.bfloat16(), y.bfloat16()))
    assert not is_fusible(Pairs(x, y, y, None, drawn(4), drawn(4, 4)))


def test_an_anchor_with_every_candidate_masked_has_a_log_sum_of_minus_infinity() -> None:
    x = drawn(3, D)
    positive, log_sum = positive_and_logsumexp(
        Pairs(x, x, x, pad(torch.zeros(2, 3, dtype=torch.bool), (0, 0, 0, 1), value=1)), "dot", 1
    )
    assert log_sum[:2].isfinite().all()
    assert log_sum[2] == -torch.inf
    assert softplus(log_sum - positive)[2] == 0
