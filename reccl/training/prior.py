"""Prior: a closed form's scores as a constant of a loss."""

import torch
from torch import Tensor, nn

from reccl.scorers import Scorer
from reccl.scorers.weighted_sum import score_spread

KEPT = 1 << 26
"""Most scores of a prior that are computed once and kept, 256 MiB; beyond, each step computes those of its users."""


class Prior(nn.Module):
    """A scorer's scores, scaled to a spread of `strength`; nothing in it is learned or saved."""

    def __init__(self, scorer: Scorer, strength: float) -> None:
        super().__init__()
        self.scorer, self.factor = scorer, strength / score_spread(scorer)
        users = torch.arange(scorer.num_users, device=scorer.device)
        small = scorer.num_users * scorer.num_items <= KEPT
        self.kept = self.factor * scorer.scores(users) if small else None  # [U, I]

    def forward(self, users: Tensor) -> Tensor:
        """Scores of all items: [b] -> [b, I]."""
        return self.factor * self.scorer.scores(users) if self.kept is None else self.kept[users]
