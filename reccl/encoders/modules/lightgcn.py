"""LightGCN encoder: a table of all nodes, and its hops."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.distributed.shard import Shard, len_of
from reccl.encoders.encoder import Embeddings, Rows
from reccl.encoders.lightgcn import LightGCN
from reccl.encoders.modules.encoder import Encoder
from reccl.encoders.propagation import Propagation
from reccl.views import View


class LightGCNEncoder(Encoder):
    """One table over all nodes, [N, D], users first."""

    before: Tensor | None
    after: Tensor | None

    def __init__(
        self, users: Tensor, items: Tensor, settings: LightGCN, before: Tensor | None, after: Tensor | None
    ) -> None:
        super().__init__()
        self.nodes = nn.Parameter(torch.cat([users, items]))  # [N, D]
        self.sizes = [len(users), len(items)]
        self.layers, self.unit_norm = settings.layers, settings.unit_norm
        self.initial_weight = settings.initial_weight if self.layers else 1.0
        self.register_buffer("before", before, persistent=False)  # [N, 1] factors of a hop's input rows
        self.register_buffer("after", after, persistent=False)  # [N, 1] factors of its output rows

    @override
    def node_tables(self) -> Mapping[str, tuple[str, ...]]:
        return {"nodes": (USER, ITEM)}

    @override
    def keep_rows(self, shard: Shard) -> None:
        sides = USER, ITEM
        self.nodes = nn.Parameter(shard.take(self.nodes.detach(), sides))  # [n, D]
        self.sizes = [len_of(shard.users.own), len_of(shard.items.own)]
        self.before = None if self.before is None else shard.take(self.before, sides)  # [n, 1]
        self.after = None if self.after is None else shard.take(self.after, sides)  # [n, 1]

    def forward(self, view: View) -> Embeddings:
        """See `Encoder.forward`. Hops run once rows behind them are looked up (L2 looks up none); where the view
        perturbs layers at random they run at once, so that the order of terms does not change the random numbers.
        """
        hops = [partial(self.hop, view, layer=layer) for layer in range(self.layers)]
        propagation = Propagation(view.perturb_table(self.nodes), hops, view.sample_noise(self.layers))
        initial = Propagation(self.nodes) if view.input_perturbation else propagation
        if view.layer_perturbation:
            propagation.run()
        weights = [self.initial_weight, *[1.0] * self.layers]
        mean = [weight / (self.layers + self.initial_weight) for weight in weights]
        one_hot = [[float(number == layer) for number in range(self.layers + 1)] for layer in range(self.layers + 1)]
        start = self.side_rows(initial, one_hot[0], 0), self.side_rows(initial, one_hot[0], 1)
        layers = tuple(
            Embeddings(self.side_rows(propagation, layer, 0), self.side_rows(propagation, layer, 1), *start)
            for layer in one_hot[1:]
        )
        return Embeddings(self.side_rows(propagation, mean, 0), self.side_rows(propagation, mean, 1), *start, layers)

    def hop(self, view: View, x: Tensor, layer: int) -> Tensor:
        """From one layer to the next: [N, D] -> [N, D]."""
        x = normalize(x) if self.unit_norm else x
        x = x if self.before is None else self.before * x
        x = view.hop(x, layer)
        return x if self.after is None else self.after * x

    def side_rows(self, propagation: Propagation, weights: list[float], side: int) -> Rows:
        """Users (0) or items (1) in a weighted sum of layers."""
        return propagation.rows_of(weights, side * self.sizes[0], self.sizes[side])
