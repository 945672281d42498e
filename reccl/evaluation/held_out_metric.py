"""Held-out metric: one metric of validation rows, for scores that are already there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from typing_extensions import override

from reccl.evaluation.evaluate import ALL, Evaluator, resize_lists
from reccl.evaluation.top_k import best_items
from reccl.lazy import torch
from reccl.metrics import PER_USER
from reccl.scorers import Scorer, ValidationMetric
from reccl.scorers.scorer import SCORE_BYTES

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.cold_start.given_rows import GivenRows


@dataclass(frozen=True, eq=False)
class HeldOutMetric(ValidationMetric):
    """A metric at k over some of an evaluator's users, to select among scorers.

    Made from an evaluator of validation rows, so that selection never sees another part. Where the scores of all its
    users would not fit 256 MiB, users evenly spaced stand for them.
    """

    evaluator: Evaluator
    sample: Tensor  # [n] row numbers of users
    name: str  # ndcg, ..
    k: int
    given: GivenRows | None = None  # of users who were not trained on

    @classmethod
    def of(cls, evaluator: Evaluator, metric: str, given: GivenRows | None = None) -> Self:
        """A `metric` such as ndcg_at_10. Its group (what stands before a slash) is left out, and a metric of the whole
        catalog is taken as NDCG.
        """
        name, _, k = metric.rpartition("/")[2].rpartition("_at_")
        users, most = evaluator.users, max(1, SCORE_BYTES // (4 * evaluator.seen.num_items))
        spaced = torch.linspace(0, len(users) - 1, min(most, len(users)), device=users.device).round().long()
        return cls(evaluator, users[spaced], name if name in PER_USER else "ndcg", int(k), given)

    @property
    @override
    def users(self) -> Tensor:
        return self.sample

    @override
    def score(self, scorer: Scorer) -> Tensor:
        return scorer.scores(self.sample) if self.given is None else self.given.score(scorer, self.sample)

    @override
    def __call__(self, scores: Tensor) -> float:
        return float(self.per_user(scores).mean())

    @override
    def per_user(self, scores: Tensor) -> Tensor:
        relevant = self.evaluator.relevant[ALL]
        scores[self.evaluator.seen.gather_pairs(self.sample)] = -torch.inf
        items, _ = best_items(scores, self.k)  # [n, k]
        hits = relevant.contains(self.sample, items).double()
        return PER_USER[self.name](resize_lists(hits, self.k), relevant.counts[self.sample])
