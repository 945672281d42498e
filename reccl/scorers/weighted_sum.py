"""Weighted: a weighted sum of scorers is a scorer."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reccl.scorers.item_operators import gathered, times
from reccl.scorers.scorer import Scorer

SAMPLE = 1024  # users whose scores tell a scorer's spread
BYTES = 64 << 20  # memory for their scores at a time


def weighted(parts: Sequence[Scorer], weights: Sequence[float]) -> Scorer:
    """Sum over parts of w_p s_p, exactly: embeddings side by side, [U, sum of D], and all chains; at least one part.

    Chains read one history, so all parts that have chains must come from the same training rows.
    """
    users = torch.cat([part.user_embeddings for part in parts], 1)  # [U, D]
    items = torch.cat([weight * part.item_embeddings for part, weight in zip(parts, weights, strict=True)], 1)  # [I, D]
    chains = [times(chain, weight) for part, weight in zip(parts, weights, strict=True) for chain in part.chains]
    history = next((part.history for part in parts if part.chains), None)
    return Scorer(users, items, history, gathered(chains))


def spread(scorer: Scorer) -> float:
    """How far a user's scores lie apart: the standard deviation over items, averaged over users who have one.

    Of up to 1,024 users, evenly spaced. 1 where no user tells items apart.
    """
    count = len(scorer.user_embeddings)
    users = torch.linspace(0, count - 1, min(SAMPLE, count), device=scorer.item_embeddings.device).round().long()  # [n]
    size = max(1, BYTES // (4 * max(1, len(scorer.item_embeddings))))
    each = torch.cat([deviation(scorer.scores(rows)) for rows in users.split(size)])  # [n]
    told = each[each > 0]
    return float(told.mean()) if len(told) else 1.0


def deviation(scores: Tensor) -> Tensor:
    """Standard deviation of each row: [n, I] -> [n]."""
    return scores.double().std(1, correction=0)
