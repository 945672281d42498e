"""SLIM: sparse, non-negative weights between items by an elastic net."""

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


class Slim(ScorerSettings):
    """SLIM: Sparse Linear Methods for Top-N Recommender Systems, Ning and Karypis, ICDM 2011, eq. 3 and 4;
    https://doi.org/10.1109/ICDM.2011.134.

    w_j = argmin over w >= 0, w_j = 0 of  1/2 |r_j - R w|^2 + l2/2 |w|^2 + l1 |w|_1,   s_uj = x_u . w_j

    with r_j [U] the column of item j in R, binary or of the weights. As in the paper's fsSLIM (section IV-C) only the
    `neighbors` nearest items of j may have a weight, here those of the largest correlation r_i . r_j / |r_i|; where
    these are all others, it is SLIM. Solved by coordinate descent (Friedman et al., Journal of Statistical Software
    2010; https://doi.org/10.18637/jss.v033.i01) for many items at once.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> Slim(l1=1, l2=1).build(graph, None).scores(torch.tensor([2]))  # user 2 has item 0: (2 - 1) / (3 + 1)
    tensor([[0.0000, 0.2500, 0.0000]])
    """

    kind: Literal["slim"] = "slim"
    neighbors: Annotated[int, Field(ge=1)] = 200
    """Items that may have a weight in an item's regression."""
    l1: Annotated[float, Field(ge=0)] = 1.0
    """Penalty that makes weights 0 (lambda)."""
    l2: Annotated[float, Field(gt=0)] = 20.0
    """Ridge penalty (beta)."""
    sweeps: Annotated[int, Field(ge=1)] = 100
    """Most rounds of coordinate descent."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-3
    """Rounds end when no weight of some items has changed by more than this in one."""

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        return (regression_bytes(sizes, self.neighbors),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        solve = partial(solve_elastic_net, l1=self.l1, l2=self.l2, sweeps=self.sweeps, tolerance=self.tolerance)
        weights = regress_items(divide_users(graph, 0), self.neighbors, solve)
        return Scorer.from_history(graph, ItemOperator((weights.to(graph.device),)))


def solve_elastic_net(gram: Tensor, l1: float, l2: float, sweeps: int, tolerance: float) -> Tensor:
    """Non-negative elastic nets of each first item on the others, from Gram matrices: [c, n, n] -> [c, n].

    >>> gram = torch.tensor([[[2.0, 1.5], [1.5, 3.0]]])
    >>> solve_elastic_net(gram, l1=0.5, l2=1.0, sweeps=5, tolerance=0)[0, 1]  # (1.5 - .5) / (3 + 1)
    tensor(0.2500)
    """
    weights = torch.zeros(gram.shape[:2])  # [c, n]
    for _ in range(sweeps):
        before = weights.clone()
        for place in range(1, gram.shape[1]):
            row, own = gram[:, place], gram[:, place, place]  # [c, n], [c]
            rest = row[:, 0] - (row * weights).sum(1) + own * weights[:, place]  # what the others leave of it
            weights[:, place] = (rest - l1).clamp(min=0) / (own + l2)
        if (weights - before).abs().max() <= tolerance:
            break
    return weights
