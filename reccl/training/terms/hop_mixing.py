"""Hop mixing: negatives mixed of the positive and the hardest candidate of each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.encoders import Embeddings
from reccl.encoders.encoder import Rows
from reccl.lazy import torch
from reccl.losses import BPR, AnyLoss, Pairs
from reccl.losses.masks import to_dense
from reccl.losses.similarity import dot_negatives
from reccl.negatives import AnyPool, Uniform
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class HopMixing(TermSettings):
    """MixGCF: An Improved Training Method for Graph Neural Network-based Recommender Systems, Huang et al., KDD 2021,
    eq. 2-5; https://github.com/huangtinglin/MixGCF. For a positive (u, i), candidates j and each layer l:

    positive mixing: m_j^(l) = a^(l) e_i^(l) + (1 - a^(l)) e_j^(l),   a^(l) in (0, 1) random for each positive and layer
    hop mixing: the layer's hardest x_l = argmax over j of e_u . m_j^(l),   and the negative is mean over l of m_x_l^(l)

    e_u [D] is the user's final embedding. The loss sees `number` such negatives, each from candidates of its own.

    Known positives among the candidates are redrawn, as by the authors; here a few times, then masked. Where we
    differ: with several negatives their loss is log(1 + sum exp), `info_nce` with similarity dot and temperature 1,
    while BPR takes the mean; the L2 term counts initial embeddings of users and positives, not those of the candidates.
    For encoders whose output is the mean of their layers; one without layers (matrix factorization) has only its
    output.
    """

    takes_weights = True
    kind: Literal["hop_mixing"] = "hop_mixing"
    loss: AnyLoss = BPR()
    """Loss over (user, item, the mixed negatives)."""
    negatives: AnyPool = Uniform(number=16)
    """Where the candidates of a mixed negative come from (the authors: 16 to 64 uniform ones)."""
    number: Annotated[int, Field(ge=1)] = 1
    """Mixed negatives of each positive (K)."""
    initial: bool = True
    """Mix layer 0 too; false for an encoder that leaves it out of its mean."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def ignores_weights(self) -> str | None:
        return None if self.loss.takes_weights else f"loss {getattr(self.loss, 'kind', type(self.loss).__name__)}"

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        mixed = [self.mix_negative(step, embeddings, users) for _ in range(self.number)]
        negatives, mask = (torch.stack(each, 1) for each in zip(*mixed, strict=True))  # [B, K, D], [B, K]
        return self.loss(Pairs(users, items, negatives, mask, group=batch.user, weight=batch.weight))

    def mix_negative(self, step: Step, embeddings: Embeddings, users: Tensor) -> tuple[Tensor, Tensor]:
        """One mixed negative per row, [B, D], and whether it is masked since all its candidates are, [B]."""
        batch = step.batch
        sample = self.negatives.sample(batch, step.graph, step.generator)
        candidates = sample.items.expand(len(batch), sample.items.shape[-1])  # [B, M]
        mask = to_dense(sample.mask)
        layers = []
        for rows in self.item_layers(embeddings):
            positive, pool = rows(batch.item)[:, None], rows(candidates)  # [B, 1, D], [B, M, D]
            share = torch.rand(len(batch), 1, 1, generator=step.generator, device=pool.device)  # [B, 1, 1]
            mixed = share * positive + (1 - share) * pool  # [B, M, D]
            with torch.no_grad():
                scores = dot_negatives(users, mixed)  # [B, M]
                hardest = (scores if mask is None else scores.masked_fill(mask, -torch.inf)).argmax(1)  # [B]
            layers.append(mixed[torch.arange(len(batch), device=hardest.device), hardest])
        masked = torch.zeros_like(batch.user, dtype=torch.bool) if mask is None else mask.all(1)  # [B]
        return torch.stack(layers).mean(0), masked

    def item_layers(self, embeddings: Embeddings) -> list[Rows]:
        """The layers of the items whose mean is the encoder's output."""
        hops = [layer.items for layer in embeddings.layers]
        if not hops:
            return [embeddings.items]
        return [embeddings.initial_items, *hops] if self.initial else hops
