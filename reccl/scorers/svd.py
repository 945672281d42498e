"""SVD: the user's items projected on the first singular vectors, in closed form."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.svd import Table, decompose_graph, decomposition_bytes, strength_of_items
from reccl.encoders import Embeddings
from reccl.lazy import np, torch
from reccl.memory import Need, Sizes
from reccl.scorers.scorer import Scorer, ScorerSettings


class Svd(ScorerSettings):
    """PureSVD, Cremonesi et al., RecSys 2010: s_u = x_u V V', V [I, dimension] the first right singular vectors.

    With `normalize` they are those of D_U^-1/2 R D_I^-1/2 instead of R, so that popular items do not dominate the first
    vectors, and popularity is restored at the end: s_u = x_u D^-b V V' D^b, with b 1/2 the ideal low-pass filter of
    GF-CF. With a `cutoff`, vectors are not kept or dropped but weighted by their singular values s_k:

    s_u = x_u D^-b V diag(f) V' D^b,   f_k = 1 / (1 + (cutoff e / s_k)^(2 order)),   e = d_U^-1/2 + d_I^-1/2

    d_U and d_I are the mean degrees of users and items, and e is about the largest singular value (after the trivial
    first one) that chance alone gives a matrix with so many interactions, the edge of its bulk (Bai and Yin, Annals of
    Probability 1993; https://doi.org/10.1214/aop/1176989118): what is larger is taste, what is smaller is mostly
    noise. A cutoff of .9 is the best on validation rows of MovieLens-100K and of ML-1M m1, whose best numbers of
    vectors are far apart (50, 100). It is the ridge (Tikhonov) filter where the order is 1, and a hard cut where it is
    infinite (a Butterworth filter of the item graph). What lies beyond `dimension` is left out.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> Svd(dimension=1).build(graph, None).scores(torch.tensor([2])).argsort(descending=True)  # user 2 has item 0
    tensor([[0, 1, 2]])
    """

    kind: Literal["svd"] = "svd"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Singular vectors (k)."""
    normalize: bool = True
    """Decompose the normalized matrix."""
    exponent: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Exponent of the item degrees that are restored (b), where the matrix is normalized."""
    cutoff: Annotated[float, Field(gt=0)] | None = None
    """Singular value whose vector has weight 1/2, in units of what chance alone gives (about 0.9, with a `dimension`
    well beyond); for normalized matrices; empty: all vectors have weight 1."""
    order: Annotated[float, Field(gt=0)] = 2.0
    """How steeply weights fall around the cutoff."""
    exact: bool = True
    """Exact singular vectors; a randomized decomposition is faster where there are hundreds."""

    @model_validator(mode="after")
    def _of_normalized(self) -> Self:
        """Chance is known for normalized matrices only."""
        if self.cutoff and not self.normalize:
            raise ValueError("cutoff is for normalize=true: what chance alone gives is known for the normalized matrix")
        return self

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Two tables, and the singular vectors that they come from; both in double precision where they are exact."""
        vectors, working = decomposition_bytes(sizes, self.dimension, exact=self.exact)
        return (Need("", sizes.table(min(self.dimension, sizes.num_items)) + vectors, working, ("dimension",)),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        found = decompose_graph(graph, self.dimension, normalize=self.normalize, exact=self.exact)
        degree = strength_of_items(graph)  # [I]
        around = degree[:, None] ** (self.exponent if self.normalize else 0.0)  # [I, 1] D^b
        rows = graph.interactions @ (found.right / around) * self.vector_weights(found.values, graph)  # [U, D]
        users, items = (torch.from_numpy(table).float().to(graph.device) for table in (rows, found.right * around))
        return Scorer(users, items)

    def vector_weights(self, values: Table, graph: Graph) -> Table:
        """The weight of each vector by its singular value: [D] -> f [D]."""
        if self.cutoff is None:
            return np.ones_like(values)
        half = self.cutoff * chance_singular_value(graph)
        power = 2 * self.order
        share: Table = values**power / (values**power + half**power)
        return share


def chance_singular_value(graph: Graph) -> float:
    """About the largest non-trivial singular value of a normalized matrix of as many random interactions (e).

    Where they have weights, of as many as have their spread: Kish's effective number, (sum w)^2 / sum w^2.
    """
    interactions = float(max(1, len(graph.user)))
    if graph.edge_weight is not None:
        weight = graph.edge_weight.double()
        interactions = float(weight.sum() ** 2 / weight.square().sum())
    users, items = (int((degree > 0).sum()) for degree in (graph.user_degree, graph.item_degree))
    return float((users / interactions) ** 0.5 + (items / interactions) ** 0.5) or 1.0
