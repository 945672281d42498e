"""Alignment: a node's features should predict its embedding in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from reccl.encoders.encoder import Rows
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.losses import AnyLoss, InfoNCE
from reccl.training.terms.contrast_nodes import contrast_nodes
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class Alignment(TermSettings):
    """CLCRec's contrast between a node's embedding by features and its embedding by interactions.

    Contrastive Learning for Cold-Start Recommendation, Wei et al., MM 2021, eq. 10; https://arxiv.org/abs/2107.05315.
    With t_i [D] the tower's embedding of item i, g_i the graph's, s the cosine and tau the temperature:

    L_I = mean over the batch's items i of -log( exp(s(t_i, g_i) / tau) / sum over items j of exp(s(t_i, g_j) / tau) )

    and L = L_I + L_U, the same over users. Where we differ: the authors' anchor is g_i and their candidates are the
    towers' t_j; the batch's other nodes are the negatives, and users count too. `distill` stops the gradient at g: the
    towers follow and the graph's embeddings are not changed, as in ALDI, which however matches scores and not
    embeddings: see the term `distillation`. A side without features does not count.
    """

    takes_weights = None
    kind: Literal["alignment"] = "alignment"
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective."""
    loss: AnyLoss = InfoNCE(temperature=0.2)
    """Loss over (by features, the same node by graph, the other nodes by graph)."""
    distill: bool = True
    """Do not change the graph's embeddings."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """See `TermSettings.compute_loss`. Raises TrainingError where the encoder has no towers."""
        embeddings, batch = step.encode(views[0]), step.batch
        graph, content = embeddings.graph_only, embeddings.content_only
        if graph is None or (content.users is None and content.items is None):
            raise TrainingError(
                "an alignment term needs towers over features: use encoder.kind=content_aligned, and data with features"
            )
        sides = (graph.users, content.users, batch.user), (graph.items, content.items, batch.item)
        return torch.stack(
            [self.align(by_graph, by_content, rows) for by_graph, by_content, rows in sides if by_content is not None]
        ).sum()

    def align(self, by_graph: Rows, by_content: Rows, rows: Tensor) -> Tensor:
        """The loss of one side's distinct nodes among `rows`, [B]."""
        target = (lambda rows: by_graph(rows).detach()) if self.distill else by_graph
        return contrast_nodes(self.loss, rows.unique(), by_content, target)
