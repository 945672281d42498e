"""Full softmax: a user's items against the whole catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.user_items import UserItemCSR
from reccl.encoders.encoder import Rows
from reccl.lazy import torch
from reccl.losses.catalog_softmax import catalog_softmax
from reccl.losses.logit_blocks import fused_bytes
from reccl.losses.sampled_softmax import draw_candidates, sampled_softmax
from reccl.losses.similarity import Similarity, normalize_for
from reccl.memory import BATCH_SIZE, Need, Sizes
from reccl.training.terms.term import Step, TermSettings, row_bytes
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


NUMBERS = 100
"""Bytes of an interaction's numbers in a step: user, item, their places among the distinct ones, and their order."""


@dataclass(frozen=True)
class Side:
    """Users or items."""

    rows: Rows
    batch: Tensor  # [B] which of them each interaction is with
    degree: Tensor  # [n]
    strength: Tensor  # [n]


class FullSoftmax(TermSettings):
    """See `reccl.losses.full_softmax`. Exact where `ranking` with InfoNCE samples; costs (users of the batch) x I
    similarities a step, so it is for catalogs of up to some ten thousand items; with `candidates`, for larger ones.
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
    def looks_beyond_rows(self) -> str | None:
        return "no candidates" if self.candidates is None else self.perturbed_view()

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Directions with their gradients, of the batch's distinct users and of all items, or, with `candidates`, of
        those that are drawn and the batch's own; their similarities, a block at a time; and the same of items and
        users, with `reverse`. Interactions have rows of their own only where known items are masked, and on a GPU
        where candidates are drawn: elsewhere a user's items are summed up first.
        """
        sides = ((sizes.num_users, sizes.num_items), (sizes.num_items, sizes.num_users))[: 1 + bool(self.reverse)]
        by_row = self.known == "masked" or (self.candidates is not None and sizes.on_gpu)
        step = NUMBERS * sizes.batch + by_row * row_bytes(sizes, sizes.batch)
        for anchors, others in sides:
            distinct, compared = min(anchors, sizes.batch), min(others, self.candidates or others)
            looked_up = distinct + min(others, compared + sizes.batch)
            step += row_bytes(sizes, looked_up)
            own = -(-distinct // sizes.processes)
            step += fused_bytes(own, compared, sizes.dimension, on_gpu=sizes.on_gpu)
        return (Need("", 0, step, ("candidates", BATCH_SIZE)),)

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch, graph = step.encode(views[0]), step.batch, step.graph
        users = Side(embeddings.users, batch.user, graph.user_degree, graph.user_strength)
        items = Side(embeddings.items, batch.item, graph.item_degree, graph.item_strength)
        loss = self.compare(step, users, items, graph.user_items)
        return loss + self.reverse * self.compare(step, items, users, graph.item_users) if self.reverse else loss

    def compare(self, step: Step, of: Side, to: Side, known: UserItemCSR) -> Tensor:
        """One direction: anchors `of` one side, compared `to` candidates of the other."""
        weight, positive, degree = step.batch.weight, to.batch, to.degree
        if self.user_exponent:
            share = of.strength[of.batch].float() ** -self.user_exponent  # [B]
            weight = share if weight is None else weight * share
        if self.candidates is not None and self.candidates < len(degree):
            return self.compare_to_drawn(step, of, to, self.candidates, weight)
        distinct, row = of.batch.unique(return_inverse=True)  # [b], [B]
        anchors = normalize_for(of.rows(distinct), self.similarity)  # [b, D]
        candidates = normalize_for(to.rows(None), self.similarity)  # [M, D]
        part: float | Tensor = 1.0  # of the interactions that this rank compares, those of its part of the anchors
        if step.group.size > 1:
            own = step.group.slice_of(len(distinct))
            ours = (row >= own.start) & (row < own.stop)  # [B]
            part = ours.float().mean() if weight is None else weight[ours].sum() / weight.sum()
            distinct, anchors, row, positive = distinct[own], anchors[own], row[ours] - own.start, positive[ours]
            weight = None if weight is None else weight[ours]
            if not len(distinct):
                return 0 * (anchors.sum() + candidates.sum())
        log_weight = self.popularity * degree.clamp(min=1).float().log() if self.popularity else None  # [M]
        masked = known.gather_pairs(distinct) if self.known == "masked" else None
        return part * catalog_softmax(anchors / self.temperature, candidates, row, positive, log_weight, masked, weight)

    def compare_to_drawn(self, step: Step, of: Side, to: Side, number: int, weight: Tensor | None) -> Tensor:
        """The same, to about so many drawn candidates. Only rows of theirs, of anchors and of positives are looked up,
        so that no table of the catalog is made; the interactions may have weights [B].
        """
        share = step.once_per_epoch(
            ("candidates", self.popularity, id(to.degree)),
            lambda: to.degree.clamp(min=1).float() ** self.popularity,  # [M]
        )
        drawn, log_factor = draw_candidates(share, number, step.generator)  # [m], [m]
        distinct, row = of.batch.unique(return_inverse=True)  # [b], [B]
        liked, place = to.batch.unique(return_inverse=True)  # [p], [B]
        anchors = normalize_for(of.rows(distinct), self.similarity)  # [b, D]
        some = normalize_for(to.rows(torch.cat([drawn, liked])), self.similarity)  # [m + p, D]
        places = torch.arange(len(drawn), device=drawn.device)
        return sampled_softmax(anchors / self.temperature, some, row, len(drawn) + place, places, log_factor, weight)
