"""Expected profile: what else a user of a few items would have, for scorers that rank from whole histories."""

import torch
from torch import Tensor

from reccl.cold_start.fold_in_estimator import FoldInEstimator
from reccl.data.svd import truncated_svd
from reccl.data.user_items import UserItemCSR
from reccl.scorers.item_operators import ItemOperator
from reccl.scorers.scorer import Scorer

RANK = 64
"""Singular vectors of the trained histories that profiles are combinations of."""


def estimate_profiles(trained: UserItemCSR, own: UserItemCSR) -> tuple[Tensor, Tensor]:
    """The rest of the profiles of n users who have `own`, as a product: [n, d], [I, d].

    x_rest = K / (K + k) V z,  V the first right singular vectors of the trained R [U, I], z the estimate of x V from
    the k items that a user has (`reccl.cold_start.fold_in_estimator`), K the mean number of items of a trained user.

    EASE, item-kNN and graph filters rank a user by x_u as if it were a whole history: for one that has hardly begun,
    they miss what most users have. With x_u + x_rest the lists start at those of the mean user; x_rest fades as the
    history grows. Where trained items have weights, each of `own` has the mean one, and so has the rest. Measured in
    benchmarks/inductive.py. No paper is known to us that does it for these scorers.
    """
    usual_weight = 1.0 if trained.weight is None else float(trained.weight.mean())
    trained, own = trained.unweighted, own.unweighted
    right = truncated_svd(trained.to_scipy(), RANK).right
    directions = torch.from_numpy(right).float().to(trained.item.device)  # [I, d] V
    low_rank = Scorer(trained.sum_vectors(directions), directions)
    count = own.counts[:, None].float()  # [n, 1] k
    usual = trained.counts[trained.counts > 0].float().mean()  # [] K
    share = usual_weight * usual / (usual + count)  # [n, 1]
    return FoldInEstimator.of(low_rank, trained)(own) * share, directions


def apply_operators(operators: tuple[ItemOperator, ...], profiles: Tensor) -> Tensor:
    """The sum of the operators' scores for profiles: [I, d] -> [I, d]."""
    return torch.stack([operator @ profiles for operator in operators]).sum(0)
