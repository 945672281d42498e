"""Cross layer: a node's final embedding should recognize that of an earlier layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from reccl.errors import TrainingError
from reccl.losses import AnyLoss, InfoNCE
from reccl.training.terms.contrast_nodes import contrast_encodings
from reccl.training.terms.temperature_term import TemperatureTerm
from reccl.training.terms.term import Step
from reccl.views import AnyView, Noise, View

if TYPE_CHECKING:
    from torch import Tensor


class CrossLayer(TemperatureTerm):
    """XSimGCL: contrast the final embedding with that of layer `layer`, in one and the same pass.

    XSimGCL: Towards Extremely Simple Graph Contrastive Learning for Recommendation, Yu et al., TKDE 2023, eq. 12;
    https://arxiv.org/abs/2209.02544. Give the ranking term the same view, and both share the pass: which makes
    it cheap.
    """

    takes_weights = None
    parted = True
    kind: Literal["cross_layer"] = "cross_layer"
    weight: Annotated[float, Field(ge=0)] = 0.2
    """Factor of this term in the objective (lambda)."""
    loss: AnyLoss = InfoNCE(temperature=0.15)
    """Loss over (final embedding, the same node at the layer, the other nodes at the layer)."""
    layer: Annotated[int, Field(ge=1)] = 1
    """Layer that is contrasted with the final embedding (l*)."""
    view: AnyView = Noise(length=0.2)
    """What the encoder sees of the graph."""

    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """See `TermSettings.compute_loss`. Raises TrainingError where the encoder has too few layers."""
        final = step.encode(views[0])
        if len(final.layers) < self.layer:
            raise TrainingError(
                f"a cross_layer term uses layer {self.layer}, and the encoder has {len(final.layers)}: "
                "use encoder.kind=lightgcn with more layers"
            )
        return contrast_encodings(self, step, final, final.layers[self.layer - 1])
