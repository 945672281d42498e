"""AlphaRec encoder: a network over the features of items and of users' items."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from typing_extensions import override

from reccl.data.columns import ITEM
from reccl.data.features import FittedFeatures
from reccl.encoders.alpharec import AlphaRec
from reccl.encoders.encoder import Embeddings
from reccl.encoders.mlp import build_mlp
from reccl.encoders.modules.encoder import Encoder
from reccl.encoders.propagation import Propagation
from reccl.encoders.tower import Tower, Towers
from reccl.views import View

SLOPE = 0.01
"""Of the activation, below zero."""


class AlphaRecEncoder(Encoder):
    """Features of all nodes, [N, F], users first, and the network that all pass."""

    features: Tensor

    def __init__(
        self, users: Tensor, items: Tensor, fitted: FittedFeatures, settings: AlphaRec, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.register_buffer("features", torch.cat([users, items]), persistent=False)  # [N, F]
        self.sizes, self.fitted, self.layers = [len(users), len(items)], fitted, settings.layers
        network = build_mlp([items.shape[1], *settings.hidden, settings.dimension], generator)
        self.network = nn.Sequential(
            *(nn.LeakyReLU(SLOPE) if isinstance(layer, nn.ReLU) else layer for layer in network)
        )

    @override
    def fitted_features(self) -> Mapping[str, FittedFeatures]:
        return {ITEM: self.fitted}

    @override
    def forward(self, view: View) -> Embeddings:
        start = self.network(self.features)  # [N, D]
        hops = [partial(view.hop, layer=layer) for layer in range(self.layers)]
        propagation = Propagation(view.perturb_table(start), hops, view.sample_noise(self.layers))
        initial = Propagation(start) if view.input_perturbation else propagation
        if view.layer_perturbation:
            propagation.run()
        mean = [1 / (self.layers + 1)] * (self.layers + 1)
        one_hot = [[float(number == layer) for number in range(self.layers + 1)] for layer in range(self.layers + 1)]
        users, items = (0, self.sizes[0]), (self.sizes[0], self.sizes[1])  # first row and number of rows
        own = initial.rows_of(one_hot[0], *users), initial.rows_of(one_hot[0], *items)
        layers = tuple(
            Embeddings(propagation.rows_of(layer, *users), propagation.rows_of(layer, *items), *own)
            for layer in one_hot[1:]
        )
        sides = propagation.rows_of(mean, *users), propagation.rows_of(mean, *items)
        towers = Towers() if self.training else Towers(items=self.export())
        return Embeddings(*sides, *own, layers, towers=towers, items_by_features=True)

    def export(self) -> Tower:
        """The tower of new items: the network, divided by the layers of the mean that are zero without a neighbor.

        LeakyReLU of h is relu(h) - s relu(-h), s the slope: a hidden layer twice as wide.
        """
        linear = [layer for layer in self.network if isinstance(layer, nn.Linear)]
        exported = list[tuple[Tensor, Tensor]]()
        for place, layer in enumerate(linear):
            weight, bias = layer.weight.detach(), layer.bias.detach()  # [out, in], [out]
            weight = torch.cat([weight, -SLOPE * weight], 1) if place else weight
            if layer is linear[-1]:
                weight, bias = weight / (self.layers + 1), bias / (self.layers + 1)
            else:
                weight, bias = torch.cat([weight, -weight]), torch.cat([bias, -bias])
            exported.append((weight, bias))
        return Tower(self.fitted, tuple(exported))
