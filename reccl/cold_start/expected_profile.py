"""Expected profile: what else a user of a few items would have, for scorers that rank from whole histories."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from reccl.cold_start.fold_in_estimator import FoldInEstimator
from reccl.data.svd import truncated_svd
from reccl.data.user_items import UserItemCSR
from reccl.scorers.item_operators import ItemOperator
from reccl.scorers.scorer import Scorer

RANK = 64
"""Singular vectors of the trained histories that profiles are combinations of."""


@dataclass(frozen=True)
class ProfileEstimator:
    """The rest of the profiles of n users who have a few items, as a product of [n, d] and `directions` [I, d]:

    x_rest = K / (K + k) V z,  V the first right singular vectors of the trained R [U, I], z the estimate of x V from
    the k items that a user has (`reccl.cold_start.fold_in_estimator`), K the mean number of items of a trained user.

    EASE, item-kNN and graph filters rank a user by x_u as if it were a whole history: for one that has hardly begun,
    they miss what most users have. With x_u + x_rest the lists start at those of the mean user; x_rest fades as the
    history grows. Where trained items have weights, each of a new user's has the mean one, and so has the rest.
    Measured in benchmarks/inductive.py. No paper is known to us that does it for these scorers.
    """

    directions: Tensor  # [I, d] V
    estimator: FoldInEstimator  # of x V
    usual_count: Tensor  # [] K
    usual_weight: float

    @classmethod
    def of(cls, trained: UserItemCSR) -> Self:
        """Fit to the trained histories."""
        usual_weight = 1.0 if trained.weight is None else float(trained.weight.mean())
        trained, directions = trained.unweighted, find_directions(trained)
        estimator = FoldInEstimator.of(Scorer(trained.sum_vectors(directions), directions), trained)
        usual_count = trained.counts[trained.counts > 0].float().mean()
        return cls(directions, estimator, usual_count, usual_weight)

    def __call__(self, own: UserItemCSR) -> Tensor:
        """How much of each direction the n users of `own` have: [n, d]."""
        count = own.counts[:, None].float()  # [n, 1] k
        share = self.usual_weight * self.usual_count / (self.usual_count + count)  # [n, 1]
        return self.estimator(own.unweighted) * share


@dataclass(frozen=True)
class ProfileComponents:
    """Profiles of a scorer's histories as components of embeddings, for users who have features in place of items:

    trained users [e_u ; 0],   users from features [e_u ; z_u],   items [e_i ; c V_i],

    z_u the prediction of x_u V from features. Without them such a user would have the score 0 for every item that has
    training rows. V z_u is what share of users with such features have each item, up to the rank of V: it is not sent
    through the scorer's operators, which were made to tell apart users by what they have (ML-100K by a global timeline,
    validation NDCG@20 of cold users: EASE .410 so, .399 through the operators; item-kNN .410, .281; popularity .388).
    c gives scores of the mean profile the spread that they have through the operators, beside which they are blended.
    """

    directions: Tensor  # [I, d] V
    scores: Tensor  # [I, d] c V
    places: slice  # of the d components in embeddings

    @classmethod
    def of(cls, scorer: Scorer) -> Self:
        """Those of a scorer that ranks from histories, behind the components that it has."""
        assert scorer.history is not None
        directions, size = find_directions(scorer.history), scorer.user_embeddings.shape[1]
        mean = scorer.history.sum_vectors(directions).mean(0, keepdim=True)  # [1, d]
        plain = directions @ mean.T  # [I, 1]
        spread = apply_operators(scorer.item_operators, plain).std() / plain.std().clamp(min=1e-30)
        scores = (spread if spread > 0 else 1.0) * directions
        return cls(directions, scores.to(scorer.item_embeddings), slice(size, size + directions.shape[1]))

    def join(self, scorer: Scorer) -> Scorer:
        """The scorer with the components of items, and zeros for users."""
        zeros = self.scores.new_zeros(scorer.num_users, self.scores.shape[1])
        return replace(
            scorer,
            user_embeddings=torch.cat([scorer.user_embeddings, zeros], 1),
            item_embeddings=torch.cat([scorer.item_embeddings, self.scores], 1),
        )

    def show(self, scorer: Scorer) -> Scorer:
        """The joined scorer with x_u V in place of the zeros: what features of users predict."""
        assert scorer.history is not None
        users = scorer.user_embeddings.clone()
        users[:, self.places] = scorer.history.sum_vectors(self.directions).to(users)
        return replace(scorer, user_embeddings=users)


def find_directions(trained: UserItemCSR) -> Tensor:
    """[I, d] the first right singular vectors of histories, without weights."""
    right = truncated_svd(trained.unweighted.to_scipy(), RANK).right
    return torch.from_numpy(right).float().to(trained.item.device)


def apply_operators(operators: tuple[ItemOperator, ...], profiles: Tensor) -> Tensor:
    """The sum of the operators' scores for profiles: [I, d] -> [I, d]."""
    return torch.stack([operator @ profiles for operator in operators]).sum(0)
