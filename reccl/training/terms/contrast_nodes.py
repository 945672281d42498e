"""Contrast nodes: each node of a batch in one encoding with all of them in another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from reccl.encoders import Embeddings
from reccl.encoders.encoder import Rows
from reccl.lazy import torch
from reccl.losses import LossSettings, Pairs, SameIdMask
from reccl.memory import Sizes
from reccl.training.temperatures.cosine_statistics import measure_two_views
from reccl.training.temperatures.temperature import Side
from reccl.training.terms.temperature_term import TemperatureTerm
from reccl.training.terms.term import Step, row_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.training.queue import Queue


def contrast_encodings(term: TemperatureTerm, step: Step, first: Embeddings, second: Embeddings) -> Tensor:
    """Contrast the batch's distinct users and items in one encoding with those in another: the sum of both means.

    Queues among the step's modules, `user_keys` and `item_keys`, add their keys to the negatives.
    """

    def contrast_side(side: Side, rows: Tensor, first: Rows, second: Rows, queue: str) -> Tensor:
        def loss(pairs: Pairs) -> Tensor:
            return term.loss_at_temperature(step, pairs, side, rows, lambda: measure_two_views(first, second))

        return contrast_nodes(loss, rows, first, second, cast("Queue | None", step.modules.get(queue)))

    users, items = step.batch.user.unique(), step.batch.item.unique()  # [n], [m]
    of_users = contrast_side("users", users, first.users, second.users, "user_keys")
    return of_users + contrast_side("items", items, first.items, second.items, "item_keys")


def contrast_nodes(
    loss: Callable[[Pairs], Tensor], rows: Tensor, first: Rows, second: Rows, queue: Queue | None = None
) -> Tensor:
    """The loss of one side: each of `rows`, [n] distinct, in the first encoding is an anchor, the same node in the
    second its positive, and the other rows in the second, with a queue's keys, its negatives.
    """
    keys, nodes = second(rows), rows  # [n, D], [n]
    negatives = keys
    if queue is not None:
        negatives, nodes = torch.cat([keys, queue.keys.to(keys)]), torch.cat([rows, queue.nodes])  # [n + Q, D], [n + Q]
        queue.enqueue_after_step(keys, rows)
    return loss(Pairs(first(rows), keys, negatives, SameIdMask(rows, nodes)))


def contrast_bytes(loss: LossSettings, sizes: Sizes, queue: int = 0) -> int:
    """Bytes of a step: on each side the batch's distinct nodes in both encodings, and their similarities."""
    sides = (min(sizes.batch, sizes.num_users), min(sizes.batch, sizes.num_items))
    return sum(row_bytes(sizes, 2 * nodes + queue) + loss.logit_bytes(nodes, nodes + queue) for nodes in sides)
