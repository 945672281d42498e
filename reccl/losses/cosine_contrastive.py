"""Cosine contrastive: positives towards cosine 1, and only those negatives count that come nearer than a margin."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn.functional import relu

from reccl.losses.chunks import in_chunks
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.masked_mean import masked_mean
from reccl.losses.similarity import scores


def cosine_contrastive(
    positive: Tensor, negatives: Tensor, margin: float, weight: float, hidden: Tensor | None = None
) -> Tensor:
    """CCL of SimpleX, Mao et al., CIKM 2021; https://arxiv.org/abs/2109.12613.

    L = mean over anchors u of (1 - s_ui) + w * mean over negatives j of max(0, s_uj - m),  s = cosine

    Args:
        positive: [B] cosines s_ui of the positives.
        negatives: [B, M] cosines s_uj of the negatives.
        margin: m, below which a negative is far enough.
        weight: w of the negatives' side.
        hidden: [B, M] True where a negative does not count.

    Where we differ: nowhere; the mean is over the negatives that are not hidden.

    """
    return (1 - positive + weight * masked_mean(relu(negatives - margin), hidden)).mean()


class CosineContrastive(LossSettings):
    """See `cosine_contrastive`. SimpleX draws 1,000 to 2,000 uniform negatives; margin .9 and weight 150 on Yelp2018,
    .9 and 250 on Gowalla, .4 and 300 on Amazon-Book, .9 and 10 on MovieLens-1M.
    """

    kind: Literal["cosine_contrastive"] = "cosine_contrastive"
    margin: Annotated[float, Field(ge=-1, le=1)] = 0.9
    """Cosine below which a negative costs nothing."""
    negative_weight: Annotated[float, Field(gt=0)] = 150.0
    """Weight of the negatives' mean beside the positive."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """See `LossSettings`; large batches in chunks."""
        return in_chunks(self.mean, pairs)

    def mean(self, pairs: Pairs) -> Tensor:
        """All at once."""
        return cosine_contrastive(*scores(pairs, "cosine"), self.margin, self.negative_weight, pairs.hidden)
