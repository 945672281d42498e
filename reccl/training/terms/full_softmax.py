"""Full softmax: a user's items against the whole catalog."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.data.user_items import UserItemCSR
from reccl.losses.catalog_softmax import catalog_softmax
from reccl.losses.similarity import Similarity, normalize_for
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View


class FullSoftmax(TermSettings):
    """See `reccl.losses.full_softmax`. Exact where `ranking` with InfoNCE samples; costs (users of the batch) x I
    similarities a step, so it is for catalogs of up to some ten thousand items.
    """

    kind: Literal["full_softmax"] = "full_softmax"
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity."""
    similarity: Similarity = "cosine"
    """Similarity of a user and an item."""
    popularity: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Exponent of a candidate's weight, degree^popularity: 0 all alike, 1 as in-batch negatives would be drawn."""
    evenness: Annotated[float, Field(ge=0, le=1)] = 0.0
    """An interaction of a user with n of them weighs n^-evenness: 0 all interactions alike, 1 all users alike, as
    metrics that are means over users have it."""
    known: Literal["negative", "hidden"] = "negative"
    """Whether a user's other known items count as negatives of each other (the multinomial likelihood), or are hidden
    (sampled softmax losses)."""
    reverse: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the same loss the other way round: an item's users against all users."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def views(self) -> tuple[AnyView, ...]:
        return (self.view,)

    @override
    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch, graph = step.encode(views[0]), step.batch, step.graph
        users, items = (
            normalize_for(embeddings.users(None), self.similarity),
            normalize_for(embeddings.items(None), self.similarity),
        )
        loss = self.side(users, items, batch.user, batch.item, graph.item_degree, graph.user_items)
        return (
            loss + self.reverse * self.side(items, users, batch.item, batch.user, graph.user_degree, graph.item_users)
            if self.reverse
            else loss
        )

    def side(
        self, anchors: Tensor, candidates: Tensor, anchor: Tensor, positive: Tensor, degree: Tensor, known: UserItemCSR
    ) -> Tensor:
        """One direction: tables [n, D] and [M, D], interactions [B], candidates' degrees [M]."""
        distinct, row = anchor.unique(return_inverse=True)  # [b], [B]
        own = anchors[distinct] / self.temperature  # [b, D]
        log_weight = self.popularity * degree.clamp(min=1).float().log() if self.popularity else None  # [M]
        hidden = known.gather_pairs(distinct) if self.known == "hidden" else None
        weight = known.counts[anchor].float() ** -self.evenness if self.evenness else None  # [B]
        return catalog_softmax(own, candidates, row, positive, log_weight, hidden, weight)
