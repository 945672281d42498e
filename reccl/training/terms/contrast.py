"""Contrast: a node should recognize itself in another view."""

from collections.abc import Callable
from typing import Annotated, Literal, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder
from reccl.encoders.encoder import Rows
from reccl.losses import AnyLoss, InfoNCE, Pairs, SameIdMask
from reccl.training.momentum import MomentumEncoder
from reccl.training.queue import Queue
from reccl.training.temperatures.spread import of_nodes
from reccl.training.terms.temperature_term import TemperatureTerm
from reccl.training.terms.term import Step
from reccl.views import AnyView, EdgeDrop, Plain, View


class Contrast(TemperatureTerm):
    """A node in one view against the batch's other nodes in another view, for users and for items (SGL, eq. 10-11).

    With `momentum` the second view is encoded by a copy that trails behind (see `MomentumEncoder`), without gradient,
    and with `queue` earlier keys of that copy are negatives too: MoCo (see `Queue`).

    Where we differ: SGL's first code contrasts with all nodes; like its successors we use the distinct nodes of the
    batch. The value is the sum of the users' and the items' mean. MoCo's negatives come from the queue alone; ours
    from the batch and the queue.
    """

    kind: Literal["contrast"] = "contrast"
    weight: Annotated[float, Field(ge=0)] = 0.1
    """Factor of this term in the objective (lambda_1 of SGL)."""
    loss: AnyLoss = InfoNCE()
    """Loss over (node in the first view, the same node in the second, the other nodes in the second)."""
    first: AnyView = EdgeDrop()
    """The view of the anchors."""
    second: AnyView = EdgeDrop()
    """The view of the positives and negatives."""
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of itself that the trailing encoder keeps at a step (m of MoCo: .999); empty: one for both views."""
    queue: Annotated[int, Field(ge=0)] = 0
    """Keys of earlier steps that are negatives too, on each side (K of MoCo); needs momentum."""

    @model_validator(mode="after")
    def _queue_has_momentum(self) -> Self:
        if self.queue and self.momentum is None:
            raise ValueError("a queue holds keys of a trailing encoder: set momentum, 0.99 for example")
        return self

    @override
    def views(self) -> tuple[AnyView, ...]:
        return self.first, self.second

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        parts = super().build(encoder, graph, generator)
        if self.momentum is not None:
            target = parts["target"] = MomentumEncoder(encoder, self.momentum)
            if self.queue:
                keys = target(Plain().sample(graph, generator))
                parts["user_keys"] = Queue(keys.users, graph.num_users, self.queue, generator)
                parts["item_keys"] = Queue(keys.items, graph.num_items, self.queue, generator)
        return parts

    @override
    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        first = step.encode(views[0])
        second = step.parts["target"](views[1]) if "target" in step.parts else step.encode(views[1])
        return between(self, step, first, second)


def between(term: TemperatureTerm, step: Step, first: Embeddings, second: Embeddings) -> Tensor:
    """Contrast the batch's distinct nodes in one encoding with themselves in another: users' mean plus items' mean.

    Queues among the step's parts, `user_keys` and `item_keys`, add their keys to the negatives.
    """
    users, items = step.batch.user.unique(), step.batch.item.unique()  # [n], [m]

    def user_loss(pairs: Pairs) -> Tensor:
        return term.scale_by_temperature(step, pairs, "users", users, lambda: of_nodes(first.users, second.users))

    def item_loss(pairs: Pairs) -> Tensor:
        return term.scale_by_temperature(step, pairs, "items", items, lambda: of_nodes(first.items, second.items))

    queues = [cast(Queue | None, step.parts.get(side)) for side in ("user_keys", "item_keys")]
    return on_side(user_loss, users, first.users, second.users, queues[0]) + on_side(
        item_loss, items, first.items, second.items, queues[1]
    )


def on_side(
    loss: Callable[[Pairs], Tensor], rows: Tensor, first: Rows, second: Rows, queue: Queue | None = None
) -> Tensor:
    """Each of `rows`, [n] distinct, in the first encoding against all of them in the second, and a queue's keys."""
    keys, nodes = second(rows), rows  # [n, D], [n]
    negatives = keys
    if queue is not None:
        negatives, nodes = torch.cat([keys, queue.keys.to(keys)]), torch.cat([rows, queue.nodes])  # [n + Q, D], [n + Q]
        queue.offer(keys, rows)
    return loss(Pairs(first(rows), keys, negatives, SameIdMask(rows, nodes)))
