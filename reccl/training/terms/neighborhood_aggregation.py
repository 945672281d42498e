"""Neighborhood aggregation: a user near the items that it has, in place of the hops of a graph encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.losses.neighborhood_aggregation import neighborhood_aggregation
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class NeighborhoodAggregation(TermSettings):
    """See `reccl.losses.neighborhood_aggregation` (LightCCF, Zhang et al., SIGIR 2025), over the batch's interactions.

    Add it to a ranking term with BPR. With matrix factorization it is to do what the hops of LightGCN do, without a
    graph in training. Costs B x B similarities a step.
    """

    takes_weights = True
    parted = False
    kind: Literal["neighborhood_aggregation"] = "neighborhood_aggregation"
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective (the authors: 1 to 5)."""
    temperature: Annotated[float, Field(gt=0)] = 0.25
    """Divides the similarity."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        return neighborhood_aggregation(users, items, self.temperature, batch.weight)
