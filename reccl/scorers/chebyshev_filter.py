"""Chebyshev filter: a flexible polynomial low-pass filter over the item graph, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.svd import matrix_bytes, normalize_matrix, strength_of_items
from reccl.encoders import Embeddings
from reccl.lazy import np, sparse
from reccl.memory import Need, Sizes
from reccl.scorers.graph_filter import GraphFilter
from reccl.scorers.item_operators import ItemOperator, to_torch_csr
from reccl.scorers.scorer import Scorer, ScorerSettings

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class ChebyshevFilter(ScorerSettings):
    """ChebyCF: Graph Spectral Filtering with Chebyshev Interpolation for Recommendation, Kim et al., SIGIR 2025;
    https://arxiv.org/abs/2505.00552, https://github.com/chanwoo0806/ChebyCF.

    s_u = D^b [ h(A) + weight V V' ] D^-b x_u,   A = R~'R~,   R~ = D_U^-1/2 R D_I^-1/2

    h is the polynomial of degree `order` in A's eigenvalues z that interpolates a plateau: with x = 1 - 2 z,
    (1 + |x|^flatness) / 2 where x < 0 and (1 - x^flatness) / 2 elsewhere; V [I, rank] are the first right singular
    vectors of R~, D the item degrees.

    As in the authors' code, from which the published figures come, the plateau is evaluated at x_i = -cos(pi i / order)
    and its values are assigned to the Chebyshev nodes, which lie a little further in. Where we differ: the polynomial's
    constant is left out, which changes the scores of a user's own items alone. Computed by Horner's rule, in 2 order
    sparse products of blocks, so ranking takes `order` times as long as with `graph_filter`.

    >>> import polars as pl, torch
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> scores = ChebyshevFilter(order=2, rank=1).build(graph, None).scores(torch.tensor([2]))
    >>> scores.shape
    torch.Size([1, 3])
    """

    kind: Literal["chebyshev_filter"] = "chebyshev_filter"
    order: Annotated[int, Field(ge=1, le=16)] = 8
    """Degree of the polynomial (K)."""
    flatness: Annotated[float, Field(gt=0)] = 1.5
    """How flat the plateau is (phi): Gowalla 1.5, Amazon-Book 10."""
    rank: Annotated[int, Field(ge=0)] = 512
    """Singular vectors of the ideal low-pass filter (eta); 0 leaves it out."""
    weight: Annotated[float, Field(ge=0)] = 0.2
    """Weight of the ideal low-pass filter (alpha)."""
    exponent: Annotated[float, Field(ge=0, le=1)] = 0.4
    """Exponent of the item degrees around both filters (beta): Gowalla 0.4, Amazon-Book 0."""
    exact: bool = True
    """Exact singular vectors; a randomized decomposition is faster."""

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """The ideal filter, and beside it hops of twice as many matrices as the polynomial's degree."""
        (ideal,) = GraphFilter(rank=self.rank, weight=self.weight, exact=self.exact).memory(sizes)
        hops = 2 * self.order * matrix_bytes(sizes)
        return (Need("", ideal.held + hops, ideal.working + 2 * matrix_bytes(sizes), ("rank", "order")),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        shared = {"rank": self.rank, "weight": self.weight, "exact": self.exact}
        ideal = GraphFilter(**shared, exponent=self.exponent, ideal_exponent=self.exponent).build(graph, None)
        scale = strength_of_items(graph) ** self.exponent  # [I] D^b
        hops = horner_hops(normalize_matrix(graph.interactions), plateau_coefficients(self.order, self.flatness), scale)
        operator = ItemOperator(tuple(to_torch_csr(hop).to(graph.device) for hop in hops))
        return Scorer(ideal.user_embeddings, ideal.item_embeddings, graph.user_items, (operator,))


def plateau_coefficients(order: int, flatness: float) -> np.ndarray[Any, Any]:
    """Coefficients a_0 .. a_order of the polynomial h(z) = sum a_k z^k."""
    points = -np.cos(np.pi * np.arange(order + 1) / order)  # [order + 1] ascending, -1 .. 1
    values = 0.5 - 0.5 * np.sign(points) * np.abs(points) ** flatness
    nodes = -np.cos(np.pi * (np.arange(order + 1) + 0.5) / (order + 1))  # ascending
    series = np.polynomial.chebyshev.chebfit(nodes, values, order)
    curve = np.polynomial.Chebyshev(series, domain=[0, 1], window=[1, -1])
    return np.asarray(curve.convert(kind=np.polynomial.Polynomial).coef)


def horner_hops(normal: csr_matrix, a: np.ndarray[Any, Any], scale: np.ndarray[Any, Any]) -> list[csr_matrix]:
    """The matrices of D^b R~' ( a_1 + B (a_2 + B (.. a_K)) ) R~ D^-b, B = R~R~', which is D^b (h(A) - a_0) D^-b.

    Its state is [y ; r], both [U, b]: r = R~ D^-b x is carried along, y starts as a_K r and becomes B y + a_k r.
    """
    users = normal.shape[0]
    one, to_users = sparse.identity(users), normal @ sparse.diags(1 / scale)
    hops = [sparse.bmat([[a[-1] * to_users], [to_users]])]  # [2U, I]
    for coefficient in a[-2:0:-1]:
        hops.append(sparse.bmat([[normal.T, None], [None, one]]))  # [I + U, 2U]
        hops.append(sparse.bmat([[normal, coefficient * one], [None, one]]))  # [2U, I + U]
    hops.append(sparse.bmat([[sparse.diags(scale) @ normal.T, sparse.csr_matrix((normal.shape[1], users))]]))  # [I, 2U]
    return [matrix.tocsr() for matrix in hops]
