"""Graph filter: low-pass filters over the item graph, in closed form."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from scipy.sparse import diags
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.svd import decompose_graph, normalize_matrix
from reccl.encoders import Embeddings
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
    """

    kind: Literal["graph_filter"] = "graph_filter"
    rank: Annotated[int, Field(ge=0)] = 256
    """Singular vectors of the ideal low-pass filter; 0 leaves it out."""
    weight: Annotated[float, Field(ge=0)] = 0.3
    """Weight of the ideal low-pass filter (alpha)."""
    exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Exponent of the item degrees around the two hops: more puts popular items first."""
    ideal_exponent: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The same around the ideal low-pass filter."""
    exact: bool = True
    """Exact singular vectors, as published. A randomized SVD is four times faster and mixes in some of the directions
    beyond `rank`; on Gowalla, where a higher rank is better, so is that."""

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        counts = graph.interactions
        normal = normalize_matrix(counts)  # R~
        vectors = decompose_graph(graph, self.rank if self.weight else 0, exact=self.exact).right  # [I, rank]
        degree = graph.item_degree.clamp(min=1).double().cpu().numpy()  # [I]
        around, ideal = (degree[:, None] ** exponent for exponent in (self.exponent, self.ideal_exponent))
        tables = counts @ (vectors / ideal), self.weight * vectors * ideal  # [U, rank], [I, rank]
        into, out = normal @ diags(1 / around.ravel()), diags(around.ravel()) @ normal.T  # R~ D^-a, D^a R~'
        hops = ItemOperator(tuple(to_torch_csr(hop.tocsr()).to(graph.device) for hop in (into, out)))
        users, items = (torch.from_numpy(table).float().to(graph.device) for table in tables)
        return Scorer(users, items, graph.user_items, (hops,))
