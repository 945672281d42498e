"""Sparse EASE: ridge regression of each item on its nearest items alone, for catalogs of any size."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.lazy import torch
from reccl.memory import Need, Sizes
from reccl.scorers.item_neighborhoods import divide_users, regress_items, regression_bytes
from reccl.scorers.item_operators import ItemOperator
from reccl.scorers.scorer import Scorer, ScorerSettings

if TYPE_CHECKING:
    from torch import Tensor


class SparseEase(ScorerSettings):
    """EASE (Steck, WWW 2019, see `Ease`) with a sparse item-item matrix, from small dense problems:

    P_j = (X_N' X_N + l2 I)^-1,  N = {j and its nearest items},  B_ij = -P_ij / P_jj for i in N,  s_u = B' x_u

    X = D_U^-a R. Column j of B is the exact solution of EASE's regression under the constraint that only `neighbors`
    items may have a weight: those with the largest correlation x_i . x_j / |x_i| with j. With all items it is EASE.
    Memory goes with I x neighbors, for the result and while it is made; time with I x neighbors^3.

    This is the sparse approximation of Markov Random Fields for Collaborative Filtering, Steck, NeurIPS 2019, section
    3.2; https://arxiv.org/abs/1910.09645, with an inverse for every item (r = 0 there; the paper shares one among
    similar items) and a fixed number of neighbors in place of a threshold on correlations. SANSA, Spisak et al.,
    RecSys 2023 (https://doi.org/10.1145/3604915.3608827), goes to the same end by a sparse factor of the whole matrix
    and an approximate inverse of that; here every column is exact within its pattern, and nothing but batches of small
    Cholesky factors is needed.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> SparseEase(l2=1).build(graph, None).scores(torch.tensor([2])).argmax().item()  # user 2 has item 0
    1
    """

    kind: Literal["sparse_ease"] = "sparse_ease"
    neighbors: Annotated[int, Field(ge=1)] = 100
    """Items that may have a weight in an item's regression; above a thousand `ease` is faster, where it fits."""
    l2: Annotated[float, Field(gt=0)] = 20.0
    """Ridge penalty (lambda): less than for `ease`, as there is less to fit with."""
    user_exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Exponent of a user's degree, which divides the user's row in the regression (a)."""

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        return (regression_bytes(sizes, self.neighbors),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        rows = divide_users(graph, self.user_exponent)
        weights = regress_items(rows, self.neighbors, partial(solve_ridge, l2=self.l2))
        return Scorer.from_history(graph, ItemOperator((weights.to(graph.device),)))


def solve_ridge(gram: Tensor, l2: float) -> Tensor:
    """-P_i0 / P_00 with P the inverse of each Gram matrix + l2: [c, n, n] -> [c, n]; the ridge regression of each first
    item on the others. Writes to `gram`.

    >>> solve_ridge(torch.tensor([[[2.0, 1.0], [1.0, 3.0]]]), l2=1.0)[0, 1]  # 1 / (3 + 1)
    tensor(0.2500)
    """
    gram.diagonal(dim1=1, dim2=2).add_(l2)
    first = torch.zeros(*gram.shape[:2], 1)  # [c, n, 1]
    first[:, 0] = 1
    column = torch.cholesky_solve(first, torch.linalg.cholesky(gram)).squeeze(2)  # [c, n] of P
    return -column / column[:, :1]
