"""EGCF: only items have embeddings of their own; a user's is computed from their items'."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings, lookup_in
from reccl.encoders.initialization import AnyInitialization, Xavier
from reccl.views import View


class EGCF(EncoderSettings):
    """EGCF: Simplify to the Limit! Embedding-less Graph Collaborative Filtering, Zhang et al., TOIS 2024;
    https://github.com/BlueGhostYi/EGCF.

    U^(0) = tanh(R E_I),   E^(0) = [U^(0) ; E_I],   E^(l+1) = tanh(A E^(l)),   E = E^(1) + .. + E^(L)

    E_I [I, D] is the only parameter, A [N, N] the view's normalized adjacency, R [U, I] its block of users' rows and
    items' columns. E^(0) is not in the sum.

    Where we differ: the authors' L2 counts the items' rows alone, ours the users' U^(0) too. Of the authors' ways to
    aggregate this is the parallel one. The losses are a composition: see `configs/methods/egcf.yaml`.

    >>> import polars as pl
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"], "part": ["train"] * 3})
    >>> data = Dataset.from_frame(rows)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = EGCF(dimension=4).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder(View((graph.adjacency,)))
    >>> embeddings.users(torch.tensor([1])).shape, embeddings.items(None).shape
    (torch.Size([1, 4]), torch.Size([2, 4]))
    """

    kind: Literal["egcf"] = "egcf"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    layers: Annotated[int, Field(ge=1)] = 3
    """Layers after the hop that makes the users (L)."""
    initialization: AnyInitialization = Xavier()
    """How E_I starts."""

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        _, items = self.initialization.sample_tables(graph, self.dimension, generator)
        return EGCFEncoder(graph.num_users, items, self.layers)


class EGCFEncoder(Encoder):
    """One table, of items, [I, D]."""

    def __init__(self, users: int, items: Tensor, layers: int) -> None:
        super().__init__()
        self.items = nn.Parameter(items)  # [I, D]
        self.sizes = [users, len(items)]
        self.layers = layers

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
