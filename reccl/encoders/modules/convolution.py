"""Convolution encoder: towers for the inputs, convolutions over them."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.data.features import FittedFeatures
from reccl.encoders.dropout import Dropout
from reccl.encoders.encoder import Embeddings, lookup_in
from reccl.encoders.input_tower import InputTower
from reccl.encoders.modules.encoder import Encoder
from reccl.views import View


class ConvolutionEncoder(Encoder):
    """A tower for each side's inputs, and convolutions over both."""

    def __init__(self, users: InputTower, items: InputTower, layers: list[nn.Module], drop: Dropout) -> None:
        super().__init__()
        self.users, self.items = users, items
        self.layers, self.drop = nn.ModuleList(layers), drop

    @override
    def node_tables(self) -> Mapping[str, tuple[str, ...]]:
        return {"users.ids": (USER,), "items.ids": (ITEM,)}

    @override
    def fitted_features(self) -> Mapping[str, FittedFeatures]:
        towers = ((USER, self.users), (ITEM, self.items))
        return {side: tower.fitted for side, tower in towers if tower.fitted is not None and tower.reads_features}

    @override
    def forward(self, view: View) -> Embeddings:
        users, items = view.input_perturbation_from(0), view.input_perturbation_from(len(self.users.ids))
        start = x = torch.cat([self.users(None, users), self.items(None, items)])  # [N, D]
        outputs = []
        for layer, convolution in enumerate(self.layers):
            edges = view.matrix(layer).edges  # [2, E']
            x = convolution(self.drop(leaky_relu(x) if layer else x), edges)  # [N, D]
            x = view.add_noise(view.perturb_layer(x, layer))
            outputs.append(self.split_sides(x))
        return self.split_sides(start + x, tuple(outputs))

    def split_sides(self, nodes: Tensor, layers: tuple[Embeddings, ...] = ()) -> Embeddings:
        """Users and items of a table of all nodes, [N, D]."""
        users, items = nodes.split([len(self.users.ids), len(self.items.ids)])  # [U, D], [I, D]
        return Embeddings(
            lookup_in(users),
            lookup_in(items),
            self.users.initial,
            self.items.initial,
            layers,
            users_by_features=self.users.reads_features,
            items_by_features=self.items.reads_features,
        )
