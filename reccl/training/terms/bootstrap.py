"""Bootstrap: a user predicts the item, an item the user, and nobody is pushed away."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Dropout, Plain, View


class Bootstrap(TermSettings):
    """SelfCF: an online embedding, through a predictor, approaches the other end's disturbed target. No negatives.

    SelfCF: A Simple Framework for Self-supervised Collaborative Filtering, Zhou et al., TORS 2023;
    https://arxiv.org/abs/2107.03019. For an interaction (u, i), e in the online view, e' in the target view, h the
    predictor, stop(x) a constant:

    L = mean over interactions of 1 - cos(h(e_u), stop(e'_i)) / 2 - cos(h(e_i), stop(e'_u)) / 2

    Where we differ: the predictor is not trained but read off the embeddings, as DirectCopy does (Wang et al., 2021,
    https://arxiv.org/abs/2110.04947): h(x) = (F / |F| + floor * I) x, F [D, D] the mean of x x' over the batch's
    unit-length ends, |F| its largest eigenvalue. So a run has no parameters beside the encoder's, and lists are ranked
    by the embeddings themselves. The target view disturbs the same encoder, not a copy that trails behind (BUIR).
    """

    kind: Literal["bootstrap"] = "bootstrap"
    floor: Annotated[float, Field(ge=0)] = 0.1
    """What the predictor keeps of every direction (epsilon of DirectCopy)."""
    online: AnyView = Plain()
    """The view of what predicts."""
    target: AnyView = Dropout(rate=0.1)
    """The view of what is predicted."""

    def views(self) -> tuple[AnyView, ...]:
        """See `TermSettings.views`."""
        return self.online, self.target

    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """See `TermSettings.loss_of`."""
        online, target, batch = step.encode(views[0]), step.encode(views[1]), step.batch
        users, items = online.users(batch.user), online.items(batch.item)  # [B, D], [B, D]
        predictor = predictor_of(torch.cat([users, items]), self.floor)  # [D, D]
        forth = cosine_similarity(users @ predictor, target.items(batch.item).detach())  # [B]
        back = cosine_similarity(items @ predictor, target.users(batch.user).detach())  # [B]
        return (1 - (forth + back) / 2).mean()


@torch.no_grad()
def predictor_of(x: Tensor, floor: float) -> Tensor:
    """F / |F| + floor * I of embeddings [n, D]: [D, D], symmetric."""
    unit = normalize(x.float())  # [n, D]
    correlation = unit.T @ unit / len(unit)  # [D, D]
    largest = torch.linalg.matrix_norm(correlation, 2).clamp(min=torch.finfo(correlation.dtype).tiny)
    predictor: Tensor = correlation / largest + floor * torch.eye(len(correlation), device=x.device)
    return predictor
