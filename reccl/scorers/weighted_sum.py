"""Weighted sum: a weighted sum of scorers is a scorer."""

from __future__ import annotations

from collections.abc import Sequence

from reccl.data.user_items import UserItemCSR
from reccl.lazy import torch
from reccl.scorers.item_operators import merge_dense
from reccl.scorers.scorer import Scorer

SAMPLE_USERS = 1024
"""Users whose scores a scorer's spread is measured on."""
SAMPLE_BYTES = 64 << 20
"""Memory for their scores at a time."""


def weighted_sum(scorers: Sequence[Scorer], weights: Sequence[float]) -> Scorer:
    """Sum over scorers of w_p s_p, exactly: embeddings side by side, [U, sum of D], all item operators, and the
    sum of the personal scores.

    At least one scorer. All that have item operators must come from the same training rows: they share one history.
    """
    parts = list(zip(scorers, weights, strict=True))
    users = torch.cat([scorer.user_embeddings for scorer in scorers], 1)  # [U, D]
    items = torch.cat([weight * scorer.item_embeddings for scorer, weight in parts], 1)  # [I, D]
    operators = [operator.scale(weight) for scorer, weight in parts for operator in scorer.item_operators]
    history = next((scorer.history for scorer in scorers if scorer.item_operators), None)
    personal: UserItemCSR | None = None
    for scorer, weight in parts:
        if scorer.personal is not None:
            scaled = scorer.personal.scale(weight)
            personal = scaled if personal is None else personal.union(scaled)
    return Scorer(users, items, history, merge_dense(operators), personal)


def score_spread(scorer: Scorer) -> float:
    """The standard deviation of a user's scores over items, averaged over the users for whom it is not 0.

    Measured on up to 1,024 users, evenly spaced. 1 where no user has different scores.
    """
    count = scorer.num_users
    users = torch.linspace(0, count - 1, min(SAMPLE_USERS, count), device=scorer.device).round().long()  # [n]
    size = max(1, SAMPLE_BYTES // (4 * max(1, scorer.num_items)))
    deviations = torch.cat([scorer.scores(rows).double().std(1, correction=0) for rows in users.split(size)])  # [n]
    positive = deviations[deviations > 0]
    return float(positive.mean()) if len(positive) else 1.0
