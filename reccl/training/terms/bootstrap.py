"""Bootstrap: a user predicts the item, an item the user, and nobody is pushed away."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder
from reccl.training.momentum import MomentumEncoder
from reccl.training.predictor import Linear, direct_copy
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Dropout, Plain, View


class Bootstrap(TermSettings):
    """SelfCF and BUIR: an online embedding, through a predictor, approaches the other end's target. No negatives.

    SelfCF: A Simple Framework for Self-supervised Collaborative Filtering, Zhou et al., TORS 2023;
    https://arxiv.org/abs/2107.03019. Bootstrapping User and Item Representations for One-Class Collaborative Filtering,
    Lee et al., SIGIR 2021; https://arxiv.org/abs/2105.06323. For an interaction (u, i), e in the online view, e' in the
    target view, h the predictor, stop(x) a constant:

    L = mean over interactions of 1 - cos(h(e_u), stop(e'_i)) / 2 - cos(h(e_i), stop(e'_u)) / 2

    SelfCF's targets are the same encoder's, disturbed; BUIR's are those of a copy that trails behind (`momentum`).
    Both rank by h(e_u) . e_i + e_u . h(e_i); with the linear predictor so do we (see `Linear.symmetric`), up to what is
    the same for all items of a user. Score by inner product then: a cosine would drop the items' lengths.

    Where we differ: BUIR's loss is four times ours, and its graph variant drops other edges at every pass, at a rate
    drawn from 0 to .2, without normalizing anew. With predictor `direct_copy` nothing is trained beside the encoder
    (see `predictor.direct_copy`), and lists are ranked by the embeddings themselves.
    """

    kind: Literal["bootstrap"] = "bootstrap"
    predictor: Literal["direct_copy", "linear"] = "linear"
    """h: a trained linear map, or one that is read off the batch's embeddings."""
    floor: Annotated[float, Field(ge=0)] = 0.1
    """What direct_copy keeps of every direction (its epsilon)."""
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of itself that the target encoder keeps at a step (BUIR: .995); empty: the encoder itself is the target."""
    online: AnyView = Plain()
    """The view of what predicts."""
    target: AnyView = Dropout(rate=0.1)
    """The view of what is predicted."""

    @override
    def views(self) -> tuple[AnyView, ...]:
        return self.online, self.target

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        parts: dict[str, nn.Module] = {}
        if self.predictor == "linear":
            with torch.no_grad():
                one = torch.zeros(1, dtype=torch.long, device=graph.device)
                dimension = encoder(Plain().sample(graph, generator)).users(one).shape[1]
            parts["predictor"] = Linear(dimension, generator)
        if self.momentum is not None:
            parts["target"] = MomentumEncoder(encoder, self.momentum)
        return parts

    @override
    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        online, batch = step.encode(views[0]), step.batch
        target = step.parts["target"](views[1]) if "target" in step.parts else step.encode(views[1])
        users, items = online.users(batch.user), online.items(batch.item)  # [B, D], [B, D]
        if "predictor" in step.parts:
            predictor = step.parts["predictor"]
            ahead_users, ahead_items = predictor(users), predictor(items)  # [B, D], [B, D]
        else:
            matrix = direct_copy(torch.cat([users, items]), self.floor)  # [D, D]
            ahead_users, ahead_items = users @ matrix, items @ matrix
        forth = cosine_similarity(ahead_users, target.items(batch.item).detach())  # [B]
        back = cosine_similarity(ahead_items, target.users(batch.user).detach())  # [B]
        return (1 - (forth + back) / 2).mean()

    @override
    def ranked_by(self, embeddings: Embeddings, parts: Mapping[str, nn.Module]) -> Embeddings:
        if "predictor" not in parts:
            return embeddings
        predictor = cast(Linear, parts["predictor"])
        return replace(embeddings, users=lambda rows: predictor.symmetric(embeddings.users(rows)))
