"""EASE: an item-item matrix by ridge regression, in closed form."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.memory import FLOAT, Need, Sizes
from reccl.scorers.item_neighborhoods import divide_users, gram_bytes
from reccl.scorers.item_operators import ItemOperator
from reccl.scorers.scorer import Scorer, ScorerSettings


class Ease(ScorerSettings):
    """Embarrassingly Shallow Autoencoders for Sparse Data, Steck, WWW 2019, eq. 8; https://arxiv.org/abs/1905.03375.

    P = (R'D_U^-2a R + l2 I)^-1,  B_ij = -P_ij / P_jj, B_jj = 0,  s_u = B' x_u

    R [U, I] is the training matrix, binary or of the weights, D_U the users' degrees (the sums of its rows). In the
    paper a, the `user_exponent`, is 0: every interaction has the same weight in the regression. With 1/2 every user has
    the same weight, so that a few long histories do not dominate (as in the normalized graphs of GF-CF, and in DAN,
    Park et al., SIGIR 2025; https://arxiv.org/abs/2504.05805, which also normalizes items). Needs two dense I x I
    matrices at a time; see `SparseEase` for large catalogs.

    With `dropout` p it is EDLAE (Steck, NeurIPS 2020, "Autoencoders that don't overfit towards the identity", with all
    emphasis on what is dropped out): beside l2 I stands p / (1 - p) diag(R'D_U^-2a R), which is what dropping a share p
    of every user's items comes to on average, and holds popular items back more.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> Ease(l2=1).build(graph, None).scores(torch.tensor([2])).argmax().item()  # user 2 has item 0, others 0 and 1
    1
    """

    kind: Literal["ease"] = "ease"
    l2: Annotated[float, Field(gt=0)] = 200.0
    """Ridge penalty (lambda): a few hundred for a thousand items, more for denser data; a few with exponent 0.5."""
    user_exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Exponent of a user's degree, which divides the user's row in the regression (a)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of a user's items that the regression is to do without (p); 0: EASE."""
    max_items: Annotated[int, Field(ge=1)] = 30_000
    """Largest catalog that it is computed for (30,000: 7 to 10 GiB; 10,000: 1 GiB); a blend leaves it out beyond."""

    @override
    def fits(self, graph: Graph | Sizes) -> bool:
        return graph.num_items <= self.max_items

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """The dense item-item matrix; beside it first the sparse inner products, then one more of its size."""
        if not self.fits(sizes):
            return ()
        square = FLOAT * sizes.num_items**2
        return (Need("", square, max(gram_bytes(sizes), square), ("max_items",)),)

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def check(self, graph: Graph) -> None:
        if not self.fits(graph):
            raise TrainingError(
                f"scorer 'ease' is for up to {self.max_items:,} items (max_items), and there are {graph.num_items:,}; "
                "use sparse_ease"
            )

    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        """See `ScorerSettings.build`. Raises TrainingError where the catalog is too large for a dense matrix."""
        self.check(graph)
        rows = divide_users(graph, self.user_exponent)
        gram = torch.from_numpy((rows.T @ rows).toarray()).to(graph.device)  # [I, I]
        gram.diagonal().mul_(1 + self.dropout / (1 - self.dropout)).add_(self.l2)
        factor = torch.linalg.cholesky(gram)  # [I, I]
        del gram
        weights = torch.cholesky_inverse(factor)  # [I, I] P
        del factor
        weights.neg_().div_(weights.diagonal().neg())  # [I, I] B: column j over P_jj
        weights.fill_diagonal_(0)
        return Scorer.from_history(graph, ItemOperator((weights.T.contiguous(),)))
