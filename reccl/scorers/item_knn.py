"""Item-kNN: items that are similar to those the user has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.lazy import np, torch
from reccl.memory import Need, Sizes
from reccl.scorers.item_operators import ItemOperator
from reccl.scorers.nearest_items import keep_nearest, nearest_bytes
from reccl.scorers.scorer import Scorer, ScorerSettings

if TYPE_CHECKING:
    from torch import Tensor


class ItemKnn(ScorerSettings):
    """Item-based top-N recommendation, Deshpande and Karypis, TOIS 2004, with shrunk cosine:

    sim(i, j) = |U_i and U_j| / (|U_i|^1/2 |U_j|^1/2 + shrink),  s_ui = sum over the user's items j of sim(i, j),
    where each item keeps only its `neighbors` most similar items: each j that a user has, as in the paper, or each
    candidate i, as in most libraries since Sarwar et al., WWW 2001 (`kept_by`).

    With weights w_ui, |U_i and U_j| is the sum of w_ui w_uj over users, and |U_i| that of w_ui^2: their cosine.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> ItemKnn(shrink=0).build(graph, None).scores(torch.tensor([2]))  # user 2 has item 0: |U_0 and U_1| / 6^1/2
    tensor([[0.0000, 0.8165, 0.0000]])
    """

    kind: Literal["item_knn"] = "item_knn"
    neighbors: Annotated[int, Field(ge=1)] = 100
    """Most similar items that an item keeps."""
    shrink: Annotated[float, Field(ge=0)] = 10.0
    """Shrinks similarities that are based on few users towards zero."""
    kept_by: Literal["history", "candidate"] = "history"
    """Which item keeps its nearest: the one a user has (history), which few popular items are near to, or the one that
    is scored (candidate), so that every item is near to as many."""

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        return (nearest_bytes(sizes, self.neighbors),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        counts = graph.interactions
        squares = np.asarray(counts.multiply(counts).sum(0)).ravel()  # [I] the degrees, where there are no weights
        length, by_item = torch.from_numpy(squares).float().sqrt(), counts.T.tocsr()

        def cosines(own: slice) -> Tensor:
            common = torch.from_numpy((by_item[own] @ counts).toarray())  # [c, I] common users
            return common / (length[own, None] * length + self.shrink).clamp(min=1e-9)

        weights = keep_nearest(cosines, graph.num_items, self.neighbors, by_candidate=self.kept_by == "candidate")
        return Scorer.from_history(graph, ItemOperator((weights.to(graph.device),)))
