"""Momentum: a copy of the encoder that follows it slowly, as a stable target."""

from copy import deepcopy

import torch
from typing_extensions import override

from reccl.encoders import Embeddings, Encoder
from reccl.training.term_module import TermModule
from reccl.views import View


class MomentumEncoder(TermModule):
    """theta' = m theta' + (1 - m) theta after every step, theta the encoder's parameters, m the momentum.

    Momentum Contrast, He et al., CVPR 2020, eq. 2 (https://arxiv.org/abs/1911.05722); BYOL, Grill et al., NeurIPS 2020
    (https://arxiv.org/abs/2006.07733); for recommendation BUIR, Lee et al., SIGIR 2021
    (https://arxiv.org/abs/2105.06323). It starts equal to the encoder, works for any encoder, and has no gradient.

    Where we differ: the copy has no dropout; buffers are copied, not averaged.
    """

    def __init__(self, encoder: Encoder, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.encoder = deepcopy(encoder).requires_grad_(False).eval()

    @override
    def forward(self, view: View) -> Embeddings:
        embeddings: Embeddings = self.encoder(view)
        return embeddings

    @torch.no_grad()
    @override
    def after_step(self, encoder: Encoder) -> None:
        for average, new in zip(self.encoder.parameters(), encoder.parameters(), strict=True):
            average.lerp_(new, 1 - self.momentum)
        for copied, current in zip(self.encoder.buffers(), encoder.buffers(), strict=True):
            copied.copy_(current)
