"""Mixing contrast: a node should recognize the mixture that it is a part of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import torch
from reccl.losses import BilateralSoftmax, Pairs
from reccl.training.mixing import permute, sample_shares
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class MixingContrast(TermSettings):
    """The dual-mixing contrast of MixRec: Individual and Collective Mixing Empowers Data Augmentation for Recommender
    Systems, Zhang and Zhang, WWW 2025; https://arxiv.org/abs/2501.13579, as in the authors' code. On each side, with x
    [B, D] the embeddings of the batch's rows, y the same rows in a random order, b a share and w shares of all rows:

    individual mixing: m = b x + (1 - b) y;   collective mixing: g = sum over rows r of w_r x_r
    L = b S(x, m | y + g) + (1 - b) S(y, m | x + g)
    S(x, m | Z) = mean over rows r of -log( exp(s(x_r, m_r) / t) / sum over z in Z of exp(s(x_r, z) / t) )

    s is the cosine, t `temperature`; y + g are all rows of y and the one of g. The value is that of users plus that of
    items. b is drawn at every step for each side from a Beta distribution, w once for both from a Dirichlet
    distribution. The positive is not in its own denominator; rows of one node are not masked, as in the authors' code.

    Nothing is encoded a second time: the cost is two B x B products a side. Add it to `mixed_ranking`.
    """

    takes_weights = None
    kind: Literal["mixing_contrast"] = "mixing_contrast"
    weight: Annotated[float, Field(ge=0)] = 0.1
    """Factor of this term in the objective (the authors: .1 on Douban-Book to 1.1 on Amazon-Book)."""
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the cosines."""
    concentration: Annotated[float, Field(gt=0)] = 0.1
    """Parameter of the Beta and of the Dirichlet distribution: the less, the nearer the shares are to 0 and 1."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        collective = sample_shares(len(batch), self.concentration, users, step.generator)  # [B]
        return self.contrast(users, collective, step.generator) + self.contrast(items, collective, step.generator)

    def contrast(self, x: Tensor, collective: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of one side, x [B, D]."""
        share = sample_shares(2, self.concentration, x, generator)[0]  # []
        y, group = permute(x, generator), collective[None] @ x  # [B, D], [1, D]
        mixed = share * x + (1 - share) * y  # [B, D]
        softmax = BilateralSoftmax(temperature=self.temperature, exponent=1)
        forth = softmax(Pairs(x, mixed, torch.cat([y, group])))
        back = softmax(Pairs(y, mixed, torch.cat([x, group])))
        return share * forth + (1 - share) * back
