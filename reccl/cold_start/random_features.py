"""Random features: random ReLU units, which make a linear model smooth and nonlinear."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Self

from reccl.lazy import functional, torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class RandomFeatures:
    """phi(x) = sqrt(2 / H) relu(W x + b), the rows (W_h, b_h) normal and orthogonal in blocks.

    The inner product of phi(x) and phi(y) is, on average over W, the arc-cosine kernel of degree 1 of (x, 1) and
    (y, 1): Kernel Methods for Deep Learning, Cho and Saul, NeurIPS 2009; a network with one wide hidden layer that is
    not trained. Random Features for Large-Scale Kernel Machines, Rahimi and Recht, NeurIPS 2007; orthogonal blocks with
    lengths as independent rows have vary less: Orthogonal Random Features, Yu et al., NeurIPS 2016.
    """

    weight: Tensor  # [H, F]
    bias: Tensor  # [H]

    @classmethod
    def draw(cls, scale: Tensor, hidden: int, seed: int) -> Self:
        """H = `hidden` directions over features [F] that are multiplied by `scale` first, and a constant 1."""
        generator, width = torch.Generator().manual_seed(seed), len(scale) + 1
        blocks = [orthogonal_block(width, generator) for _ in range(-(-hidden // width))]
        rows = torch.cat(blocks)[:hidden]  # [H, F + 1]
        return cls(rows[:, :-1] * scale.cpu(), rows[:, -1])

    def __call__(self, x: Tensor) -> Tensor:
        """[n, F] -> [n, H]."""
        units = functional.linear(x, self.weight.to(x.device), self.bias.to(x.device))
        return functional.relu(units) * sqrt(2 / len(self.bias))


def orthogonal_block(width: int, generator: torch.Generator) -> Tensor:
    """A [width, width] block of orthogonal rows, each as long as a vector of independent normal numbers would be."""
    basis, upper = torch.linalg.qr(torch.randn(width, width, generator=generator))
    basis = basis * upper.diagonal().sign()  # else some directions come more often than others
    lengths = torch.randn(width, width, generator=generator).norm(dim=1, keepdim=True)
    block: Tensor = basis * lengths
    return block
