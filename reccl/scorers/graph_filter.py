"""Graph filter: low-pass filters over the item graph, in closed form."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.svd import decompose_graph, decomposition_bytes, matrix_bytes, normalize_matrix, strength_of_items
from reccl.encoders import Embeddings
from reccl.lazy import sparse, torch
from reccl.memory import Need, Sizes
from reccl.scorers.item_operators import ItemOperator, to_torch_csr
from reccl.scorers.scorer import Scorer, ScorerSettings


class GraphFilter(ScorerSettings):
    """GF-CF: How Powerful is Graph Convolution for Recommendation? Shen et al., CIKM 2021, eq. 12;
    https://arxiv.org/abs/2108.07567. With other exponents the filters of ChebyCF, Kim et al., SIGIR 2025;
    https://arxiv.org/abs/2505.00552.

    s_u = D^a R~'R~ D^-a x_u + weight D^b V V' D^-b x_u,   R~ = D_U^-1/2 R D_I^-1/2

    x_u [I] is the user's row of R, D the item degrees, V [I, rank] the first right singular vectors of R~: a linear
    filter of two hops, plus an ideal low-pass filter. a is `exponent`, 0 in GF-CF; b is `ideal_exponent`, 1/2 in GF-CF;
    in ChebyCF both are .4 on Gowalla. Nothing is trained. The two hops are applied to each chunk of users when they are
    scored, so that no I x I matrix exists.

    ChebyCF's own first filter is a polynomial, see `ChebyshevFilter`.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> GraphFilter(rank=0).build(graph, None).scores(torch.tensor([2])).argsort(descending=True)  # user 2 has item 0
    tensor([[0, 1, 2]])
    """

    kind: Literal["graph_filter"] = "graph_filter"
    rank: Annotated[int, Field(ge=0)] = 256
    """Singular vectors of the ideal low-pass filter; 0 leaves it out."""
    weight: Annotated[float, Field(ge=0)] = 0.3
    """Weight of the ideal low-pass filter (alpha)."""
    exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Exponent of the item degrees around the two hops: a larger one puts popular items first."""
    ideal_exponent: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The same around the ideal low-pass filter."""
    exact: bool = True
    """Exact singular vectors, as published. A randomized SVD is four times faster and mixes in some vectors beyond
    `rank`; on Gowalla, where a higher rank is better, that is better, too."""

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Two hops, two tables and the singular vectors that they come from."""
        rank = self.rank if self.weight else 0
        vectors, working = decomposition_bytes(sizes, rank, exact=self.exact)
        return (Need("", 2 * matrix_bytes(sizes) + sizes.table(rank) + vectors, working, ("rank",)),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        counts = graph.interactions
        normal = normalize_matrix(counts)  # R~
        vectors = decompose_graph(graph, self.rank if self.weight else 0, exact=self.exact).right  # [I, rank]
        degree = strength_of_items(graph)  # [I]
        scale, ideal = degree**self.exponent, degree[:, None] ** self.ideal_exponent  # [I] D^a, [I, 1] D^b
        tables = counts @ (vectors / ideal), self.weight * vectors * ideal  # [U, rank], [I, rank]
        to_users, to_items = normal @ sparse.diags(1 / scale), sparse.diags(scale) @ normal.T  # R~ D^-a, D^a R~'
        hops = ItemOperator(tuple(to_torch_csr(hop.tocsr()).to(graph.device) for hop in (to_users, to_items)))
        users, items = (torch.from_numpy(table).float().to(graph.device) for table in tables)
        return Scorer(users, items, graph.user_items, (hops,))
