"""Bootstrap: a user predicts the item and an item the user, without negatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.lazy import functional, torch
from reccl.losses.weighted_mean import weighted_mean
from reccl.training.terms.dimension import find_dimension
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Dropout, Plain, View

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reccl.encoders import Encoder
    from reccl.training.history import History
    from reccl.training.predictor import LinearPredictor


class Bootstrap(TermSettings):
    """SelfCF and BUIR: an online embedding, through a predictor, approaches the other end's target. No negatives.

    SelfCF: A Simple Framework for Self-supervised Collaborative Filtering, Zhou et al., TORS 2023;
    https://arxiv.org/abs/2107.03019. Bootstrapping User and Item Representations for One-Class Collaborative Filtering,
    Lee et al., SIGIR 2021; https://arxiv.org/abs/2105.06323. For an interaction (u, i), e in the online view, e' in the
    target view, h the predictor, stop(x) a constant:

    L = mean over interactions of 1 - cos(h(e_u), stop(e'_i)) / 2 - cos(h(e_i), stop(e'_u)) / 2

    SelfCF's targets are the same encoder's in a perturbed view; BUIR's are those of a momentum encoder (`momentum`).
    Both rank by h(e_u) . e_i + e_u . h(e_i); with the linear predictor so do we (see `LinearPredictor.symmetrize`), up
    to what is the same for all items of a user. Score by inner product then: a cosine would drop the items' lengths.

    RecDCL's batch-wise half (Zhang et al., WWW 2024; https://arxiv.org/abs/2401.15635), L_BCL + 1, has targets between
    a node's embedding now and at the last step that it took part in (`history`, see `History`), all in the plain view,
    and ranks by the embeddings themselves (`rank_by`).

    Where we differ: BUIR's loss is four times ours, and its graph variant drops other edges at every pass, at a random
    rate from 0 to .2, without normalizing again. With predictor `direct_copy` nothing is trained beside the encoder
    (see `predictor.direct_copy`), and lists are ranked by the embeddings themselves.
    """

    takes_weights = True
    kind: Literal["bootstrap"] = "bootstrap"
    predictor: Literal["direct_copy", "linear"] = "linear"
    """h: a trained linear map, or one that is computed from the batch's embeddings."""
    floor: Annotated[float, Field(ge=0)] = 0.1
    """Share of every direction that direct_copy keeps (its epsilon)."""
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of itself that the target encoder keeps at a step (BUIR: .995); empty: the encoder itself is the target."""
    history: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of a node's embedding at its last step in the target (RecDCL: .1); empty: none."""
    rank_by: Literal["predictions", "embeddings"] = "predictions"
    """Whether lists are ranked through the linear predictor (BUIR, SelfCF) or by the embeddings alone (RecDCL)."""
    online: AnyView = Plain()
    """The view of what predicts."""
    target: AnyView = Dropout(rate=0.1)
    """The view of what is predicted."""

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        from reccl.training.history import History
        from reccl.training.momentum import MomentumEncoder
        from reccl.training.predictor import LinearPredictor

        modules: dict[str, nn.Module] = {}
        if self.predictor == "linear":
            modules["predictor"] = LinearPredictor(find_dimension(encoder, graph, generator), generator)
        if self.momentum is not None:
            modules["target"] = MomentumEncoder(encoder, self.momentum)
        if self.history is not None:
            with torch.no_grad():
                modules["history"] = History(encoder(Plain().sample(graph, generator)), self.history)
        return modules

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        online, batch = step.encode(views[0]), step.batch
        target = step.modules["target"](views[1]) if "target" in step.modules else step.encode(views[1])
        users, items = online.users(batch.user), online.items(batch.item)  # [B, D], [B, D]
        if "predictor" in step.modules:
            predictor = step.modules["predictor"]
            from_users, from_items = predictor(users), predictor(items)  # [B, D], [B, D]
        else:
            from reccl.training.predictor import direct_copy

            matrix = direct_copy(torch.cat([users, items]), self.floor)  # [D, D]
            from_users, from_items = users @ matrix, items @ matrix
        target_users, target_items = target.users(batch.user).detach(), target.items(batch.item).detach()  # [B, D] each
        if "history" in step.modules:
            history = cast("History", step.modules["history"])
            target_users, target_items = (
                history.mix_users(batch.user, target_users),
                history.mix_items(batch.item, target_items),
            )
        to_items = functional.cosine_similarity(from_users, target_items)  # [B]
        to_users = functional.cosine_similarity(from_items, target_users)  # [B]
        return weighted_mean(1 - (to_items + to_users) / 2, batch.weight)

    @override
    def transform_for_ranking(self, embeddings: Embeddings, modules: Mapping[str, nn.Module]) -> Embeddings:
        if "predictor" not in modules or self.rank_by == "embeddings":
            return embeddings
        predictor = cast("LinearPredictor", modules["predictor"])
        return replace(embeddings, users=lambda rows: predictor.symmetrize(embeddings.users(rows)))
