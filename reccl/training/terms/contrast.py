"""Contrast: a node should recognise itself in another view."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from reccl.data.batches import Batch
from reccl.encoders import Embeddings
from reccl.encoders.encoder import Rows
from reccl.losses import AnyLoss, InfoNCE, LossSettings, Pairs, Same
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, EdgeDrop, View


class Contrast(TermSettings):
    """A node in one view against the batch's other nodes in another view, for users and for items (SGL, eq. 10-11).

    Where we differ: SGL's first code contrasts with all nodes; like its successors we use the distinct nodes of the
    batch. The value is the sum of the users' and the items' mean.
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

    def views(self) -> tuple[AnyView, ...]:
        """See `TermSettings.views`."""
        return self.first, self.second

    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """See `TermSettings.loss_of`."""
        return between(self.loss, step.batch, step.encode(views[0]), step.encode(views[1]))


def between(loss: LossSettings, batch: Batch, first: Embeddings, second: Embeddings) -> Tensor:
    """Contrast the batch's distinct nodes in one encoding with themselves in another: users' mean plus items' mean."""
    users, items = batch.user.unique(), batch.item.unique()  # [n], [m]
    return on_side(loss, users, first.users, second.users) + on_side(loss, items, first.items, second.items)


def on_side(loss: LossSettings, rows: Tensor, first: Rows, second: Rows) -> Tensor:
    """Each of `rows`, [n] distinct, in the first encoding against all of them in the second."""
    candidates = second(rows)  # [n, D]
    return loss(Pairs(first(rows), candidates, candidates, Same(rows, rows)))
