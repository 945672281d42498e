"""Matrix factorization encoder: a table of each side."""

from collections.abc import Mapping

import torch
from torch import nn
from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.distributed.shard import Shard
from reccl.encoders.encoder import Embeddings, lookup_in
from reccl.encoders.modules.encoder import Encoder
from reccl.encoders.propagation import rows_of_table
from reccl.views import View


class MatrixFactorizationEncoder(Encoder):
    """Two tables, [U, D] and [I, D]."""

    def __init__(self, users: torch.Tensor, items: torch.Tensor) -> None:
        super().__init__()
        self.users = nn.Parameter(users)  # [U, D]
        self.items = nn.Parameter(items)  # [I, D]

    @override
    def node_tables(self) -> Mapping[str, tuple[str, ...]]:
        return {"users": (USER,), "items": (ITEM,)}

    @override
    def keep_rows(self, shard: Shard) -> None:
        self.users = nn.Parameter(shard.take(self.users.detach(), (USER,)))  # [u, D]
        self.items = nn.Parameter(shard.take(self.items.detach(), (ITEM,)))  # [i, D]

    @override
    def forward(self, view: View) -> Embeddings:
        users, items = rows_of_table(self.users), rows_of_table(self.items)
        if view.input_perturbation is None:
            return Embeddings(users, items, users, items)
        nodes = view.perturb_table(torch.cat([self.users, self.items]))  # [N, D]
        user_rows, item_rows = nodes.split([len(self.users), len(self.items)])  # [U, D], [I, D]
        return Embeddings(lookup_in(user_rows), lookup_in(item_rows), users, items)
