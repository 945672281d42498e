"""Feature contrast: a dimension of users agrees with that of their items, and with no other dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.losses.barlow_twins import barlow_twins
from reccl.losses.polynomial_uniformity import polynomial_uniformity
from reccl.losses.similarity import normalize_for
from reccl.training.terms.dimension import find_dimension
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reccl.encoders import Encoder


class FeatureContrast(TermSettings):
    """The feature-wise half of RecDCL: Dual Contrastive Learning for Recommendation, Zhang et al., WWW 2024;
    https://arxiv.org/abs/2401.15635, L_UIBT + alpha L_UUII. Over the interactions (u, i) of a batch, with e_u, e_i [D]
    of unit length and h the projector (see `Projector`):

    L_UIBT = ( sum_k (1 - C_kk)^2 + gamma * sum over k != m of C_km^2 ) / D,
    L_UUII = U(h(e_u)) / 2 + U(h(e_i)) / 2

    C_km = correlation over the batch of dimension k of h(e_u) with dimension m of h(e_i), see `barlow_twins`; U see
    `polynomial_uniformity`. The projector, which is in the authors' code and not in the paper, is used in training
    alone. The batch-wise half L_BCL is `bootstrap` with `history`. There are no negatives; a batch should be several
    times larger than D.
    """

    kind: Literal["feature_contrast"] = "feature_contrast"
    redundancy_weight: Annotated[float, Field(ge=0)] = 0.01
    """Weight of the squared correlations between different dimensions (gamma)."""
    uniformity_weight: Annotated[float, Field(ge=0)] = 0.2
    """Weight of the uniformity of each side's dimensions (alpha)."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """Factor of a correlation in the polynomial kernel (a)."""
    offset: Annotated[float, Field(ge=0)] = 1e-7
    """What is added to it (c)."""
    degree: Annotated[int, Field(ge=1)] = 4
    """Exponent of the polynomial kernel (e); even ones push opposite dimensions apart too."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        from reccl.training.projector import Projector

        return {"projector": Projector(find_dimension(encoder, graph, generator), generator)}

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch, project = step.encode(views[0]), step.batch, step.modules["projector"]
        users: Tensor = project(normalize_for(embeddings.users(batch.user), "cosine"))  # [B, D]
        items: Tensor = project(normalize_for(embeddings.items(batch.item), "cosine"))  # [B, D]
        twins = barlow_twins(users, items, self.redundancy_weight) / users.shape[1]
        kernel = self.scale, self.offset, self.degree
        uniform = (polynomial_uniformity(users, *kernel) + polynomial_uniformity(items, *kernel)) / 2
        return twins + self.uniformity_weight * uniform
