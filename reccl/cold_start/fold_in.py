"""Fold-in: users embedded from the items that they have, without training."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import normalize

from reccl.cold_start.expected_profile import ProfileEstimator, apply_operators
from reccl.cold_start.feature_prior import FeaturePrior
from reccl.cold_start.fold_in_estimator import EXPONENTS, MAX_USERS, FoldInEstimator
from reccl.data.user_items import UserItemCSR
from reccl.scorers.scorer import Scorer

TOLERANCE = 1e-3
"""Share of their squares by which embeddings may differ and still count as reproduced."""


@dataclass(frozen=True)
class FoldInFits:
    """What fold-in learns from all trained users. Each part is fitted when it is first needed, and kept."""

    scorer: Scorer
    trained: UserItemCSR  # the interactions that it was trained on
    feature_items: Tensor | None = None  # [I] bool; see `fold_in`

    def prepare(self) -> None:
        """Fit all that this scorer needs, now."""
        if self.scorer.history is not None:
            assert self.profile_scores is not None
        if self.projection is None and len(self.trained.item):
            assert self.estimator is not None

    @cached_property
    def estimator(self) -> FoldInEstimator:
        """Embeds users from their items."""
        return FoldInEstimator.of(self.scorer, self.trained, self.feature_items)

    @cached_property
    def projection(self) -> Tensor | None:
        """[I, D] what each item adds to the embedding of a user, where that is linear in the user's items."""
        return None if self.scorer.history is None else find_projection(self.scorer, self.scorer.history)

    @cached_property
    def personal_score(self) -> float:
        """The mean score of a user's own item; 0 where there are none."""
        personal = self.scorer.personal
        return 0.0 if personal is None or not len(personal.item) else float(personal.values.mean())

    @cached_property
    def weight(self) -> float:
        """The mean weight of an item in the histories that scores come from."""
        history = self.scorer.history
        weighted = history is not None and history.weight is not None and len(history.weight)
        return float(history.values.mean()) if history is not None and weighted else 1.0

    @cached_property
    def profiles(self) -> ProfileEstimator:
        """The expected rest of a new user's profile."""
        assert self.scorer.history is not None
        return ProfileEstimator.of(self.scorer.history)

    @cached_property
    def profile_scores(self) -> Tensor:
        """[I, d] scores of the directions of `profiles`."""
        scores = apply_operators(self.scorer.item_operators, self.profiles.directions)
        if self.projection is None:
            return scores
        return scores + self.scorer.item_embeddings @ (self.projection.T @ self.profiles.directions)


def fold_in(
    scorer: Scorer,
    trained: UserItemCSR,
    history: UserItemCSR,
    *,
    feature_items: Tensor | None = None,
    feature_users: Tensor | None = None,
    feature_prior: FeaturePrior | None = None,
    fits: FoldInFits | None = None,
) -> Scorer:
    """A scorer that embeds the users of `history` from their items; without training, on copies.

    - A user without trained items gets the estimate of `FoldInEstimator`.
    - The embedding of a user with trained items moves by what the further items change of that estimate.
    - Users without history stay as they are.
    - Where items score by being the user's own (personal popularity), so do the further ones, by the mean score.
    - Where a scorer ranks from histories (EASE, item-kNN, graph filters), the items join x_u; for a user without
      trained items, the expected rest of the profile is added (`reccl.cold_start.expected_profile`).

    Args:
        scorer: to add users, first add rows to its `user_embeddings`, whatever they hold.
        trained: the interactions that the scorer was trained on, with a row for every user of the scorer.
        history: further interactions, likewise. Where those of the scorer have weights, each has their mean.
        feature_items: [I] bool: items without trained interactions that are embedded from features. They count, while
            other items without trained interactions carry no information about the user.
        feature_users: [U] bool: users without trained interactions who are embedded from features. These embeddings
            are the starting point that the items correct, weighted by `feature_prior`.
        feature_prior: how accurate embeddings from features are.
        fits: what was learned from all trained users before, where `scorer` holds some of them alone, or is asked
            again and again.

    >>> import polars as pl
    >>> scorer = Scorer(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    >>> trained = UserItemCSR.from_interactions(pl.DataFrame({"user": [0, 1], "item": [0, 1]}), 3, 2)
    >>> history = UserItemCSR.from_interactions(pl.DataFrame({"user": [2], "item": [1]}), 3, 2)
    >>> fold_in(scorer, trained, history).scores(torch.tensor([2])).argmax().item()  # the new user, who has item 1
    1

    """
    rows = history.counts.nonzero().squeeze(1)  # [n]
    if len(rows) == 0:
        return scorer
    fits = fits or FoldInFits(scorer, trained, feature_items)
    if scorer.personal is not None and fits.personal_score:
        usual = history.unweighted.scale(fits.personal_score)
        scorer = replace(scorer, personal=scorer.personal.union(usual))
    known = (feature_users, feature_prior, fits)
    if scorer.history is None:
        return replace(scorer, user_embeddings=estimate_users(scorer, trained, history, *known))
    if scorer.history.weight is not None and history.weight is None:
        history = history.scale(fits.weight)
    whole = scorer.history.union(history)
    if fits.projection is None:
        users = estimate_users(scorer, trained, history, *known)
    else:
        users = scorer.user_embeddings.index_copy(0, rows, whole.select_users(rows).sum_vectors(fits.projection))
    new = rows[scorer.history.counts[rows] == 0]  # [m]
    folded = replace(scorer, user_embeddings=users, history=whole)
    if len(new) == 0:
        return folded
    share = fits.profiles(whole.select_users(new))  # [m, d]
    rest = users.new_zeros(len(users), share.shape[1]).index_copy(0, new, share)  # [U, d]
    return replace(
        folded,
        user_embeddings=torch.cat([users, rest], 1),
        item_embeddings=torch.cat([scorer.item_embeddings, fits.profile_scores], 1),
    )


def estimate_users(
    scorer: Scorer,
    trained: UserItemCSR,
    history: UserItemCSR,
    feature_users: Tensor | None,
    feature_prior: FeaturePrior | None,
    fits: FoldInFits,
) -> Tensor:
    """[U, D]: new users by `FoldInEstimator`, trained ones moved by the change of it, the others as they are."""
    users, rows = scorer.user_embeddings.clone(), history.counts.nonzero().squeeze(1)
    joined, is_trained = trained.union(history), trained.counts[rows] > 0
    estimate = fits.estimator
    old, new = rows[is_trained], rows[~is_trained]
    users[new] = estimate(joined.select_users(new))
    if feature_users is not None and feature_prior is not None:
        both = new[feature_users[new]]
        users[both] = estimate(joined.select_users(both), feature_prior.prior(scorer.user_embeddings[both]))
    if len(old) == 0:
        return users
    step = estimate(joined.select_users(old)) - estimate(trained.select_users(old))
    before = scorer.user_embeddings[old]
    moved = before + step * before.norm(dim=1, keepdim=True) / estimate.mean_length
    users[old] = normalize(moved, dim=1) if estimate.unit_norm else moved
    return users


def find_projection(scorer: Scorer, trained: UserItemCSR) -> Tensor | None:
    """P [I, D] where the embeddings of trained users are linear in their items, e_u = x_u P, P_i = g d_i^-a e_i (graph
    filters: a = 1); None where they are not.

    Beside scores from histories, a shrunk estimate would change the weight of this part against the other.
    """
    strength = torch.bincount(trained.item, trained.values.double(), minlength=scorer.num_items)  # [I]
    degree = strength.masked_fill(strength == 0, 1)
    rows = trained.counts.nonzero().squeeze(1)[:MAX_USERS]  # [m]
    own, users = trained.select_users(rows), scorer.user_embeddings[rows].double()
    for exponent in EXPONENTS:
        weighted = scorer.item_embeddings.double() * degree[:, None] ** -exponent  # [I, D]
        sums = own.sum_vectors(weighted)  # [m, D]
        gain = (sums * users).sum() / sums.square().sum().clamp(min=1e-30)
        if (users - gain * sums).square().sum() <= TOLERANCE * users.square().sum():
            return (gain * weighted).float()
    return None
