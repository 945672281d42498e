"""MLP: a small feed-forward network."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils import skip_init


def build_mlp(widths: list[int], generator: torch.Generator) -> nn.Sequential:
    """Linear layers with ReLU between; Glorot weights from the generator, biases zero."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        linear: nn.Linear = skip_init(nn.Linear, inputs, outputs)  # whose numbers are of the global generator
        nn.init.xavier_uniform_(linear.weight, generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
