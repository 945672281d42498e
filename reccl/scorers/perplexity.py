"""Perplexity: scores to probabilities, each row at the temperature that spreads them over as many items as wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

LOWEST, HIGHEST = -14.0, 14.0
"""Natural logarithms of the inverse temperatures that are looked at, in inverse distances of a row's best score from
its mean."""
HALVINGS = 30
"""Times that the interval is halved: 28 / 2^30."""


def soften(scores: Tensor, perplexity: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax(scores / t) of rows, with t such that exp(entropy) is the `perplexity` [n]: [n, K] -> [n, K], 1 / t [n].

    The bandwidths of t-SNE are found so (van der Maaten and Hinton, JMLR 2008, section 2). -inf is left out. A row of
    equal scores, or of fewer than `perplexity`, is spread evenly.

    >>> scores = torch.tensor([[4.0, 2.0, 0.0, 0.0], [9.0, 9.0, -torch.inf, -torch.inf]])
    >>> p, inverse = soften(scores, torch.tensor([2.5, 2.5]))
    >>> (-(p[0] * p[0].log()).sum()).exp(), p[1]
    (tensor(2.5000), tensor([0.5000, 0.5000, 0.0000, 0.0000]))
    """
    there = scores > -torch.inf  # [n, K]
    below = torch.where(there, scores.max(1, keepdim=True).values - scores, torch.inf)  # [n, K] >= 0
    mean = below.masked_fill(~there, 0).sum(1) / there.sum(1).clamp(min=1)  # [n] the unit of distance
    below = below / torch.where(mean > 0, mean, 1)[:, None]
    low, high = (torch.full_like(mean, end) for end in (LOWEST, HIGHEST))  # [n]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        spread = entropy(below, middle.exp()) > perplexity.log()  # [n] too even: colder
        low, high = torch.where(spread, middle, low), torch.where(spread, high, middle)
    inverse = ((low + high) / 2).exp()
    return torch.softmax(-below * inverse[:, None], 1), inverse / torch.where(mean > 0, mean, 1)


def entropy(below: Tensor, inverse: Tensor) -> Tensor:
    """Entropy of softmax(-below inverse), in nats: distances [n, K] from the best, inverse temperatures [n] -> [n]."""
    energy = below * inverse[:, None]  # [n, K]
    weight = (-energy).exp()
    total = weight.sum(1)
    return total.log() + (weight * energy.nan_to_num(posinf=0)).sum(1) / total
