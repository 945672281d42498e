"""Fused logsumexp: the logsumexp of a matrix product, row by row, without the table of all logits."""

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from reccl.losses.logit_blocks import BLOCK, KEPT
from reccl.losses.masks import LogitMask, Mask
from reccl.products import product

GRAIN = 64
"""Sizes are padded to multiples of this: a product of a new shape is compiled first, so shapes should be few."""
SPAN = 64.0
"""Powers of two between which all logits must lie for one bound to take the place of every row's own maximum: the
smallest exponential is then 2^-64, far from where float32 ends."""
LN2 = math.log(2)


def fused_logsumexp(anchor: Tensor, candidates: Tensor, bias: Tensor | None = None, mask: Mask = None) -> Tensor:
    """The log of sum_j exp(x_b . y_j + c_j) over the candidates j of anchor b that are not masked: [B].

    A block of anchors at a time, so that their logits stay in the cache: the product, the mask, the maximum of a row
    and the exponentials are one pass over memory, and the softmax-weighted mean of the candidates, sum_j p_bj y_j, is
    taken in the same pass. With p the softmax and g the incoming gradient, anchor b has gradient g_b sum_j p_bj y_j,
    candidate j sum_b g_b p_bj x_b. Equal to `torch.logsumexp` of the masked logits up to rounding; differentiable once.

    Args:
        anchor: [B, D] x, already divided by the temperature.
        candidates: [M, D] y.
        bias: [M] c, a constant.
        mask: [B, M] True where a candidate does not count; -inf is the result of an anchor with no candidate left.

    >>> x, y = torch.eye(2, 3), torch.eye(2, 3)
    >>> torch.allclose(fused_logsumexp(x, y), torch.logsumexp(x @ y.T, 1))
    True

    """
    with torch.autocast(anchor.device.type, enabled=False):
        return cast(Tensor, _FusedLogsumexp.apply(anchor, candidates, bias, mask))  # type: ignore[no-untyped-call]


class _FusedLogsumexp(torch.autograd.Function):
    """See `fused_logsumexp`. B and M are padded to multiples of `GRAIN`, below B' and M'.

    Logits are multiplied by log2(e), since torch's exp2 takes a quarter of the time of its exp on the CPU. Where a
    bound of all logits is near enough to all of them (see `bound_logits`), as with cosines, it is subtracted from the
    bias in place of a maximum from every row: two passes over the logits less.
    """

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, candidates: Tensor, bias: Tensor | None, mask: Mask) -> Tensor:
        ctx.sizes = len(anchor), len(candidates)
        anchors = len(anchor)
        mask_logits, bias = LogitMask(mask, anchors), pad_bias(bias, candidates) / LN2
        anchor, candidates = pad_rows(anchor / LN2), pad_rows(candidates)  # [B', D], [M', D]
        few = len(anchor) * len(candidates) <= 2 * BLOCK
        rows = len(anchor) if few else max(BLOCK // len(candidates) // GRAIN, 1) * GRAIN
        keep = len(anchor) * len(candidates) <= KEPT and ctx.needs_input_grad[1]
        columns = candidates.T.contiguous()  # [D, M']
        bound = bound_logits(anchor, candidates, bias)
        bias = bias if bound is None else bias - bound
        maximum, total = (anchor.new_empty(len(anchor), 1) for _ in range(2))  # [B', 1]
        towards = torch.empty_like(anchor) if ctx.needs_input_grad[0] else None  # [B', D] sum_j 2^(..) y_j
        kept: list[Tensor] = []  # exponentials of each block [b, M']
        for start in range(0, anchors, rows):
            block = slice(start, start + rows)
            logits = mask_logits(product(anchor[block], candidates, bias), start)  # [b, M']
            if bound is None:
                torch.amax(logits, 1, keepdim=True, out=maximum[block])
                maximum[block].clamp_(min=torch.finfo(anchor.dtype).min)  # where all are masked
                logits.sub_(maximum[block])
            torch.sum(logits.exp2_(), 1, keepdim=True, out=total[block])
            if towards is not None:
                towards[block] = product(logits, columns)
            if keep:
                kept.append(logits)
        ctx.save_for_backward(anchor, candidates, bias, maximum if bound is None else None, total, towards)
        ctx.mask_logits, ctx.rows, ctx.kept = mask_logits, rows, kept
        return ((maximum if bound is None else bound) + total.log2())[:anchors].squeeze(1) * LN2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        anchor, candidates, bias, maximum, total, towards = ctx.saved_tensors
        anchors, number = ctx.sizes
        share = pad_rows(gradient[:, None]) / total.clamp(min=torch.finfo(total.dtype).tiny)  # [B', 1] g_b / sum
        of_anchor = None if towards is None else (share * towards)[:anchors]  # [B, D]
        if not ctx.needs_input_grad[1]:
            return of_anchor, None, None, None
        pull = (share * LN2 * anchor).T.contiguous()  # [D, B']
        of_candidates = torch.zeros_like(candidates.T, memory_format=torch.contiguous_format)  # [D, M']
        for nth, start in enumerate(range(0, anchors, ctx.rows)):
            block = slice(start, start + ctx.rows)
            if ctx.kept:
                exponentials = ctx.kept[nth]  # [b, M']
            else:
                logits = ctx.mask_logits(product(anchor[block], candidates, bias), start)
                exponentials = (logits if maximum is None else logits.sub_(maximum[block])).exp2_()
            of_candidates += product(pull[:, block], exponentials.T)
        return of_anchor, of_candidates.T[:number], None, None


def bound_logits(anchor: Tensor, candidates: Tensor, bias: Tensor) -> float | None:
    """A number that no logit exceeds, by Cauchy and Schwarz; None where some may be more than `SPAN` below it.

    Args:
        anchor: [n, D].
        candidates: [m, D].
        bias: [m], -inf for candidates that never count.

    """
    if not len(anchor) or not len(candidates):
        return None
    lengths = (torch.linalg.vector_norm(x, dim=1).amax() for x in (anchor, candidates))
    largest = float(math.prod(lengths))  # of x . y, by its size
    counted = bias[bias > -torch.inf]
    lowest, highest = (float(x) for x in counted.aminmax()) if len(counted) else (0.0, 0.0)
    return largest + highest if 2 * largest + highest - lowest <= SPAN else None


def pad_rows(x: Tensor) -> Tensor:
    """[n, D] with rows of zeros up to a multiple of `GRAIN`."""
    return pad(x, (0, 0, 0, padding(len(x))))


def pad_bias(bias: Tensor | None, candidates: Tensor) -> Tensor:
    """[M'] the bias of candidates [M, D], -inf for those that are padding."""
    bias = candidates.new_zeros(len(candidates)) if bias is None else bias.to(candidates)
    return pad(bias, (0, padding(len(bias))), value=-torch.inf)


def padding(size: int) -> int:
    """Rows that a table of `size` rows lacks to a multiple of `GRAIN`; an empty table gets one whole multiple."""
    return -size % GRAIN if size else GRAIN
