"""Expected profile: what else a user of a few items would have, for scorers that rank from whole histories."""

from dataclasses import dataclass
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
        trained = trained.unweighted
        right = truncated_svd(trained.to_scipy(), RANK).right
        directions = torch.from_numpy(right).float().to(trained.item.device)  # [I, d]
        estimator = FoldInEstimator.of(Scorer(trained.sum_vectors(directions), directions), trained)
        usual_count = trained.counts[trained.counts > 0].float().mean()
        return cls(directions, estimator, usual_count, usual_weight)

    def __call__(self, own: UserItemCSR) -> Tensor:
        """How much of each direction the n users of `own` have: [n, d]."""
        count = own.counts[:, None].float()  # [n, 1] k
        share = self.usual_weight * self.usual_count / (self.usual_count + count)  # [n, 1]
        return self.estimator(own.unweighted) * share


def apply_operators(operators: tuple[ItemOperator, ...], profiles: Tensor) -> Tensor:
    """The sum of the operators' scores for profiles: [I, d] -> [I, d]."""
    return torch.stack([operator @ profiles for operator in operators]).sum(0)
