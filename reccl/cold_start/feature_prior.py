"""FeaturePrior: how far what features say of users can be believed."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

RIDGE = 1e-4
"""Added to the diagonal of covariances, as a share of their mean diagonal."""


@dataclass(frozen=True)
class Prior:
    """What is believed of n users before their items are seen, from their features."""

    mean: Tensor  # [n, D]
    covariance: Tensor  # [D, D] of its error


@dataclass(frozen=True)
class FeaturePrior:
    """e = weight t + bias + error, by least squares over trained users, t [D] what the tower gives of a user's features
    and e [D] what training gave.
    """

    weight: Tensor  # [D, D]
    bias: Tensor  # [D]
    covariance: Tensor  # [D, D] of the error

    @classmethod
    def of(cls, told: Tensor, users: Tensor) -> Self:
        """Compare the tower's embeddings [n, D] of trained users with their trained ones [n, D]."""
        told, users = told.double(), users.double()
        x, y = told - told.mean(0), users - users.mean(0)
        weight = torch.linalg.solve(ridged(x.T @ x / len(x)), x.T @ y / len(x)).T
        error = y - x @ weight.T
        bias = users.mean(0) - told.mean(0) @ weight.T
        return cls(weight.float(), bias.float(), (error.T @ error / len(error)).float())

    def to(self, device: torch.device) -> "FeaturePrior":
        """The same on another device."""
        return FeaturePrior(self.weight.to(device), self.bias.to(device), self.covariance.to(device))

    def prior(self, told: Tensor) -> Prior:
        """What to believe of users of whom the tower gives `told` [n, D]."""
        return Prior(told @ self.weight.T + self.bias, self.covariance)


def ridged(matrix: Tensor) -> Tensor:
    """A covariance [D, D] made safely positive."""
    extra = RIDGE * matrix.diagonal().mean() + 1e-12
    return matrix + extra * torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
