"""Top: the best items of every user, in chunks of bounded memory."""

from collections.abc import Iterator

import torch
from torch import Tensor

from reccl.data.by_user import ByUser
from reccl.scorers import Scorer

CHUNK_BYTES = 64 << 20
"""Memory for one chunk's scores."""


def top(scorer: Scorer, users: Tensor, k: int, hidden: ByUser | None = None) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Rank all items for the given users ([n] row numbers), a chunk of users at a time.

    Yields (users [b], items [b, k], scores [b, k]), best first; `hidden` items never appear. Where a user has fewer
    than k items left, the rest are -1 with score -inf.
    """
    count = len(scorer.items)
    k = min(k, count)
    size = max(1, min(len(users), CHUNK_BYTES // (4 * count)))
    buffer = torch.empty(size, count, device=scorer.items.device)  # [b, I], written anew for each chunk
    for rows in users.to(scorer.items.device).split(size):
        scores = scorer.scores(rows, out=buffer[: len(rows)])  # [b, I]
        if hidden is not None:
            scores[hidden.pairs(rows)] = -torch.inf
        best, items = torch.topk(scores, k, dim=1)  # [b, k], [b, k]
        yield rows, items.masked_fill(best == -torch.inf, -1), best
