"""Cosine contrastive: positives towards cosine 1; only negatives above a margin count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import functional
from reccl.losses.chunks import ChunkedLoss
from reccl.losses.loss import Pairs
from reccl.losses.masked_mean import masked_mean
from reccl.losses.similarity import score_pairs
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def cosine_contrastive(
    positive: Tensor,
    negatives: Tensor,
    margin: float,
    negative_weight: float,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """CCL of SimpleX, Mao et al., CIKM 2021; https://arxiv.org/abs/2109.12613.

    L = mean over anchors u of (1 - s_ui) + w * mean over negatives j of max(0, s_uj - m),  s = cosine

    Args:
        positive: [B] cosines s_ui of the positives.
        negatives: [B, M] cosines s_uj of the negatives.
        margin: m, below which a negative is far enough.
        negative_weight: w of the negatives' side.
        mask: [B, M] True where a negative does not count.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: nowhere; the mean is over the negatives that are not masked.

    >>> import torch
    >>> cosine_contrastive(torch.tensor([0.9]), torch.tensor([[0.5, 0.1]]), margin=0.4, negative_weight=2.0)
    tensor(0.2000)

    """
    return weighted_mean(
        1 - positive + negative_weight * masked_mean(functional.relu(negatives - margin), mask), weight
    )


class CosineContrastive(ChunkedLoss):
    """See `cosine_contrastive`. SimpleX samples 1,000 to 2,000 uniform negatives; margin .9 and weight 150 on Yelp2018,
    .9 and 250 on Gowalla, .4 and 300 on Amazon-Book, .9 and 10 on MovieLens-1M.
    """

    kind: Literal["cosine_contrastive"] = "cosine_contrastive"
    margin: Annotated[float, Field(ge=-1, le=1)] = 0.9
    """Cosine below which a negative costs nothing."""
    negative_weight: Annotated[float, Field(gt=0)] = 150.0
    """Weight of the negatives' mean relative to the positive."""

    @override
    def compute(self, pairs: Pairs) -> Tensor:
        scores, settings = score_pairs(pairs, "cosine"), (self.margin, self.negative_weight)
        return cosine_contrastive(*scores, *settings, pairs.dense_mask, pairs.weight)
