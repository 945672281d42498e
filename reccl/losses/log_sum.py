"""Log sum: log of the sum of exp over shared candidates, without the table of all logits."""

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from reccl.losses.mask_logits import LogitMask, Mask
from reccl.products import product

BLOCK = 1 << 21
"""Logits that are computed at a time where there are more than twice as many: 8 MiB of float32."""
GRAIN = 64
"""Sizes are filled up to multiples of this: a product of a new shape is compiled first, so shapes should be few."""
KEPT = 1 << 25
"""Most exponentials that are kept for the way back, 128 MiB of float32; beyond that they are computed anew."""
LN2 = math.log(2)


def log_sum(anchor: Tensor, candidates: Tensor, bias: Tensor | None = None, mask: Mask = None) -> Tensor:
    """The log of sum_j exp(x_b . y_j + c_j) over the candidates j that anchor b may be contrasted with: [B].

    Some anchors at a time, so that their logits stay near: the product, the mask, the largest of a row and the
    exponentials are one pass over memory, and what a row pulls its anchor towards, sum_j p_bj y_j, is taken on the way.
    With p the softmax and g the gradient that comes back, anchor b has gradient g_b sum_j p_bj y_j, candidate j
    sum_b g_b p_bj x_b. Equal to `torch.logsumexp` of the masked logits up to rounding; differentiable once.

    Args:
        anchor: [B, D] x, already divided by the temperature.
        candidates: [M, D] y.
        bias: [M] c, a constant.
        mask: [B, M] True where a candidate does not count; -inf is the result of an anchor with no candidate left.

    """
    return cast(Tensor, _LogSum.apply(anchor, candidates, bias, mask))  # type: ignore[no-untyped-call]


class _LogSum(torch.autograd.Function):
    """See `log_sum`. B and M are filled up to multiples of `GRAIN`, below B' and M'.

    Logits are multiplied by log2(e), since torch's exp2 takes a quarter of the time of its exp on the CPU.
    """

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, candidates: Tensor, bias: Tensor | None, mask: Mask) -> Tensor:
        ctx.sizes = len(anchor), len(candidates)
        anchors = len(anchor)
        hide, bias = LogitMask(mask, anchors), without_filling(bias, candidates) / LN2
        anchor, candidates = filled(anchor / LN2), filled(candidates)  # [B', D], [M', D]
        few = len(anchor) * len(candidates) <= 2 * BLOCK
        rows = len(anchor) if few else max(BLOCK // len(candidates) // GRAIN, 1) * GRAIN
        keep = len(anchor) * len(candidates) <= KEPT and ctx.needs_input_grad[1]
        columns = candidates.T.contiguous()  # [D, M']
        largest, total = (anchor.new_empty(len(anchor), 1) for _ in range(2))  # [B', 1]
        towards = torch.empty_like(anchor) if ctx.needs_input_grad[0] else None  # [B', D] sum_j 2^(..) y_j
        kept: list[Tensor] = []  # exponentials of each block [b, M']
        for start in range(0, anchors, rows):
            block = slice(start, start + rows)
            logits = hide(product(anchor[block], candidates, bias), start)  # [b, M']
            torch.amax(logits, 1, keepdim=True, out=largest[block])
            largest[block].clamp_(min=torch.finfo(anchor.dtype).min)  # where all are hidden
            torch.sum(logits.sub_(largest[block]).exp2_(), 1, keepdim=True, out=total[block])
            if towards is not None:
                towards[block] = product(logits, columns)
            if keep:
                kept.append(logits)
        ctx.save_for_backward(anchor, candidates, bias, largest, total, towards)
        ctx.hide, ctx.rows, ctx.kept = hide, rows, kept
        return (largest + total.log2())[:anchors].squeeze(1) * LN2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        anchor, candidates, bias, largest, total, towards = ctx.saved_tensors
        anchors, number = ctx.sizes
        share = filled(gradient[:, None]) / total.clamp(min=torch.finfo(total.dtype).tiny)  # [B', 1] g_b / sum
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
                logits = ctx.hide(product(anchor[block], candidates, bias), start)
                exponentials = logits.sub_(largest[block]).exp2_()
            of_candidates += product(pull[:, block], exponentials.T)
        return of_anchor, of_candidates.T[:number], None, None


def filled(x: Tensor) -> Tensor:
    """[n, D] with rows of zeros up to a multiple of `GRAIN`."""
    return pad(x, (0, 0, 0, filling(len(x))))


def without_filling(bias: Tensor | None, candidates: Tensor) -> Tensor:
    """[M'] the bias of candidates [M, D], -inf for those that only fill up."""
    bias = candidates.new_zeros(len(candidates)) if bias is None else bias.to(candidates)
    return pad(bias, (0, filling(len(bias))), value=-torch.inf)


def filling(size: int) -> int:
    """How many rows a table of `size` rows lacks; none at all counts as an empty multiple."""
    return -size % GRAIN if size else GRAIN
