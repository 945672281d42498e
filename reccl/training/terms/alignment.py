"""Alignment: a node's features should tell where the graph has it."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.errors import TrainingError
from reccl.losses import AnyLoss, InfoNCE
from reccl.training.terms.contrast import on_side
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View


class Alignment(TermSettings):
    """CLCRec's contrast between what features say of a node and what its interactions say.

    Contrastive Learning for Cold-Start Recommendation, Wei et al., MM 2021, eq. 10; https://arxiv.org/abs/2107.05315.
    With t_i [D] the tower's embedding of item i, g_i the graph's, s the cosine and tau the temperature:

    L_I = mean over the batch's items i of -log( exp(s(t_i, g_i) / tau) / sum over items j of exp(s(t_i, g_j) / tau) )

    and L = L_I + L_U, the same over users. Where we differ: the authors' anchor is g_i and their candidates are the
    towers' t_j; the batch's other nodes are the negatives, and users count too. `distill` stops the gradient at g: the
    towers follow and the graph's embeddings are left alone, as in ALDI, which however matches scores and not
    embeddings: see the term `distillation`.
    """

    kind: Literal["alignment"] = "alignment"
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective."""
    loss: AnyLoss = InfoNCE(temperature=0.2)
    """Loss over (by features, the same node by graph, the other nodes by graph)."""
    distill: bool = True
    """Leave the graph's embeddings alone."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def views(self) -> tuple[AnyView, ...]:
        return (self.view,)

    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """See `TermSettings.loss_of`. Raises TrainingError where the encoder has no towers."""
        encoded = step.encode(views[0])
        if encoded.aligned is None:
            raise TrainingError("an alignment term needs towers from features: use encoder.kind=content_aligned")
        graph, content = encoded.aligned
        users, items = graph.users, graph.items
        if self.distill:
            users, items = (lambda rows: graph.users(rows).detach()), (lambda rows: graph.items(rows).detach())
        by_users = on_side(self.loss, step.batch.user.unique(), content.users, users)
        return by_users + on_side(self.loss, step.batch.item.unique(), content.items, items)
