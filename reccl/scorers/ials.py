"""iALS: matrix factorization by alternating least squares over all pairs, in closed-form sweeps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.memory import Need, Sizes
from reccl.scorers.least_squares import BLOCK, solve_rows
from reccl.scorers.scorer import Scorer, ScorerSettings


class Ials(ScorerSettings):
    """Revisiting the Performance of iALS on Item Recommendation Benchmarks, Rendle et al., RecSys 2022, eq. 1 to 5;
    https://arxiv.org/abs/2110.14037. The model is that of Hu, Koren and Volinsky, ICDM 2008.

    min  sum_(u,i) w_ui (1 - e_u . e_i)^2 + a sum_u sum_i (e_u . e_i)^2
         + l2 [ sum_u (d_u + a I)^v |e_u|^2 + sum_i (d_i + a U)^v |e_i|^2 ],    s_u = E_I e_u

    with the first sum over the training interactions, w_ui their weights or 1, d_u and d_i the sums of the weights, a
    the `unobserved` weight and v the `exponent` of the penalty by frequency: v = 1 is the penalty of every term of the
    two sums, v = 0 the same for everybody. A sweep solves for all users, then for all items, each exactly, by Cholesky
    factors of [D, D] systems. After the last sweep the users are solved once more, so that they are the best for the
    items as they are. Item vectors start as N(0, `deviation`^2 / D), the users need no start.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> Ials(dimension=2).build(graph, None).scores(torch.tensor([2])).argsort(descending=True)  # user 2 has item 0
    tensor([[0, 1, 2]])
    """

    kind: Literal["ials"] = "ials"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of a vector (D): the more the better, up to a thousand and more."""
    l2: Annotated[float, Field(gt=0)] = 0.003
    """Penalty (lambda)."""
    exponent: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How much of the penalty goes by frequency (nu)."""
    unobserved: Annotated[float, Field(gt=0)] = 0.1
    """Weight of all pairs against an interaction's (alpha 0)."""
    sweeps: Annotated[int, Field(ge=1)] = 16
    """Times that users and items are solved for."""
    deviation: Annotated[float, Field(gt=0)] = 0.1
    """Standard deviation of an item's first vector times D^1/2 (sigma)."""
    seed: int = 0
    """Seed of the first item vectors; `--seeds` varies `seed` of the config, not this one."""
    max_items: Annotated[int | None, Field(ge=1)] = None
    """Largest catalog that it is fitted to; a blend leaves it out beyond. None: any."""

    @override
    def fits(self, graph: Graph | Sizes) -> bool:
        return self.max_items is None or graph.num_items <= self.max_items

    @override
    def check(self, graph: Graph) -> None:
        if not self.fits(graph):
            raise TrainingError(
                f"scorer 'ials' is for up to {self.max_items:,} items (max_items), and there are {graph.num_items:,}"
            )

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Vectors of both sides; and those of the last sweep, and the systems that are solved at a time."""
        if not self.fits(sizes):
            return ()
        return (Need("", sizes.table(self.dimension), 2 * sizes.table(self.dimension) + 16 * BLOCK, ("dimension",)),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        self.check(graph)
        generator = torch.Generator().manual_seed(self.seed)
        first = torch.randn(graph.num_items, self.dimension, generator=generator)
        items = (first * (self.deviation / self.dimension**0.5)).to(graph.device)  # [I, D]
        weight = graph.edge_weight
        of_users = graph.user_items
        of_items = graph.item_users if weight is None else graph.item_users.with_weights(weight[graph.item_order])
        user_l2, item_l2 = (
            self.l2 * (strength.float() + self.unobserved * others) ** self.exponent  # [U], [I]
            for strength, others in ((graph.user_strength, graph.num_items), (graph.item_strength, graph.num_users))
        )
        for _ in range(self.sweeps):
            users = solve_rows(of_users, items, self.unobserved, user_l2)  # [U, D]
            items = solve_rows(of_items, users, self.unobserved, item_l2)
        return Scorer(solve_rows(of_users, items, self.unobserved, user_l2), items)
