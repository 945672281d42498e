"""LightGCN encoder: a table of all nodes, and its hops."""

from collections.abc import Mapping
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.data.graph import Adjacency
from reccl.data.neighbors import SampledRows, sample_rows
from reccl.distributed.shard import Shard, len_of
from reccl.encoders.dropout import DeviceGenerator
from reccl.encoders.encoder import Embeddings, Rows
from reccl.encoders.lightgcn import LightGCN
from reccl.encoders.modules.encoder import Encoder
from reccl.encoders.propagation import Hop, Propagation
from reccl.encoders.propagations import Full, Sampled
from reccl.encoders.training_propagation import TrainingPropagation
from reccl.errors import TrainingError
from reccl.views import View


class LightGCNEncoder(Encoder):
    """One table over all nodes, [N, D], users first."""

    before: Tensor | None
    after: Tensor | None

    def __init__(
        self,
        users: Tensor,
        items: Tensor,
        settings: LightGCN,
        before: Tensor | None,
        after: Tensor | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.nodes = nn.Parameter(torch.cat([users, items]))  # [N, D]
        self.sizes = [len(users), len(items)]
        self.layers, self.unit_norm = settings.layers, settings.unit_norm
        initial_weight = settings.initial_weight if self.layers else 1.0
        weights = [initial_weight, *[1.0] * self.layers]
        self.mean = [weight / sum(weights) for weight in weights]
        kind = settings.propagation
        self.in_training = None if isinstance(kind, Full) else TrainingPropagation(kind, self.mean)
        self.neighbors = kind.neighbors_of(self.layers) if isinstance(kind, Sampled) else []
        self.random = DeviceGenerator(generator) if isinstance(kind, Sampled) else None
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

    @override
    def train(self, mode: bool = True) -> Self:
        """See `nn.Module.train`; what was remembered of other parameters is forgotten."""
        if self.in_training:
            self.in_training.forget()
        return super().train(mode)

    def forward(self, view: View) -> Embeddings:
        """See `Encoder.forward`. Hops run once rows behind them are looked up (L2 looks up none); where the view
        perturbs layers at random they run at once, so that the order of terms does not change the random numbers.
        """
        hops: list[Hop] = [partial(self.hop, view, layer=layer) for layer in range(self.layers)]
        if self.in_training and self.training and torch.is_grad_enabled():
            return self.embed_in_training(self.in_training, view, hops)
        propagation = Propagation(view.perturb_table(self.nodes), hops, view.sample_noise(self.layers))
        initial = Propagation(self.nodes) if view.input_perturbation else propagation
        if view.layer_perturbation:
            propagation.run()
        one_hot = [[float(number == layer) for number in range(self.layers + 1)] for layer in range(self.layers + 1)]
        start = self.side_rows(initial, one_hot[0], 0), self.side_rows(initial, one_hot[0], 1)
        layers = tuple(
            Embeddings(self.side_rows(propagation, layer, 0), self.side_rows(propagation, layer, 1), *start)
            for layer in one_hot[1:]
        )
        users, items = (self.side_rows(propagation, self.mean, side) for side in (0, 1))
        return Embeddings(users, items, *start, layers)

    def embed_in_training(self, kind: TrainingPropagation, view: View, hops: list[Hop]) -> Embeddings:
        """Embeddings by another propagation than the full one, without those of each layer."""
        if view.input_perturbation or view.layer_perturbation or view.noise_sampler:
            raise TrainingError("a view that perturbs embeddings needs encoder.propagation.kind=full")
        propagation = kind.begin_step(self.nodes, hops, partial(self.sample_hop, view))
        initial = [1.0, *[0.0] * self.layers]
        users, items = (self.side_rows(propagation, self.mean, side) for side in (0, 1))
        initial_users, initial_items = (self.side_rows(propagation, initial, side) for side in (0, 1))
        return Embeddings(users, items, initial_users, initial_items)

    def sample_hop(self, view: View, rows: Tensor, layer: int) -> SampledRows:
        """The given rows [n] of a hop's matrix, with some of their entries."""
        matrix = view.matrix(layer)
        if not isinstance(matrix, Adjacency) or self.random is None:
            raise TrainingError("a view without a list of edges needs encoder.propagation.kind=full")
        sampled = sample_rows(matrix.matrix, rows, self.neighbors[layer], self.random.on(rows.device))
        sampled = sampled if self.before is None else sampled.scale_columns(self.before[sampled.nodes, 0])
        return sampled if self.after is None else sampled.scale_rows(self.after[rows, 0])

    def hop(self, view: View, x: Tensor, layer: int) -> Tensor:
        """From one layer to the next: [N, D] -> [N, D]."""
        x = normalize(x) if self.unit_norm else x
        x = x if self.before is None else self.before * x
        x = view.hop(x, layer)
        return x if self.after is None else self.after * x

    def side_rows(self, propagation: Propagation, weights: list[float], side: int) -> Rows:
        """Users (0) or items (1) in a weighted sum of layers."""
        return propagation.rows_of(weights, side * self.sizes[0], self.sizes[side])
