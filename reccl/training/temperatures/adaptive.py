"""Adaptive: a temperature computed from the scores, for all anchors or for each (Adap-tau)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.training.temperatures.temperature import TemperatureSettings

if TYPE_CHECKING:
    from reccl.training.temperatures.modules.temperature import Temperature


class Adaptive(TemperatureSettings):
    """Adap-tau: Adaptively Modulating Embedding Magnitude for Recommendation, Chen et al., WWW 2023;
    https://arxiv.org/abs/2302.04775. Once an epoch, from the cosines of all nodes:

    tau_0 = (mean cosine of the positives - mean cosine of all pairs) / log( pairs / (2 positives) )

    at which the sum of exp(cosine / tau_0) over the positives, each at their mean cosine, is half of that over all
    pairs, each at theirs. With l_u the mean loss of anchor u at temperature 1 over the last epoch, l the mean of these,
    and W Lambert's function, the inverse of w exp(w):

    tau_u = tau_0 exp( W( max( (l_u - l) / beta, -1 / e ) ) )

    An anchor whose positives are hard to distinguish from the negatives, often because they are noise, gets a higher
    temperature.

    Where we differ: the authors' code divides the positive by tau_0 and the negatives alone by tau_u, here tau_u
    divides both; it leaves the fifth of users with the fewest interactions out of tau_0; our l_u has the sum over
    the negatives divided by their number, so that a smaller last batch is not easier. In a contrast of views the
    positives are the n nodes with themselves, of n x n pairs.
    """

    kind: Literal["adaptive"] = "adaptive"
    personal: bool = True
    """A temperature for each anchor, tau_u; false: one for all, tau_0. Computes a step's similarities once more."""
    evenness: Annotated[float, Field(gt=0)] = 1.0
    """beta: the larger, the more alike are the anchors' temperatures. The authors have .25 to 1.5."""
    warmup: Annotated[int, Field(ge=0)] = 1
    """First epochs in which the separation is assumed to be .7, since untrained embeddings have none."""
    factor: Annotated[float, Field(gt=0)] = 1.0
    """Multiplies tau_0; .5 suits the loss pairwise_softmax, which halves its cosines."""
    lowest: Annotated[float, Field(gt=0)] = 0.03
    """Smallest temperature."""
    highest: Annotated[float, Field(gt=0)] = 1.0
    """Largest temperature."""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.lowest > self.highest:
            raise ValueError(f"lowest {self.lowest} must not be above highest {self.highest}")
        return self

    @override
    def build(self, graph: Graph) -> Temperature:
        from reccl.training.temperatures.modules.adaptive import AdaptiveTemperature

        return AdaptiveTemperature(self, graph.num_users, graph.num_items).to(graph.device)
