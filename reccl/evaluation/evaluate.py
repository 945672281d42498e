"""Evaluate: full ranking of all items for every user with held-out interactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import polars as pl
import torch
from pydantic import Field
from torch import Tensor

from reccl.data.by_user import ByUser
from reccl.evaluation.top import top
from reccl.metrics import PER_USER, coverage
from reccl.scorers import Scorer
from reccl.settings import Settings


class Evaluation(Settings):
    """What is measured."""

    cutoffs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (10, 20)
    """List lengths (k) at which every metric is taken."""

    def names(self) -> list[str]:
        """Every metric's name, e.g. ndcg_at_10."""
        return [f"{name}_at_{k}" for k in self.cutoffs for name in (*PER_USER, "coverage")]


@dataclass(frozen=True)
class Measured:
    """Metrics of one held-out part."""

    users: Tensor  # [n] users with at least one relevant item
    per_user: Mapping[str, Tensor]  # name_at_k -> [n], float64
    catalogue: Mapping[str, float]  # coverage_at_k

    def means(self) -> dict[str, float]:
        """Every metric, averaged over users where it is one of users."""
        return {**{name: float(values.mean()) for name, values in self.per_user.items()}, **self.catalogue}


def evaluate(scorer: Scorer, relevant: pl.DataFrame, known: pl.DataFrame, evaluation: Evaluation) -> Measured:
    """Rank all items for every user of `relevant`, hide the `known` ones, and measure the lists.

    Both tables hold user and item row numbers. An item that is both known and relevant can not be recommended; it
    still counts as relevant. No user at all gives empty metrics (nan means).
    """
    users, items = len(scorer.users), len(scorer.items)
    device = scorer.items.device
    wanted = ByUser.of(relevant, users, items).to(device)
    hidden = ByUser.of(known, users, items).to(device)
    tested = wanted.counts.nonzero().squeeze(1)  # [n]
    lists = [(rows, best) for rows, best, _ in top(scorer, tested, max(evaluation.cutoffs), hidden)]
    ranked = torch.cat([best for _, best in lists]) if lists else torch.empty(0, max(evaluation.cutoffs)).long()
    hits = torch.cat([wanted.contains(rows, best) for rows, best in lists]).double() if lists else ranked.double()
    count = wanted.counts[tested]  # [n]
    per_user = {
        f"{name}_at_{k}": metric(at_length(hits, k), count).cpu()
        for k in evaluation.cutoffs
        for name, metric in PER_USER.items()
    }
    catalogue = {f"coverage_at_{k}": coverage(ranked[:, :k], items) for k in evaluation.cutoffs}
    return Measured(tested.cpu(), per_user, catalogue)


def at_length(hits: Tensor, k: int) -> Tensor:
    """[n, k] hits of lists of exactly k places, empty ones at the end where the catalogue is shorter."""
    return torch.nn.functional.pad(hits[:, :k], (0, max(0, k - hits.shape[1])))
