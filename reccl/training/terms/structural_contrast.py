"""Structural contrast: a node should recognize itself in the sum of its similar neighbors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from reccl.errors import TrainingError
from reccl.losses import AnyLoss, InfoNCE
from reccl.training.terms.contrast_nodes import contrast_nodes
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class StructuralContrast(TermSettings):
    """NCL's structure-contrastive term: a node's embedding after an even number of hops with its initial one.

    Improving Graph Collaborative Filtering with Neighborhood-enriched Contrastive Learning, Lin et al., WWW 2022;
    https://arxiv.org/abs/2202.06200. After k hops, k even, a user's embedding z^(k) [D] sums up users of similar
    taste, an item's items with a similar audience. With z^(0) the initial embedding, tau the temperature, V all users:

    L_U = mean over users u of -log( exp(z_u^(k) z_u^(0) / tau) / sum over v in V of exp(z_u^(k) z_v^(0) / tau) )

    and L = L_U + alpha L_I, L_I the same over items. Embeddings have unit length.

    Where we differ: the mean over the batch's distinct nodes, each against the batch's others, where the authors take
    the sum over the batch's rows, each against all nodes (in batches of 4,096, on their ML-1M with weight 1e-7,
    temperature .1 and alpha 1; SELFRec on Yelp2018 in batches of 2,048 with 1e-6, .05 and 1.5).
    """

    takes_weights = None
    kind: Literal["structural_contrast"] = "structural_contrast"
    weight: Annotated[float, Field(ge=0)] = 0.01
    """Factor of this term in the objective (lambda_1 of NCL)."""
    loss: AnyLoss = InfoNCE(temperature=0.1)
    """Loss over (embedding after the hops, the same node's initial embedding, the other nodes' initial embeddings)."""
    hops: Annotated[int, Field(ge=2, multiple_of=2)] = 2
    """Even number of hops after which a node is compared with its initial embedding (k)."""
    item_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the items' side beside the users' (alpha)."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """See `TermSettings.compute_loss`. Raises TrainingError where the encoder has too few layers."""
        embeddings = step.encode(views[0])
        if len(embeddings.layers) < self.hops:
            raise TrainingError(
                f"a structural_contrast term uses layer {self.hops}, and the encoder has {len(embeddings.layers)}: "
                "use encoder.kind=lightgcn with more layers"
            )
        after = embeddings.layers[self.hops - 1]
        users = contrast_nodes(self.loss, step.batch.user.unique(), after.users, embeddings.initial_users)
        items = contrast_nodes(self.loss, step.batch.item.unique(), after.items, embeddings.initial_items)
        return users + self.item_weight * items
