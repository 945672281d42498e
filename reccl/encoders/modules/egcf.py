"""EGCF encoder: a table of items."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from typing_extensions import override

from reccl.data.columns import ITEM
from reccl.encoders.encoder import Embeddings, lookup_in
from reccl.encoders.modules.encoder import Encoder
from reccl.views import View


class EGCFEncoder(Encoder):
    """One table, of items, [I, D]."""

    def __init__(self, users: int, items: Tensor, layers: int) -> None:
        super().__init__()
        self.items = nn.Parameter(items)  # [I, D]
        self.sizes = [users, len(items)]
        self.layers = layers

    @override
    def node_tables(self) -> Mapping[str, tuple[str, ...]]:
        return {"items": (ITEM,)}

    @override
    def forward(self, view: View) -> Embeddings:
        zeros = self.items.new_zeros(self.sizes[0], self.items.shape[1])  # [U, D]
        x = view.perturb_table(torch.cat([zeros, self.items]))  # [N, D]
        users, items = view.propagate(x, 0)[: self.sizes[0]].tanh(), x[self.sizes[0] :]  # [U, D], [I, D]
        start = x = torch.cat([users, items])  # [N, D]
        outputs = []
        for layer in range(1, self.layers + 1):
            x = view.propagate(x, layer).tanh()  # [N, D]
            outputs.append(x)
        layers = tuple(self.split_sides(output, start) for output in outputs)
        return self.split_sides(torch.stack(outputs).sum(0), start, layers)

    def split_sides(self, nodes: Tensor, start: Tensor, layers: tuple[Embeddings, ...] = ()) -> Embeddings:
        """Users and items of tables of all nodes, [N, D]."""
        users, items, initial_users, initial_items = (
            lookup_in(side) for table in (nodes, start) for side in table.split(self.sizes)
        )
        return Embeddings(users, items, initial_users, initial_items, layers)
