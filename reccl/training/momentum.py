"""Momentum: a copy of the encoder that trails behind it, as a target that holds still."""

from copy import deepcopy

import torch
from typing_extensions import override

from reccl.encoders import Embeddings, Encoder
from reccl.training.part import Part
from reccl.views import View


class MomentumEncoder(Part):
    """theta' = m theta' + (1 - m) theta after every step, theta the encoder's parameters, m the momentum.

    Momentum Contrast, He et al., CVPR 2020, eq. 2 (https://arxiv.org/abs/1911.05722); BYOL, Grill et al., NeurIPS 2020
    (https://arxiv.org/abs/2006.07733); for recommendation BUIR, Lee et al., SIGIR 2021
    (https://arxiv.org/abs/2105.06323). It starts equal to the encoder, works for any encoder, and has no gradient.

    Where we differ: the copy never drops out; buffers are copied, not averaged.
    """

    def __init__(self, encoder: Encoder, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.encoder = deepcopy(encoder).requires_grad_(False).eval()

    def forward(self, view: View) -> Embeddings:
        """What the trailing encoder makes of a view."""
        embeddings: Embeddings = self.encoder(view)
        return embeddings

    @torch.no_grad()
    @override
    def after_step(self, encoder: Encoder) -> None:
        for own, new in zip(self.encoder.parameters(), encoder.parameters(), strict=True):
            own.lerp_(new, 1 - self.momentum)
        for kept, now in zip(self.encoder.buffers(), encoder.buffers(), strict=True):
            kept.copy_(now)
