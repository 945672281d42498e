"""Adaptive temperature: one a side, or one an anchor, measured once an epoch."""

import math

import numpy as np
import torch
from scipy.special import lambertw
from torch import Tensor
from typing_extensions import override

from reccl.losses import Pairs, chunks
from reccl.losses.similarity import score_pairs
from reccl.training.temperatures.adaptive import Adaptive
from reccl.training.temperatures.modules.temperature import Temperature
from reccl.training.temperatures.temperature import Side, TemperatureInput

UNTRAINED = 0.7
"""Separation of the positives that is assumed before it is measured."""


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
