"""Groups: several positives of one node, each in a row of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reccl.lazy import torch
from reccl.losses.loss import Pairs

if TYPE_CHECKING:
    from torch import Tensor


def number_groups(pairs: Pairs) -> tuple[Pairs, Tensor]:
    """The pairs with groups numbered 0, 1, .., and these numbers [B]; without groups every anchor is its own."""
    if pairs.group is None:
        group = torch.arange(len(pairs.anchor), device=pairs.anchor.device)
    else:
        group = pairs.group.unique(return_inverse=True)[1]
    return replace(pairs, group=group), group


def logsumexp_by_group(logits: Tensor, group: Tensor) -> Tensor:
    """Log of the sum of exp over the rows of each group, float32 at least: [B], [B] -> [G].

    `group` is numbered as by `number_groups`. The maximum of each group is subtracted first, so that nothing overflows.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    groups = int(group.max()) + 1
    maximum = logits.new_full((groups,), -torch.inf).scatter_reduce(0, group, logits.detach(), "amax")  # [G]
    sums = logits.new_zeros(groups).index_add(0, group, (logits - maximum[group]).exp())  # [G] at least 1
    return maximum + sums.log()
