"""Softmax at K: a user's items against negatives, where those count most that would make the user's top K."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.encoders import Embeddings
from reccl.losses import Pairs
from reccl.losses.similarity import Similarity, normalize_for, score_pairs
from reccl.losses.softmax_at_k import quantile_at_k, softmax_at_k, top_k_by_group
from reccl.negatives import AnyNegatives, Uniform
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View


class SoftmaxAtK(TermSettings):
    """SL@K, see `reccl.losses.softmax_at_k`: the quantile b_u is that of all known positives of a user of the batch and
    of the negatives drawn for the row.

    Where we differ: the quantile is taken anew at every step, from the same negatives as the loss, where the authors
    keep it for 5 to 20 epochs and start from zero.
    """

    kind: Literal["softmax_at_k"] = "softmax_at_k"
    k: Annotated[int, Field(ge=1)] = 20
    """Rank from which on an item does not count for the metric (K)."""
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity in the softmax (tau_d)."""
    weight_temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the distance to rank K in the weight (tau_w); the lower, the sharper the cut."""
    similarity: Similarity = "cosine"
    """Similarity of a user and an item."""
    negatives: AnyNegatives = Uniform(number=1000, shared=True, mask_known=True)
    """Where the negatives come from (the authors: 1,000 uniform ones of each positive). Hide known positives: one that
    counts as a negative may cost so much that a lower weight, a lower score of the positive, pays."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def views(self) -> tuple[AnyView, ...]:
        return (self.view,)

    @override
    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch
        drawn = self.negatives.sample(batch, step.graph, step.generator)
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        negatives = items if drawn.items is batch.item else embeddings.items(drawn.items)  # [M, D] or [B, M, D]
        pairs = self.negatives.select(Pairs(users, items, negatives, drawn.mask))
        positive, others = score_pairs(pairs, self.similarity)  # [B], [B, M]
        quantile = self.quantile(step, embeddings, others, pairs.dense_mask)  # [B]
        return softmax_at_k(positive, others, quantile, self.temperature, self.weight_temperature, pairs.dense_mask)

    @torch.no_grad()
    def quantile(self, step: Step, embeddings: Embeddings, negatives: Tensor, hidden: Tensor | None) -> Tensor:
        """b_u of every row: negatives' scores [B, M], which do not count [B, M] -> [B]."""
        distinct, row = step.batch.user.unique(return_inverse=True)  # [b], [B]
        place, known = step.graph.user_items.gather_pairs(distinct)  # [P], [P]
        items, at = known.unique(return_inverse=True)  # [n], [P]
        x, y = (normalize_for(each, self.similarity) for each in (embeddings.users(distinct), embeddings.items(items)))
        best = top_k_by_group((x[place] * y[at]).sum(1), place, len(distinct), self.k)  # [b, k]
        return quantile_at_k(negatives, best[row], self.k, hidden)
