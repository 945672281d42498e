"""Adaptive: a temperature computed from the scores, for all anchors or for each (Adap-tau)."""

import math
from typing import Annotated, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from scipy.special import lambertw
from torch import Tensor
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.losses import Pairs, chunks
from reccl.losses.similarity import score_pairs
from reccl.training.temperatures.temperature import Side, Temperature, TemperatureInput, TemperatureSettings

UNTRAINED = 0.7
"""Separation of the positives that is assumed before it is measured."""


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
        return AdaptiveTemperature(self, graph.num_users, graph.num_items).to(graph.device)


class AdaptiveTemperature(Temperature):
    """Holds, for each side, tau_0 and every anchor's losses."""

    age: Tensor

    def __init__(self, settings: Adaptive, users: int, items: int) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("age", torch.zeros((), dtype=torch.long))  # [] epochs begun
        self.measured: set[Side] = set()  # this epoch
        self.sizes: dict[Side, int] = {"users": users, "items": items}
        for side, number in self.sizes.items():
            self.register_buffer(f"{side}_common", torch.ones(()))  # [] tau_0
            if settings.personal:
                self.register_buffer(f"{side}_factor", torch.ones(number))  # [n] tau_u / tau_0
                self.register_buffer(f"{side}_losses", torch.zeros(number))  # [n] summed over this epoch
                self.register_buffer(f"{side}_counts", torch.zeros(number))  # [n] of the summed losses

    @override
    def begin_epoch(self) -> None:
        self.age += 1
        self.measured = set()
        for side in self.sizes if self.settings.personal else ():
            losses, counts = self.get_buffer(f"{side}_losses"), self.get_buffer(f"{side}_counts")
            self.get_buffer(f"{side}_factor").copy_(temperature_factors(losses, counts, self.settings.evenness))
            losses.zero_()
            counts.zero_()

    @override
    def forward(self, inputs: TemperatureInput) -> Tensor:
        settings, common = self.settings, self.get_buffer(f"{inputs.side}_common")
        if inputs.side not in self.measured:
            self.measured.add(inputs.side)
            statistics = inputs.statistics()
            separation = statistics.separation
            if max(int(self.age), 1) <= settings.warmup:
                separation = torch.full_like(common, UNTRAINED)
            common.copy_(settings.factor * separation / max(statistics.log_odds, 1e-6))
        if not settings.personal:
            return common.clamp(settings.lowest, settings.highest)
        self.accumulate_losses(inputs)
        factor = self.get_buffer(f"{inputs.side}_factor")[inputs.anchor]  # [B]
        return (common.clamp(settings.lowest, settings.highest) * factor).clamp(settings.lowest, settings.highest)

    def accumulate_losses(self, inputs: TemperatureInput) -> None:
        """Add the losses of this step's anchors to their sums."""
        losses = anchor_losses(inputs.pairs)  # [B]
        finite = losses.isfinite()
        self.get_buffer(f"{inputs.side}_losses").index_add_(0, inputs.anchor, losses.where(finite, 0))
        self.get_buffer(f"{inputs.side}_counts").index_add_(0, inputs.anchor, finite.to(losses))


@torch.no_grad()
def anchor_losses(pairs: Pairs) -> Tensor:
    """log( sum over negatives j of exp(s_uj) / M ) - s_ui, s the cosine: [B]; -inf where an anchor has no negative.

    M counts masked negatives too. A chunk of anchors at a time, so that B x M similarities never exist at once.
    """
    size = max(chunks.LOGITS * len(pairs.anchor) // max(pairs.num_logits, 1), 1)
    losses = []
    for start in range(0, len(pairs.anchor), size):
        chunk = pairs.select_anchors(slice(start, start + size))
        positive, negatives = (each.float() for each in score_pairs(chunk, "cosine"))
        exponentials, mask = negatives.exp_(), chunk.dense_mask  # [b, M], at most e as a cosine is at most 1
        exponentials = exponentials if mask is None else exponentials.masked_fill_(mask, 0)
        losses.append(exponentials.mean(1).log() - positive)
    return torch.cat(losses)


def temperature_factors(losses: Tensor, counts: Tensor, evenness: float) -> Tensor:
    """exp( W( max( (l_u - l) / beta, -1 / e ) ) ) of summed losses and their counts, [n]; 1 where the count is 0."""
    counted = counts > 0
    mean = losses / counts.clamp(min=1)  # [n]
    above = (mean - mean[counted].mean()) / evenness if counted.any() else torch.zeros_like(mean)
    inside = above.where(counted, 0).clamp(min=-math.exp(-1)).cpu().double().numpy()
    return torch.from_numpy(np.exp(lambertw(inside).real)).to(losses)
