"""Full softmax: a user's items against the whole catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.user_items import UserItemCSR
from reccl.losses.catalog_softmax import catalog_softmax
from reccl.losses.sampled_softmax import draw_candidates, sampled_softmax
from reccl.losses.similarity import Similarity, normalize_for
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class FullSoftmax(TermSettings):
    """See `reccl.losses.full_softmax`. Exact where `ranking` with InfoNCE samples; costs (users of the batch) x I
    similarities a step, so it is for catalogs of up to some ten thousand items.
    """

    takes_weights = True
    parted = True
    kind: Literal["full_softmax"] = "full_softmax"
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity."""
    similarity: Similarity = "cosine"
    """Similarity of a user and an item."""
    popularity: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Exponent of a candidate's weight, degree^popularity: 0 all alike, 1 as in-batch negatives are distributed."""
    user_exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Exponent of a user's number (or weight) of interactions, which divides the weight of each: 0 weighs all
    interactions alike, 1 all users alike, as in metrics that are means over users."""
    known: Literal["masked", "negative"] = "negative"
    """Whether a user's other known items count as negatives of each other (the multinomial likelihood), or are masked
    (sampled softmax losses)."""
    reverse: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the same loss in the other direction: an item's users against all users."""
    candidates: Annotated[int, Field(ge=1)] | None = None
    """About how many candidates are drawn in every step, by their weights, to estimate the sums over the catalog from;
    empty: the sums are exact. A tenth of a large catalog takes a fifth of the time."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @model_validator(mode="after")
    def _unmasked(self) -> Self:
        """Sums over drawn candidates hold known items too."""
        if self.candidates is not None and self.known == "masked":
            raise ValueError("candidates are drawn among all items: leave known=negative, or candidates empty")
        return self

    @override
    def needs_one_process(self) -> str | None:
        return "candidates" if self.candidates is not None else super().needs_one_process()

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch, graph = step.encode(views[0]), step.batch, step.graph
        users, items = (normalize_for(rows(None), self.similarity) for rows in (embeddings.users, embeddings.items))
        degree, strength = (graph.user_degree, graph.item_degree), (graph.user_strength, graph.item_strength)
        loss = self.compare(
            step, users, items, batch.user, batch.item, degree[1], graph.user_items, strength[0], batch.weight
        )
        if not self.reverse:
            return loss
        reverse = self.compare(
            step, items, users, batch.item, batch.user, degree[0], graph.item_users, strength[1], batch.weight
        )
        return loss + self.reverse * reverse

    def compare(
        self,
        step: Step,
        anchors: Tensor,
        candidates: Tensor,
        anchor: Tensor,
        positive: Tensor,
        degree: Tensor,
        known: UserItemCSR,
        strength: Tensor,
        weight: Tensor | None,
    ) -> Tensor:
        """One direction: tables [n, D] and [M, D], interactions [B] and their weights [B], candidates' degrees [M] and
        anchors' strengths [n].
        """
        distinct, row = anchor.unique(return_inverse=True)  # [b], [B]
        if self.user_exponent:
            share = strength[anchor].float() ** -self.user_exponent  # [B]
            weight = share if weight is None else weight * share
        part: float | Tensor = 1.0  # of the interactions that this rank compares, those of its part of the anchors
        if step.group.size > 1:
            own = step.group.slice_of(len(distinct))
            ours = (row >= own.start) & (row < own.stop)  # [B]
            part = ours.float().mean() if weight is None else weight[ours].sum() / weight.sum()
            distinct, row, positive = distinct[own], row[ours] - own.start, positive[ours]
            weight = None if weight is None else weight[ours]
            if not len(distinct):
                return 0 * (anchors.sum() + candidates.sum())
        scaled = anchors[distinct] / self.temperature  # [b, D]
        if self.candidates is not None and self.candidates < len(candidates):
            chosen = draw_candidates(degree.clamp(min=1).float() ** self.popularity, self.candidates, step.generator)
            return part * sampled_softmax(scaled, candidates, row, positive, *chosen, weight)
        log_weight = self.popularity * degree.clamp(min=1).float().log() if self.popularity else None  # [M]
        masked = known.gather_pairs(distinct) if self.known == "masked" else None
        return part * catalog_softmax(scaled, candidates, row, positive, log_weight, masked, weight)
