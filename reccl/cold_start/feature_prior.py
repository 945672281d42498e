"""Feature prior: how accurate the embeddings are that features predict."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

RIDGE = 1e-4
"""Added to the diagonal of covariances, as a share of their mean diagonal."""


@dataclass(frozen=True)
class GaussianPrior:
    """What is known about the embeddings of n users before their items are seen."""

    mean: Tensor  # [n, D]
    covariance: Tensor  # [D, D] of its error


@dataclass(frozen=True)
class FeaturePrior:
    """e = weight t + bias + error, by least squares over trained users, t [D] what the tower predicts from a user's
    features and e [D] the trained embedding.
    """

    weight: Tensor  # [D, D]
    bias: Tensor  # [D]
    covariance: Tensor  # [D, D] of the error

    @classmethod
    def of(cls, predicted: Tensor, trained: Tensor) -> Self:
        """Fit to the tower's embeddings [n, D] of trained users and their trained ones [n, D]."""
        predicted, trained = predicted.double(), trained.double()
        x, y = predicted - predicted.mean(0), trained - trained.mean(0)
        weight = torch.linalg.solve(add_ridge(x.T @ x / len(x)), x.T @ y / len(x)).T
        error = y - x @ weight.T
        bias = trained.mean(0) - predicted.mean(0) @ weight.T
        return cls(weight.float(), bias.float(), (error.T @ error / len(error)).float())

    def to(self, device: torch.device) -> "FeaturePrior":
        """The same on another device."""
        return FeaturePrior(self.weight.to(device), self.bias.to(device), self.covariance.to(device))

    def prior(self, predicted: Tensor) -> GaussianPrior:
        """The prior of users for whom the tower predicts [n, D]."""
        return GaussianPrior(predicted @ self.weight.T + self.bias, self.covariance)


def add_ridge(matrix: Tensor) -> Tensor:
    """A covariance [D, D] made safely positive."""
    extra = RIDGE * matrix.diagonal().mean() + 1e-12
    return matrix + extra * torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
