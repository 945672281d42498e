"""Contrast: a node should recognize itself in another view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.losses import AnyLoss, InfoNCE
from reccl.memory import BATCH_SIZE, FLOAT, Need, Sizes
from reccl.training.terms.contrast_nodes import contrast_bytes, contrast_encodings
from reccl.training.terms.temperature_term import TemperatureTerm
from reccl.training.terms.term import Step
from reccl.views import AnyView, EdgeDrop, Plain, View

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reccl.encoders import Encoder


class Contrast(TemperatureTerm):
    """A node in one view against the batch's other nodes in another view, for users and for items (SGL, eq. 10-11).

    With `momentum` the second view is encoded by a momentum encoder (see `MomentumEncoder`), without gradient, and with
    `queue` earlier keys of that encoder are negatives too: MoCo (see `Queue`).

    Where we differ: SGL's first code contrasts with all nodes; like its successors we use the distinct nodes of the
    batch. The value is the sum of the users' and the items' mean. MoCo's negatives come from the queue alone; ours
    from the batch and the queue.
    """

    takes_weights = None
    parted = True
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
    """Share of itself that the momentum encoder keeps at a step (m of MoCo: .999); empty: no such encoder."""
    queue: Annotated[int, Field(ge=0)] = 0
    """Keys of earlier steps that are negatives too, on each side (K of MoCo); needs momentum."""

    @model_validator(mode="after")
    def _queue_has_momentum(self) -> Self:
        if self.queue and self.momentum is None:
            raise ValueError("a queue holds keys of a momentum encoder: set momentum, 0.99 for example")
        return self

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        momentum = sizes.own_table() if self.momentum is not None else 0
        step = contrast_bytes(self.loss, sizes, self.queue)
        return (Need("", momentum + 2 * FLOAT * self.queue * sizes.dimension, step, (BATCH_SIZE,)),)

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        modules = super().build(encoder, graph, generator)
        if self.momentum is not None:
            from reccl.training.momentum import MomentumEncoder
            from reccl.training.queue import Queue

            target = modules["target"] = MomentumEncoder(encoder, self.momentum)
            if self.queue:
                keys = target(Plain().sample(graph, generator))
                modules["user_keys"] = Queue(keys.users, graph.num_users, self.queue, generator)
                modules["item_keys"] = Queue(keys.items, graph.num_items, self.queue, generator)
        return modules

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        first = step.encode(views[0])
        second = step.modules["target"](views[1]) if "target" in step.modules else step.encode(views[1])
        return contrast_encodings(self, step, first, second)
