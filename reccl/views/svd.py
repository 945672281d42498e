"""SVD: the graph rebuilt from its first singular vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.graph_cache import cache_on_graph
from reccl.data.svd import matrix_bytes, normalize_matrix, truncated_svd
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.memory import Need, Sizes
from reccl.views.view import View, ViewSettings

if TYPE_CHECKING:
    from torch import Tensor

SPARE = 8
"""Additional directions while decomposing."""
ROUNDS = 8
"""Products with R R' that make the directions more accurate."""


class Svd(ViewSettings):
    """LightGCL: propagate over the rank-q reconstruction of the graph, where every user meets every item.

    LightGCL: Simple Yet Effective Graph Contrastive Learning for Recommendation, Cai et al., ICLR 2023;
    https://arxiv.org/abs/2302.08191. With R [U, I] the user-item block of D^-1/2 A D^-1/2 and U S V' its first
    `rank` singular vectors and values:

    G_user = (U S V') E_item,   G_item = (V S U') E_user

    Two thin products per layer, O(N * rank * D), and no N x N matrix. Nothing is random: the graph is decomposed once.
    Each layer continues from this view's own last layer, while the authors rebuild each layer from the main view's.
    Both are the same: U and V are singular vectors of the graph itself, so that (U S V') R' = (U S V') (U S V')'.

    Where we differ: the authors drop edges of the main view at random before they rebuild it. In a contrast term the
    final embeddings are compared, as in the authors' code (the paper has every layer, after a LeakyReLU), but with the
    batch's distinct nodes, not all nodes, and by cosine unless the loss says otherwise: their code takes inner products
    of the sums of layers, clamped to 5 temperatures for the positive.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]}), 3, 3)
    >>> view = Svd(rank=3).sample(graph, torch.Generator())  # all singular vectors: the graph itself
    >>> torch.allclose(view.propagate(torch.eye(6), 0), graph.adjacency @ torch.eye(6), atol=1e-5)
    True
    """

    kind: Literal["svd"] = "svd"
    rank: Annotated[int, Field(ge=1)] = 5
    """Singular vectors that are kept (q); at most as many as there are users or items."""

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Both sides' factors; and the matrix and the random directions that they are found with."""
        return (Need("", sizes.table(self.rank), matrix_bytes(sizes) + 3 * sizes.table(self.rank + SPARE), ("rank",)),)

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        return View((decompose(graph, self.rank),))


@dataclass(frozen=True, eq=False)
class LowRank:
    """The N x N matrix [[0, L R'], [R L', 0]] by its factors; symmetric."""

    left: Tensor  # [U, q]
    right: Tensor  # [I, q]

    def __matmul__(self, x: Tensor) -> Tensor:
        """[N, N] @ [N, D] -> [N, D], differentiable in x; float32 under autocast, as all graph products."""
        with torch.autocast(x.device.type, enabled=False):
            users, items = x.to(self.left.dtype).split([len(self.left), len(self.right)])  # [U, D], [I, D]
            return torch.cat([self.left @ (self.right.T @ items), self.right @ (self.left.T @ users)])

    @property
    def edges(self) -> Tensor:
        """Raises TrainingError: every user is linked with every item."""
        raise TrainingError(
            "the svd view links every user with every item, and this encoder needs a list of edges: "
            "use encoder.kind=lightgcn, or a view such as edge_drop"
        )


@cache_on_graph
def decompose(graph: Graph, rank: int) -> LowRank:
    """U S and V of the normalized R, randomized, always from the same seed (see `reccl.data.svd`)."""
    svd = truncated_svd(normalize_matrix(graph.interactions), rank, oversampling=SPARE, iterations=ROUNDS)
    left, right = (torch.from_numpy(side).float().to(graph.device) for side in (svd.left * svd.values, svd.right))
    return LowRank(left.contiguous(), right.contiguous())
