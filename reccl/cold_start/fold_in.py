"""Fold-in: users placed by the items that they have, without training."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from reccl.cold_start.expected_profile import expected, sum_operators
from reccl.cold_start.feature_prior import FeaturePrior
from reccl.cold_start.fold_in_estimator import EXPONENTS, USERS, FoldInEstimator
from reccl.data.user_items import UserItemCSR
from reccl.scorers.scorer import Scorer

SAME = 1e-3
"""Share of their squares by which embeddings may differ and still count as reproduced."""


def fold_in(
    scorer: Scorer,
    trained: UserItemCSR,
    history: UserItemCSR,
    *,
    placed: Tensor | None = None,
    described: Tensor | None = None,
    feature_prior: FeaturePrior | None = None,
) -> Scorer:
    """A scorer that places the users of `history` by their items; without training, on copies.

    `trained` are the interactions that the scorer was trained on, `history` further ones, each with a row for every
    user of `scorer` (to add users, first add rows to `scorer.users`, whatever they hold):

        history = UserItemCSR.from_interactions(rows, len(scorer.users), len(scorer.items))  # rows of row numbers
        evaluate(fold_in(scorer, trained, history), relevant, known, evaluation)

    - A user without trained items gets the estimate of `FoldInEstimator`.
    - The embedding of a user with trained items moves by what the further items change of that estimate.
    - Users without history stay as they are.
    - Where a scorer ranks from histories (EASE, item-kNN, graph filters), the items join x_u; of a user without trained
      items, the rest of the profile is expected, too (`reccl.cold_start.expected_profile`).

    Items without trained interactions say nothing of a user, but for those that are `placed` ([I] bool) by features.
    The embeddings of users who are `described` ([U] bool) by features are believed as far as `doubt` lets them, and
    corrected by the items.
    """
    rows = history.counts.nonzero().squeeze(1)  # [n]
    if len(rows) == 0:
        return scorer
    if scorer.history is None:
        return replace(scorer, user_embeddings=estimated(scorer, trained, history, placed, described, feature_prior))
    whole = scorer.history.union(history)
    linear = projection(scorer, scorer.history)
    if linear is None:
        users = estimated(scorer, trained, history, placed, described, feature_prior)
    else:
        users = scorer.user_embeddings.index_copy(0, rows, whole.select_users(rows).sum_vectors(linear))
    fresh = rows[scorer.history.counts[rows] == 0]  # [m]
    folded = replace(scorer, user_embeddings=users, history=whole)
    if len(fresh) == 0:
        return folded
    share, directions = expected(scorer.history, whole.select_users(fresh))  # [m, d], [I, d]
    scores = sum_operators(scorer.item_operators, directions)  # [I, d]
    if linear is not None:
        scores = scores + scorer.item_embeddings @ (linear.T @ directions)
    rest = users.new_zeros(len(users), directions.shape[1]).index_copy(0, fresh, share)  # [U, d]
    return replace(
        folded,
        user_embeddings=torch.cat([users, rest], 1),
        item_embeddings=torch.cat([scorer.item_embeddings, scores], 1),
    )


def estimated(
    scorer: Scorer,
    trained: UserItemCSR,
    history: UserItemCSR,
    placed: Tensor | None,
    described: Tensor | None,
    feature_prior: FeaturePrior | None,
) -> Tensor:
    """[U, D]: new users by `FoldInEstimator`, trained ones moved by the change of it, the others as they are."""
    users, rows = scorer.user_embeddings.clone(), history.counts.nonzero().squeeze(1)
    joined, known = trained.union(history), trained.counts[rows] > 0
    estimate = FoldInEstimator.of(scorer, trained, placed)
    old, new = rows[known], rows[~known]
    users[new] = estimate(joined.select_users(new))
    if described is not None and feature_prior is not None:
        both = new[described[new]]
        users[both] = estimate(joined.select_users(both), feature_prior.prior(scorer.user_embeddings[both]))
    step = estimate(joined.select_users(old)) - estimate(trained.select_users(old))
    moved = scorer.user_embeddings[old] + step * scorer.user_embeddings[old].norm(dim=1, keepdim=True) / estimate.length
    users[old] = normalize(moved, dim=1) if estimate.unit else moved
    return users


def projection(scorer: Scorer, trained: UserItemCSR) -> Tensor | None:
    """P [I, D] where the embeddings of trained users are linear in their items, e_u = x_u P, P_i = g d_i^-a e_i (graph
    filters: a = 1); None where they are not.

    Beside scores from histories, a shrunk estimate would change the weight of this part against the other.
    """
    degree = torch.bincount(trained.item, minlength=len(scorer.item_embeddings)).clamp(min=1).double()  # [I]
    read = trained.counts.nonzero().squeeze(1)[:USERS]  # [m]
    own, users = trained.select_users(read), scorer.user_embeddings[read].double()
    for exponent in EXPONENTS:
        weighted = scorer.item_embeddings.double() * degree[:, None] ** -exponent  # [I, D]
        sums = own.sum_vectors(weighted)  # [m, D]
        gain = (sums * users).sum() / sums.square().sum().clamp(min=1e-30)
        if (users - gain * sums).square().sum() <= SAME * users.square().sum():
            return (gain * weighted).float()
    return None
