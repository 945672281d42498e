"""Predictor: maps an online embedding before it is compared with a target."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize
from typing_extensions import override


class LinearPredictor(nn.Module):
    """p(x) = W x + b, trained: the predictor of BUIR and SelfCF; [.., D] -> [.., D]."""

    def __init__(self, dimension: int, generator: torch.Generator) -> None:
        super().__init__()
        bound, device = dimension**-0.5, generator.device
        weight, bias = torch.empty(dimension, dimension, device=device), torch.empty(dimension, device=device)
        self.weight = nn.Parameter(weight.uniform_(-bound, bound, generator=generator))  # [D, D]
        self.bias = nn.Parameter(bias.uniform_(-bound, bound, generator=generator))  # [D]

    @override
    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)

    def symmetrize(self, users: Tensor) -> Tensor:
        """Users [.., D] whose inner products rank items as p(u) . i + u . p(i) does, the score of both papers.

        p(u) . i + u . p(i) = ((W + W') u + b) . i + u . b, and u . b is the same for all items of a user.
        """
        return linear(users, self.weight + self.weight.T, self.bias)


@torch.no_grad()
def direct_copy(x: Tensor, floor: float) -> Tensor:
    """DirectCopy, Wang et al., 2021 (https://arxiv.org/abs/2110.04947): F / |F| + floor * I of embeddings [n, D].

    F [D, D] is the mean of x x' over the embeddings scaled to unit length, |F| its largest eigenvalue; symmetric.
    Where we differ: the paper keeps a moving average of F over steps.
    """
    unit = normalize(x.float())  # [n, D]
    correlation = unit.T @ unit / len(unit)  # [D, D]
    largest = torch.linalg.matrix_norm(correlation, 2).clamp(min=torch.finfo(correlation.dtype).tiny)
    predictor: Tensor = correlation / largest + floor * torch.eye(len(correlation), device=x.device)
    return predictor
