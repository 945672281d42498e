"""Personal popularity: what a user had before, most often and most lately first; for purchases that are repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.weights import DAY, OLDEST
from reccl.encoders import Embeddings
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.memory import FLOAT, Need, Sizes
from reccl.scorers.scorer import Scorer, ScorerSettings

if TYPE_CHECKING:
    from torch import Tensor

BELOW = 0.5
"""The most popular item that a user never had, as a share of the least score of an item that somebody had."""


class PersonalPopularity(ScorerSettings):
    """score(u, i) = w_ui^a 2^(-age_ui / half_life) of the items that user u had, and less than any of these for others.

    w_ui is the weight of the user's interactions with the item: their number, where `data.duplicates: count` says so,
    or their sum, and less the older they are with `data.half_life`. age_ui is the time, in days, from the last of them
    to the newest training row. The items that a user never had follow by popularity.

    The baseline of repeat consumption, which few models beat: without a half-life P-TopFreq, and with items by
    popularity behind GP-TopFreq, of Modeling Personalized Item Frequency Information for Next-basket Recommendation, Hu
    et al., SIGIR 2020 (https://arxiv.org/abs/2006.00556); that most of what such models gain is repeats: A Next Basket
    Recommendation Reality Check, Li et al., TOIS 2023 (https://arxiv.org/abs/2109.14233). Where we differ: recency, as
    in the models of reconsumption since Anderson et al., WWW 2014 (https://doi.org/10.1145/2566486.2568018), by a
    half-life. Measure it with `evaluation.hide: none`: otherwise what users had is left out of the lists. In a `blend`
    it is the part for repeats (with `fill: false`), beside parts for what is new.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1], "item": [0, 1, 2], "weight": [1.0, 3.0, 1.0]})
    >>> graph = Graph.from_interactions(rows, 2, 4)
    >>> PersonalPopularity().build(graph, None).scores(torch.tensor([0])).argsort(descending=True)
    tensor([[1, 0, 2, 3]])
    """

    kind: Literal["personal_popularity"] = "personal_popularity"
    exponent: Annotated[float, Field(ge=0, le=2)] = 1.0
    """Exponent of the weight (a): 0 leaves recency alone."""
    half_life: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Days after which an item counts half; empty: recency does not matter. Needs times."""
    fill: bool = True
    """Rank the items that a user never had by popularity, below the others; false leaves them at 0."""

    @override
    def uses_history(self, graph: Graph) -> bool:
        return True

    @override
    def uses_times(self) -> bool:
        return self.half_life is not None

    @override
    def check(self, graph: Graph) -> None:
        if self.half_life is not None and graph.edge_time is None:
            raise TrainingError(
                "scorer 'personal_popularity': half_life needs times, and this data has none: name their column, "
                "data.timestamp=COLUMN, or leave half_life out"
            )

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """A score for each row; and ages and scores in double precision."""
        return (Need("", FLOAT * sizes.interactions + sizes.table(1), 32 * sizes.interactions),)

    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        """See `ScorerSettings.build`. Raises TrainingError for a half-life where there are no times."""
        self.check(graph)
        own = graph.user_items
        score = own.values.double() ** self.exponent  # [E]
        if self.half_life is not None and graph.edge_time is not None and len(graph.edge_time):
            age = (graph.edge_time.max() - graph.edge_time).double()  # [E] seconds
            score = score * 2.0 ** -(age / (DAY * self.half_life)).clamp(max=OLDEST)
        users, items = self.rank_the_others(graph, score)
        return Scorer(users, items, personal=own.with_weights(score.float()))

    def rank_the_others(self, graph: Graph, score: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings [U, D] and [I, D] of items that a user never had: D is 1, or 0 where they stay at 0."""
        components = int(self.fill and len(score) > 0)
        users = torch.ones(graph.num_users, components, device=graph.device)
        popularity = graph.item_strength.double()[:, None]  # [I, 1]
        if not components:
            return users, torch.zeros(graph.num_items, 0, device=graph.device)
        return users, (BELOW * score.min() * popularity / popularity.max()).float()
