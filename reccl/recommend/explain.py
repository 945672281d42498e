"""Explain: which of the items that a user has carry the score of another item."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl
import torch
from torch import Tensor
from torch.nn.functional import pad

from reccl.cold_start.fold_in_estimator import FoldInEstimator, shrinkage
from reccl.cold_start.sources import CONTENT, MODEL, POPULARITY, SOURCES
from reccl.data.columns import ITEM
from reccl.data.user_items import UserItemCSR
from reccl.recommend.extended_model import ExtendedModel
from reccl.scorers import Scorer

CONTRIBUTION, SHARE = "contribution", "share"
SAMPLE = 1024
"""Users on whom it is tried which components are linear; evenly spaced."""
EXPONENTS = tuple(step / 20 for step in range(41))
"""How much less a popular item counts in linear components, d^-a: twice the exponent of an SVD, 1 for graph filters."""
TOLERANCE = 1e-8
"""Share of its squares by which a component of the users' embeddings may differ and still count as linear."""


@dataclass(frozen=True)
class Explanation:
    """Why an item has its score for a user."""

    score: float
    contributions: pl.DataFrame  # item (one that the user has), contribution, share of all; largest first
    exact: bool  # the score is a sum over the user's items; else they are Shapley values of an estimate of it
    rest: float  # what no item carries: popularity, features, and where not exact, what training made of the user
    source: str  # what the score rests on; see `reccl.recommend`


@dataclass(frozen=True)
class Explainer:
    """Splits scores among the items that a user has.

    With x_u the user's items, a score has up to three parts.

    - From histories (EASE, item-kNN, graph filters): s = sum over j in x_u of B_ij, and item j contributes B_ij, times
      its weight in x_u where there are weights.
    - Components of embeddings that are linear in the user's items, e_u = x_u P with P_j = d_j^-a e_j diag(g), as those
      of an SVD are; they are found by a least-squares fit of one gain g a component. Item j contributes P_j . e_i.
    - Other components, as trained ones, are no closed form of the items. They are split by the estimate e(S) of them
      from items S that places new users (`FoldInEstimator`), into its Shapley values. These are exact here, since at
      each size of S the estimate is linear in the mean of S:

      phi_j = 1/n sum over s < n of E[f(S + j) - f(S)],   S of s other items of the user,   f(S) = e(S) . e_i.

    The first two add up to the score. The third add up to what the estimate has beyond the mean user; how far the
    trained user is from that estimate is in `rest`.

    Sources: explanations of implicit ALS (Hu, Koren and Volinsky, ICDM 2008, section 5), a split of one estimate of the
    user; Shapley values of predictions (Lundberg and Lee, NeurIPS 2017). Leaving one item out (s = n - 1 alone) shows
    next to nothing in a long history, in which other items stand in for each.
    """

    extended: ExtendedModel
    of_trained: "Explainer | None" = None
    """One of the same items and the trained users, whose fits are used; None: it is fitted to `extended` itself."""

    @property
    def scorer(self) -> Scorer:
        """What gives the scores."""
        return self.extended.model.scorer

    @property
    def past(self) -> UserItemCSR:
        """The items that scores come from."""
        return self.scorer.history if self.scorer.history is not None else self.extended.model.known

    def prepare(self) -> None:
        """Fit what all explanations share, now."""
        if self.linear[1].any():
            assert self.estimator is not None

    @cached_property
    def linear(self) -> tuple[Tensor, Tensor]:
        """P [I, D], 0 in components that are not linear; and which are left to leave items out, [D] bool."""
        if self.of_trained is not None:
            projection, free = self.of_trained.linear
            more = self.scorer.item_embeddings.shape[1] - len(free)  # components of new users alone
            return pad(projection, (0, more)), pad(free, (0, more))
        trained = (self.extended.user_source.to(self.scorer.device) == MODEL) & (self.past.counts > 0)
        return find_linear_components(self.scorer, self.past, trained)

    @cached_property
    def estimator(self) -> FoldInEstimator:
        """Places users in the components that are not linear."""
        if self.of_trained is not None:
            return self.of_trained.estimator
        by_features = (self.extended.item_source == CONTENT).to(self.scorer.device)
        return FoldInEstimator.of(self.trained_part(), self.past, by_features)

    def trained_part(self) -> Scorer:
        """The scorer of components that are not linear in the user's items."""
        free = self.linear[1]
        return Scorer(self.scorer.user_embeddings[:, free], self.scorer.item_embeddings[:, free])

    def __call__(self, user: int, item: int) -> Explanation:
        """The explanation of one score, by rows of user and item."""
        extended, scorer = self.extended, self.scorer
        weakest = SOURCES[max(int(extended.user_source[user]), int(extended.item_source[item]))]
        score = float(extended.ranker.scores(torch.tensor([user], device=scorer.device))[0, item])
        history = self.past.select_users(torch.tensor([user], device=scorer.device))
        own, weight = history.item, history.values.double()  # [n], [n]
        if weakest == SOURCES[POPULARITY] or len(own) == 0:
            return Explanation(score, self.to_table(own[:0], score * own[:0]), True, score, weakest)
        projection, free = self.linear
        parts = projection[own] @ scorer.item_embeddings[item].double()  # [n]
        parts = (parts + self.from_histories(own, item)) * weight
        if scorer.personal is not None:
            mine = scorer.personal.select_users(torch.tensor([user], device=scorer.device))
            parts = parts + (own == item) * mine.values[mine.item == item].double().sum()
        products = scorer.user_embeddings[user, free] * scorer.item_embeddings[item, free]
        exact = not bool(products.any())  # components of content, say, which trained users and items have none of
        if not exact:
            parts = parts + self.shapley_values(user, own, item)
        rest = score - float(parts.sum())
        return Explanation(score, self.to_table(own, parts), exact, rest, weakest)

    def from_histories(self, own: Tensor, item: int) -> Tensor:
        """What each of n items contributes through item operators: [n]."""
        found = torch.zeros(len(own), dtype=torch.float64, device=own.device)
        for operator in self.scorer.item_operators:
            found += operator.row(item)[own].double()
        return found

    def shapley_values(self, user: int, own: Tensor, item: int) -> Tensor:
        """What each of n items contributes to the trained part of the score, by the estimate of it: [n]."""
        fit, free, count = self.estimator, self.linear[1], len(own)
        vectors = fit.item_embeddings[own].double() * fit.item_weights[own, None]  # [n, D]
        deviation = (vectors - fit.mean_profile) @ fit.basis  # [n, D] of each item from the mean profile
        others = (deviation.sum(0) - deviation) / max(1, count - 1)  # [n, D] the mean of the others
        effect = fit.regression.T @ self.scorer.item_embeddings[item, free].double()  # [D] on the score of `item`
        size = torch.arange(count, device=own.device)[:, None].double()  # [n, 1] s
        before, after = shrinkage(size, fit.ratio) * effect, shrinkage(size + 1, fit.ratio) * effect  # [n, D]
        of_item = (after / (size + 1)).mean(0)  # [D]
        of_others = (after * size / (size + 1) - before).mean(0)  # [D]
        length = float(self.scorer.user_embeddings[user, free].norm()) / fit.mean_length
        values: Tensor = (deviation @ of_item + others @ of_others) * length
        return values

    def to_table(self, own: Tensor, parts: Tensor) -> pl.DataFrame:
        """Rows [n] and contributions [n] as a table in raw ids, the largest first."""
        total = float(parts.abs().sum())
        return pl.DataFrame(
            {
                ITEM: self.extended.model.item_ids.to_ids(pl.Series(own.cpu().numpy(), dtype=pl.Int64)),
                CONTRIBUTION: pl.Series(parts.float().cpu().numpy(), dtype=pl.Float32),
                SHARE: pl.Series((parts / (total or 1.0)).float().cpu().numpy(), dtype=pl.Float32),
            }
        ).sort(CONTRIBUTION, descending=True)


def find_linear_components(scorer: Scorer, past: UserItemCSR, trained: Tensor) -> tuple[Tensor, Tensor]:
    """P [I, D] with e_uk = (x_u P)_k for the `trained` users ([U] bool), 0 where there is none; and [D] bool of the
    components that are neither linear in the users' items nor the same for all users.

    Exponents are tried in steps of .05, on up to 1,024 users.
    """
    rows = trained.nonzero().squeeze(1)
    rows = rows[torch.linspace(0, max(0, len(rows) - 1), min(SAMPLE, len(rows))).round().long().to(rows.device)]
    users, own = scorer.user_embeddings[rows].double(), past.select_users(rows)  # [m, D]
    items = scorer.item_embeddings.double()  # [I, D]
    strength = torch.bincount(past.item, past.values.double(), minlength=scorer.num_items)  # [I]
    degree = strength.masked_fill(strength == 0, 1)
    energy = users.square().sum(0)  # [D]
    projection = torch.zeros_like(items)
    free = energy > 0  # [D]
    for exponent in EXPONENTS:
        places = free.nonzero().squeeze(1)  # [d]
        if not len(places):
            break
        weighted = items[:, places] * degree[:, None] ** -exponent  # [I, d]
        sums = own.sum_vectors(weighted)  # [m, d]
        gain = (sums * users[:, places]).sum(0) / sums.square().sum(0).clamp(min=1e-30)  # [d]
        fits = (users[:, places] - gain * sums).square().sum(0) <= TOLERANCE * energy[places]  # [d]
        projection[:, places[fits]] = (gain * weighted)[:, fits]
        free[places[fits]] = False
    constant = (users - users.mean(0)).square().sum(0) <= TOLERANCE * energy  # [D]
    return projection, free & ~constant
