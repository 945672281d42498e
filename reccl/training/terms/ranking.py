"""Ranking: a user's item should beat the negatives."""

from typing import Literal

from torch import Tensor

from reccl.losses import AnyLoss, InfoNCE, Pairs, Same
from reccl.negatives import AnyNegatives, InBatch
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View


class Ranking(TermSettings):
    """Users against items: each interaction's item should beat the negatives of its user."""

    kind: Literal["ranking"] = "ranking"
    loss: AnyLoss = InfoNCE()
    """Loss over (user, item, negatives)."""
    negatives: AnyNegatives = InBatch()
    """Where the negatives come from."""
    symmetric: bool = False
    """Also contrast each item's user with the other users of the batch, and take the mean of both."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    def views(self) -> tuple[AnyView, ...]:
        """See `TermSettings.views`."""
        return (self.view,)

    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """See `TermSettings.loss_of`."""
        embeddings = step.encode(views[0])
        batch = step.batch
        drawn = self.negatives.draw(batch, step.graph, step.generator)
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        negatives = items if drawn.items is batch.item else embeddings.items(drawn.items)  # [M, D] or [B, M, D]
        positive_log_q, negative_log_q = (
            (None, None) if drawn.log_q is None else (drawn.log_q[batch.item], drawn.log_q[drawn.items])
        )
        loss = self.loss(Pairs(users, items, negatives, drawn.hidden, positive_log_q, negative_log_q))
        if not self.symmetric:
            return loss
        return (loss + self.loss(Pairs(items, users, users, Same(batch.user, batch.user)))) / 2
