"""NGCF encoder: a table of all nodes, and two weight matrices a layer."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize
from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.encoders.dropout import Dropout
from reccl.encoders.encoder import Embeddings, lookup_in
from reccl.encoders.modules.encoder import Encoder
from reccl.views import View


class NGCFEncoder(Encoder):
    """One table over all nodes, users first, and two weight matrices per layer."""

    def __init__(
        self, users: Tensor, items: Tensor, widths: list[int], dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.nodes = nn.Parameter(torch.cat([users, items]))  # [N, D_0]
        self.sizes = [len(users), len(items)]
        self.sums = glorot_matrices(widths, generator)  # W1 of each layer, [D_l, D_l+1]
        self.products = glorot_matrices(widths, generator)  # W2
        self.drop = Dropout(dropout, generator)

    @override
    def node_tables(self) -> Mapping[str, tuple[str, ...]]:
        return {"nodes": (USER, ITEM)}

    @override
    def forward(self, view: View) -> Embeddings:
        x = view.perturb_table(self.nodes)  # [N, D_0]
        parts = [x]
        for layer, (sums, products) in enumerate(zip(self.sums, self.products, strict=True)):
            near = view.propagate(x, layer)  # [N, D_l]
            x = self.drop(leaky_relu((near + x) @ sums + (near * x) @ products, 0.2))  # [N, D_l+1]
            parts.append(normalize(x))
        users, items = torch.cat(parts, 1).split(self.sizes)  # [U, D], [I, D]
        initial_users, initial_items = self.nodes.split(self.sizes)
        return Embeddings(lookup_in(users), lookup_in(items), lookup_in(initial_users), lookup_in(initial_items))


def glorot_matrices(widths: list[int], generator: torch.Generator) -> nn.ParameterList:
    """A weight matrix between every two neighboring widths, Glorot and Bengio 2010."""
    shapes = (torch.empty(inputs, outputs) for inputs, outputs in pairwise(widths))
    return nn.ParameterList(nn.init.xavier_uniform_(weight, generator=generator) for weight in shapes)
