"""Ranking: a user's item should beat the negatives."""

from dataclasses import replace
from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Encoder
from reccl.errors import TrainingError
from reccl.losses import AnyLoss, IdMask, InfoNCE, Pairs, SameIdMask
from reccl.negatives import AnyNegatives, InBatch, NegativeSample
from reccl.training.momentum import MomentumEncoder
from reccl.training.queue import Queue
from reccl.training.temperatures import Spread
from reccl.training.temperatures.spread import of_interactions
from reccl.training.terms.temperature_term import TemperatureTerm
from reccl.training.terms.term import Step
from reccl.views import AnyView, Plain, View


class Ranking(TemperatureTerm):
    """Users against items: each interaction's item should beat the negatives of its user.

    With `queue`, items of earlier batches are negatives too, as an encoder that trails behind saw them (see `Queue`
    and `MomentumEncoder`). Where we differ from MoCo: the positive and the batch's own negatives come from the encoder
    itself, so that items learn.
    """

    kind: Literal["ranking"] = "ranking"
    loss: AnyLoss = InfoNCE()
    """Loss over (user, item, negatives)."""
    negatives: AnyNegatives = InBatch()
    """Where the negatives come from."""
    symmetric: bool = False
    """Also contrast each item's user with the other users of the batch, and take the mean of both."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""
    queue: Annotated[int, Field(ge=0)] = 0
    """Items of earlier batches that are negatives too."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of itself that the encoder behind the queue keeps at a step; without a queue there is none."""

    @override
    def views(self) -> tuple[AnyView, ...]:
        return (self.view,)

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        parts = super().build(encoder, graph, generator)
        if self.queue:
            target = parts["target"] = MomentumEncoder(encoder, self.momentum)
            keys = target(Plain().sample(graph, generator))
            parts["queue"] = Queue(keys.items, graph.num_items, self.queue, generator)
        return parts

    @override
    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings = step.encode(views[0])
        batch = step.batch

        def spread() -> Spread:
            return of_interactions(step.graph, embeddings.users, embeddings.items)

        drawn = self.negatives.sample(batch, step.graph, step.generator)
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        negatives = items if drawn.items is batch.item else embeddings.items(drawn.items)  # [M, D] or [B, M, D]
        if "queue" in step.parts:
            queue = cast(Queue, step.parts["queue"])
            drawn = joined(drawn, queue.nodes)
            negatives = torch.cat([negatives, queue.keys.to(negatives)])  # [M + Q, D]
            queue.offer(step.parts["target"](views[0]).items(batch.item), batch.item)
        positive_log_q, negative_log_q = (
            (None, None) if drawn.log_q is None else (drawn.log_q[batch.item], drawn.log_q[drawn.items])
        )
        pairs = Pairs(users, items, negatives, drawn.mask, positive_log_q, negative_log_q, group=batch.user)
        loss = self.scale_by_temperature(step, self.negatives.select(pairs), "users", batch.user, spread)
        if not self.symmetric:
            return loss
        back = Pairs(items, users, users, SameIdMask(batch.user, batch.user), group=batch.item)
        return (loss + self.scale_by_temperature(step, back, "items", batch.item, spread)) / 2


def joined(drawn: NegativeSample, nodes: Tensor) -> NegativeSample:
    """Negatives that the batch shares, and a queue's items [Q] after them, the row's own positive hidden in both.

    Raises TrainingError where each row has negatives of its own.
    """
    if not isinstance(drawn.mask, IdMask):
        raise TrainingError(
            "a ranking term's queue is shared by the batch, but its negatives are drawn for each row: use "
            "negatives.kind=in_batch or negatives.shared=true"
        )
    items = torch.cat([drawn.items, nodes])  # [M + Q]
    return NegativeSample(items, replace(drawn.mask, candidate_ids=items), drawn.log_q)
