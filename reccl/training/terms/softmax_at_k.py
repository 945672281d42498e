"""Softmax at K: a user's items against negatives, weighted by whether they would make the user's top K."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.encoders import Embeddings
from reccl.lazy import no_grad
from reccl.losses import Pairs
from reccl.losses.similarity import Similarity, normalize_for, score_pairs
from reccl.losses.softmax_at_k import quantile_at_k, softmax_at_k, top_k_by_group
from reccl.negatives import AnyNegatives, Uniform
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class SoftmaxAtK(TermSettings):
    """SL@K, see `reccl.losses.softmax_at_k`: the quantile b_u is that of all known positives of a user of the batch
    and of the row's sampled negatives.

    Where we differ: the quantile is computed at every step, from the same negatives as the loss, where the authors
    keep it for 5 to 20 epochs and start from zero.
    """

    takes_weights = True
    kind: Literal["softmax_at_k"] = "softmax_at_k"
    k: Annotated[int, Field(ge=1)] = 20
    """Rank beyond which an item does not count for the metric (K)."""
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity in the softmax (tau_d)."""
    weight_temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the distance to rank K in the weight (tau_w); the lower, the sharper the cut-off."""
    similarity: Similarity = "cosine"
    """Similarity of a user and an item."""
    negatives: AnyNegatives = Uniform(number=1000, shared=True, mask_known=True)
    """Where the negatives come from (the authors: 1,000 uniform ones per positive). Mask known positives: one that
    counts as a negative may cost so much that a lower weight, by a lower score of the positive, reduces the loss."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch
        sample = self.negatives.sample(batch, step.graph, step.generator)
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        negatives = items if sample.items is batch.item else embeddings.items(sample.items)  # [M, D] or [B, M, D]
        pairs = self.negatives.select(Pairs(users, items, negatives, sample.mask))
        positive, others = score_pairs(pairs, self.similarity)  # [B], [B, M]
        quantile = self.compute_quantile(step, embeddings, others, pairs.dense_mask)  # [B]
        settings = self.temperature, self.weight_temperature, pairs.dense_mask, batch.weight
        return softmax_at_k(positive, others, quantile, *settings)

    @no_grad
    def compute_quantile(self, step: Step, embeddings: Embeddings, negatives: Tensor, mask: Tensor | None) -> Tensor:
        """b_u of every row, [B], from the negatives' scores [B, M] and their mask [B, M]."""
        distinct, row = step.batch.user.unique(return_inverse=True)  # [b], [B]
        place, known = step.graph.user_items.gather_pairs(distinct)  # [P], [P]
        items, at = known.unique(return_inverse=True)  # [n], [P]
        x, y = (normalize_for(each, self.similarity) for each in (embeddings.users(distinct), embeddings.items(items)))
        best = top_k_by_group((x[place] * y[at]).sum(1), place, len(distinct), self.k)  # [b, k]
        return quantile_at_k(negatives, best[row], self.k, mask)
