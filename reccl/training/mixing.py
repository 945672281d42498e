"""Mixing: random shares by which the embeddings of a batch are mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor


def sample_shares(number: int, concentration: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """Shares of `number` rows that sum to 1, from a symmetric Dirichlet distribution: [number], of the type of `like`.

    The smaller the concentration, the more one row has nearly all. Two rows are a Beta distribution. Torch's own
    distributions take no generator, so NumPy draws, seeded by ours.
    """
    seed = int(torch.randint(2**63 - 1, (), generator=generator, device=generator.device))
    shares = np.random.default_rng(seed).dirichlet(np.full(number, concentration))
    return torch.from_numpy(shares).to(like)


def permute(x: Tensor, generator: torch.Generator) -> Tensor:
    """The rows of x [B, D] in random order."""
    return x[torch.randperm(len(x), generator=generator, device=x.device)]
