"""Initialization: how trainable embeddings start."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.svd import Table, normalize_matrix, truncated_svd
from reccl.lazy import np, torch
from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor


class InitializationSettings(Settings):
    """The config of an initialization."""

    def sample_tables(self, graph: Graph, dimension: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Fresh tables of users and items, [U, dimension] and [I, dimension]; the generator is a CPU one."""
        sizes = graph.num_users, graph.num_items
        users, items = (self.sample_table(rows, dimension, generator) for rows in sizes)
        return users, items

    def sample_table(self, rows: int, dimension: int, generator: torch.Generator) -> Tensor:
        """A fresh table [rows, dimension] for what is not a node of the graph, such as the values of a feature."""
        raise NotImplementedError


class Normal(InitializationSettings):
    """Independent normal numbers (LightGCN's code: 0.1)."""

    kind: Literal["normal"] = "normal"
    deviation: Annotated[float, Field(gt=0)] = 0.1
    """Standard deviation of each component."""

    @override
    def sample_table(self, rows: int, dimension: int, generator: torch.Generator) -> Tensor:
        return torch.randn(rows, dimension, generator=generator) * self.deviation


class Xavier(InitializationSettings):
    """Glorot and Bengio 2010: uniform in +- sqrt(6 / (rows + dimension)); what SGL, SimGCL and BSL start from."""

    kind: Literal["xavier"] = "xavier"

    @override
    def sample_table(self, rows: int, dimension: int, generator: torch.Generator) -> Tensor:
        bound = sqrt(6 / (rows + dimension))
        return (torch.rand(rows, dimension, generator=generator) * 2 - 1) * bound


class Spectral(InitializationSettings):
    """Start from the graph's main directions, so that few epochs are enough:

    D_U^-1/2 R D_I^-1/2 ~ P S Q',   E_U = c P S^p + noise,   E_I = c Q S^p + noise

    R [U, I] is the binary training matrix, P [U, D], S and Q [I, D] its first singular vectors and values by a
    randomized decomposition (see `reccl.data.svd`, signs included), p the `exponent`. With p = 1/2 the inner
    products are those of the best approximation of rank D. The one factor c, the same for both sides so that a hop over
    the graph maps one onto the other, gives all components together the root mean square `deviation`. What has no
    direction (nodes without interactions, components beyond the matrix's rank) starts from the noise alone.

    Spectral starts of factorizations go back to Boutsidis and Gallopoulos, Pattern Recognition 2008;
    https://doi.org/10.1016/j.patcog.2007.09.010. Tables of features, which are not nodes, start as `Normal`.
    """

    kind: Literal["spectral"] = "spectral"
    deviation: Annotated[float, Field(gt=0)] = 0.01
    """Root mean square of the components before the noise. It makes the learning rate large or small: ten times
    more, and an epoch of Adam moves them ten times less."""
    exponent: Annotated[float, Field(ge=0, le=2)] = 0.5
    """Exponent of the singular values (p): 0 weighs all directions alike, 1 the main ones most."""
    noise: Annotated[float, Field(gt=0)] = 0.01
    """Standard deviation of the normal noise, as a share of `deviation`."""
    oversampling: Annotated[int, Field(ge=0)] = 16
    """Random directions beyond the dimension while decomposing."""
    iterations: Annotated[int, Field(ge=0)] = 4
    """Power iterations while decomposing: more are slower and more accurate."""

    @override
    def sample_tables(self, graph: Graph, dimension: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        matrix = normalize_matrix(graph.interactions)
        found = truncated_svd(matrix, dimension, oversampling=self.oversampling, iterations=self.iterations, seed=seed)
        users, items = (side * found.values**self.exponent for side in (found.left, found.right))  # [U, k], [I, k]
        components = max(1, graph.num_nodes * users.shape[1])
        size = sqrt((np.square(users).sum() + np.square(items).sum()) / components) or 1.0
        users, items = (side * (self.deviation / size) for side in (users, items))
        return self.add_noise(users, dimension, generator), self.add_noise(items, dimension, generator)

    def add_noise(self, table: Table, dimension: int, generator: torch.Generator) -> Tensor:
        """Noise [n, dimension], with the table [n, k] added to its first components."""
        start = self.sample_table(len(table), dimension, generator) * self.noise
        start[:, : table.shape[1]] += torch.from_numpy(table.astype(np.float32))
        return start

    @override
    def sample_table(self, rows: int, dimension: int, generator: torch.Generator) -> Tensor:
        return Normal(deviation=self.deviation).sample_table(rows, dimension, generator)


AnyInitialization = Annotated[Normal | Spectral | Xavier, Field(discriminator="kind")]
