"""ValidationMetric: one metric of validation rows, for scores that are already there."""

from dataclasses import dataclass
from typing import Self

import polars as pl
import torch
from torch import Tensor

from reccl.data.user_items import UserItemCSR
from reccl.metrics import PER_USER

BYTES = 256 << 20
"""Memory for one scorer's scores of all judged users."""


@dataclass(frozen=True)
class ValidationMetric:
    """A metric at k over some users, for choosing among scorers; see `reccl.scorers.scorer.ValidationMetric`.

    It is made from validation rows, so that what chooses never sees another part. Where the scores of all users with
    validation rows would not fit 256 MiB, users evenly spaced stand for them.
    """

    users: Tensor  # [n] row numbers
    relevant: UserItemCSR  # validation rows
    hidden: UserItemCSR  # rows known before them
    metric: str  # ndcg, ..
    k: int

    @classmethod
    def of(
        cls, validation: pl.DataFrame, known: pl.DataFrame, users: int, items: int, metric: str, device: torch.device
    ) -> Self:
        """From tables of user and item row numbers; `metric` is a name such as ndcg_at_10, whose group (the part before
        a slash) is left out; a metric of the whole catalog is taken as NDCG.
        """
        relevant, hidden = (
            UserItemCSR.from_interactions(rows, users, items).to(device) for rows in (validation, known)
        )
        name, _, k = metric.rpartition("/")[2].rpartition("_at_")
        judged = relevant.counts.nonzero().squeeze(1)  # [n]
        most = max(1, BYTES // (4 * items))
        spaced = torch.linspace(0, len(judged) - 1, min(most, len(judged)), device=device).round().long()
        return cls(judged[spaced], relevant, hidden, name if name in PER_USER else "ndcg", int(k))

    def __call__(self, scores: Tensor) -> float:
        """The metric's mean for scores [n, I] of `users`, which are overwritten."""
        return float(self.each(scores).mean())

    def each(self, scores: Tensor) -> Tensor:
        """The metric of every one of `users`, [n]; scores [n, I] are overwritten."""
        scores[self.hidden.gather_pairs(self.users)] = -torch.inf
        best, items = torch.topk(scores, min(self.k, scores.shape[1]), dim=1)  # [n, k]
        hits = self.relevant.contains(self.users, items.masked_fill(best == -torch.inf, -1)).double()
        hits = torch.nn.functional.pad(hits, (0, self.k - hits.shape[1]))
        return PER_USER[self.metric](hits, self.relevant.counts[self.users])
