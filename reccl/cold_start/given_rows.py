"""Given rows: what is known of users whom no model was trained on, folded in before they are measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import polars as pl

from reccl.cold_start.feature_prior import FeaturePrior
from reccl.cold_start.fold_in import fold_in
from reccl.cold_start.sources import CONTENT, FOLD_IN, MODEL, Sources
from reccl.data.dataset import Dataset
from reccl.data.user_items import UserItemCSR
from reccl.encoders.tower import Towers
from reccl.lazy import torch
from reccl.scorers import Scorer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class GivenRows:
    """Training rows, and those that are given of other users (`StrongGeneralization`), grouped by user."""

    trained: UserItemCSR
    given: UserItemCSR

    @classmethod
    def of(cls, data: Dataset, part: str, device: torch.device | str = "cpu") -> Self | None:
        """Those that are given when `part` is predicted; None where nothing is."""
        rows = data.given_before(part)
        if not any(table.height for table in rows):
            return None
        size = len(data.user_ids), len(data.item_ids)
        return cls(
            *(
                UserItemCSR.from_interactions(data.scale_rows(some), *size).to(torch.device(device))
                for some in (data.train, pl.concat(rows))
            )
        )

    def place(
        self,
        scorer: Scorer,
        sources: Sources,
        towers: Towers | None = None,
        user_features: pl.DataFrame | None = None,
    ) -> tuple[Scorer, Sources]:
        """The scorer with these users folded in, and what their scores rest on; see `fold_in`.

        Users whose scores need no rows, as those of a random baseline, stay as they are.
        """
        towers, users = towers or Towers(), sources.users.to(scorer.device)
        open_ = (users != MODEL) & (self.given.counts > 0)  # [U]
        if not open_.any():
            return scorer, sources
        every_item = (
            None
            if towers.items is None
            else torch.ones_like(self.trained.item[:1], dtype=torch.bool).expand(scorer.num_items)
        )
        folded = fold_in(
            scorer,
            self.trained,
            self.given,
            feature_items=every_item,
            feature_users=None if towers.users is None else users == CONTENT,
            feature_prior=self.measure_prior(scorer, towers, user_features),
        )
        return folded, replace(sources, users=torch.where(open_, FOLD_IN, users).to(sources.users.dtype))

    def measure_prior(self, scorer: Scorer, towers: Towers, user_features: pl.DataFrame | None) -> FeaturePrior | None:
        """How accurate embeddings of users from features are, on the trained ones; None where there are none."""
        if towers.users is None or user_features is None:
            return None
        rows: Tensor = self.trained.counts.nonzero().squeeze(1)
        predicted = towers.users.embed(user_features).to(scorer.user_embeddings)
        return FeaturePrior.of(predicted[rows], scorer.user_embeddings[rows])

    def score(self, scorer: Scorer, users: Tensor) -> Tensor:
        """Scores of the given `users` [n] once they are folded in: [n, I]."""
        return fold_in(scorer, self.trained, self.given).scores(users)
