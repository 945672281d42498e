"""RP3beta: random walks of three steps, with popular items held back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.lazy import np, sparse, torch
from reccl.memory import Need, Sizes
from reccl.scorers.item_operators import ItemOperator
from reccl.scorers.nearest_items import keep_nearest, nearest_bytes
from reccl.scorers.scorer import Scorer, ScorerSettings

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor


class Rp3Beta(ScorerSettings):
    """Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive Applications, Paudel et al., TiiS
    2017, eq. 4 and 6; https://doi.org/10.1145/2955101.

    W_ij = d_j^-b sum_u (w_ui / d_i)^a (w_uj / d_u)^a,   s_uj = sum over the user's items i of w_ui W_ij

    w_ui is an interaction's weight, or 1, d_i and d_u the sums of the weights of an item and of a user. With a =
    `exponent` 1 and b = `popularity` 0, s_uj is, but for a factor of the user, the chance that a random walk from user
    u is at item j after three steps (P3); a is the exponent of P3alpha (Cooper et al., WWW 2014), b that by which
    reaching a popular item counts less. Each item i keeps its `neighbors` largest W_ij, as in the implementation that
    others compare with (Ferrari Dacrema et al., RecSys 2019; https://arxiv.org/abs/1907.06902); the paper keeps all.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> Rp3Beta(popularity=0).build(graph, None).scores(torch.tensor([2]))  # user 2 has item 0: 2 x 1/3 x 1/2
    tensor([[0.0000, 0.3333, 0.0000]])
    """

    kind: Literal["rp3beta"] = "rp3beta"
    neighbors: Annotated[int, Field(ge=1)] = 200
    """Items that an item keeps."""
    exponent: Annotated[float, Field(ge=0, le=2)] = 1.0
    """Exponent of the steps' chances (alpha)."""
    popularity: Annotated[float, Field(ge=0, le=2)] = 0.6
    """Exponent of the degree by which an item's scores are divided (beta)."""

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        return (nearest_bytes(sizes, self.neighbors),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        counts = graph.interactions
        to_items = step_chances(counts, self.exponent)  # [U, I]
        to_users = step_chances(counts.T.tocsr(), self.exponent)  # [I, U]
        degree = np.asarray(counts.sum(0)).ravel()  # [I]
        penalty = torch.from_numpy(np.where(degree > 0, degree, 1) ** -self.popularity).float()  # [I]

        def walks(own: slice) -> Tensor:
            return torch.from_numpy((to_users[own] @ to_items).toarray()) * penalty

        weights = keep_nearest(walks, graph.num_items, self.neighbors)
        return Scorer.from_history(graph, ItemOperator((weights.to(graph.device),)))


def step_chances(matrix: csr_matrix, exponent: float) -> csr_matrix:
    """Each entry over the sum of its row, to the power `exponent`; empty rows stay empty: float32."""
    sums = np.asarray(matrix.sum(1)).ravel()
    chances: csr_matrix = (sparse.diags(1 / np.where(sums > 0, sums, 1)) @ matrix).tocsr()
    return chances.power(exponent).astype(np.float32)
