"""Ranking: a user's item should score above the negatives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.losses import AnyLoss, IdMask, InfoNCE, Pairs, SameIdMask
from reccl.memory import BATCH_SIZE, FLOAT, ROW, Need, Sizes
from reccl.negatives import AnyNegatives, InBatch, NegativeSample
from reccl.training.temperatures import Adaptive
from reccl.training.temperatures.cosine_statistics import CosineStatistics, measure_interactions
from reccl.training.terms.temperature_term import TemperatureTerm
from reccl.training.terms.term import Step, row_bytes
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reccl.encoders import Encoder
    from reccl.training.queue import Queue


class Ranking(TemperatureTerm):
    """Users and items: each interaction's item should score above the negatives of its user.

    With `queue`, items of earlier batches are negatives too, as encoded by a momentum encoder (see `Queue` and
    `MomentumEncoder`). Where we differ from MoCo: the positive and the batch's own negatives come from the encoder
    itself, so that items learn.
    """

    takes_weights = True
    parted = True
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
    """Share of itself that the momentum encoder of the queue keeps at a step; without a queue there is none."""

    @override
    def ignores_weights(self) -> str | None:
        return None if self.loss.takes_weights else f"loss {getattr(self.loss, 'kind', type(self.loss).__name__)}"

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        embedded, each = self.negatives.count(sizes.batch)
        logits = (1 + self.symmetric) * self.loss.logit_bytes(sizes.batch, each + self.queue)
        similarity = getattr(self.loss, "similarity", "cosine")
        rows = row_bytes(sizes, 2 * sizes.batch + embedded + self.queue, similarity)
        momentum = sizes.own_table() + FLOAT * self.queue * sizes.dimension if self.queue else 0
        keys = (Need("keys of known pairs", ROW * sizes.interactions, shared=True),) if each < sizes.batch else ()
        return (Need("", momentum, rows + logits, (BATCH_SIZE, "negatives", "queue")[: 2 + bool(self.queue)]), *keys)

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        modules = super().build(encoder, graph, generator)
        if self.queue:
            from reccl.training.momentum import MomentumEncoder
            from reccl.training.queue import Queue

            target = modules["target"] = MomentumEncoder(encoder, self.momentum)
            keys = target(Plain().sample(graph, generator))
            modules["queue"] = Queue(keys.items, graph.num_items, self.queue, generator)
        return modules

    @override
    def looks_beyond_rows(self) -> str | None:
        if self.queue:
            return "a queue"
        return "an adaptive temperature" if isinstance(self.temperature, Adaptive) else self.perturbed_view()

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch

        def statistics() -> CosineStatistics:
            return measure_interactions(step.graph, embeddings.users, embeddings.items)

        sample = self.negatives.sample(batch, step.graph, step.generator)
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        negatives = items if sample.items is batch.item else embeddings.items(sample.items)  # [M, D] or [B, M, D]
        if "queue" in step.modules:
            queue = cast("Queue", step.modules["queue"])
            sample = append_queue(sample, queue.nodes, step.graph)
            negatives = torch.cat([negatives, queue.keys.to(negatives)])  # [M + Q, D]
            queue.enqueue_after_step(step.modules["target"](views[0]).items(batch.item), batch.item)
        positive_log_q, negative_log_q = (
            (None, None) if sample.log_q is None else (sample.log_q[batch.item], sample.log_q[sample.items])
        )
        log_q = positive_log_q, negative_log_q
        pairs = Pairs(users, items, negatives, sample.mask, *log_q, group=batch.user, weight=batch.weight)
        loss = self.loss_at_temperature(step, self.negatives.select(pairs), "users", batch.user, statistics)
        if not self.symmetric:
            return loss
        mask, activity = (
            SameIdMask(batch.user, batch.user),
            share_of_rows(step.graph.user_degree, step.graph)[batch.user],
        )
        log_q = activity.log(), activity.log()
        reverse = Pairs(items, users, users, mask, *log_q, group=batch.item, weight=batch.weight)
        return (loss + self.loss_at_temperature(step, reverse, "items", batch.item, statistics)) / 2


def append_queue(sample: NegativeSample, nodes: Tensor, graph: Graph) -> NegativeSample:
    """Shared negatives with a queue's items [Q] after them, masked in the same way.

    The queue holds items of earlier batches, which are sampled by popularity p: of M negatives sampled by q and Q of
    the queue, a candidate is item i with probability (M q(i) + Q p(i)) / (M + Q).

    Raises TrainingError where each row has negatives of its own.
    """
    if not isinstance(sample.mask, IdMask):
        raise TrainingError(
            "a ranking term's queue is shared by the batch, but its negatives are sampled for each row: use "
            "negatives.kind=in_batch or negatives.shared=true"
        )
    items, log_q = torch.cat([sample.items, nodes]), sample.log_q  # [M + Q], [I]
    if log_q is not None:
        popularity = share_of_rows(graph.item_degree, graph)  # [I]
        log_q = ((len(sample.items) * log_q.exp() + len(nodes) * popularity) / len(items)).log()
    return NegativeSample(items, replace(sample.mask, candidate_ids=items), log_q)


def share_of_rows(degree: Tensor, graph: Graph) -> Tensor:
    """Probability that a row of a batch is of this user, or of this item; one without rows counts as having one."""
    return degree.clamp(min=1) / max(len(graph.user), 1)
