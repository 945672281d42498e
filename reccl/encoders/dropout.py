"""Dropout: like torch's, from a generator that is passed instead of the global one."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from reccl.views.dropout import drop_components


class DeviceGenerator:
    """A random generator on whatever device its numbers are needed, seeded once by another generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self.seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
        self.generators: dict[torch.device, torch.Generator] = {}

    def on(self, device: torch.device) -> torch.Generator:
        """The generator on this device, which goes on where it stopped."""
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self.generators[device]

    def bernoulli(self, chance: float, like: Tensor) -> Tensor:
        """Independent booleans, True with this chance, in the shape and on the device of a tensor."""
        return torch.rand(like.shape, generator=self.on(like.device), device=like.device) < chance


class Dropout(nn.Module):
    """In training x -> m * x / (1 - rate), every component of m zero with probability `rate`; in evaluation x.

    >>> drop = Dropout(0.5, torch.Generator().manual_seed(0))
    >>> drop(torch.ones(6)), drop.eval()(torch.ones(6))
    (tensor([2., 0., 2., 2., 0., 2.]), tensor([1., 1., 1., 1., 1., 1.]))
    """

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        super().__init__()
        self.rate, self.random = rate, DeviceGenerator(generator) if rate else None

    @override
    def forward(self, x: Tensor) -> Tensor:
        if self.random is None or not self.training:
            return x
        return drop_components(x, self.rate, self.random.on(x.device))
