"""Margin contrastive: positives together, negatives at least a margin apart."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn.functional import relu

from reccl.losses.chunks import in_chunks
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.masked_mean import masked_mean
from reccl.losses.similarity import scores


def margin_contrastive(positive: Tensor, negatives: Tensor, margin: float, hidden: Tensor | None = None) -> Tensor:
    """Dimensionality Reduction by Learning an Invariant Mapping, Hadsell et al., CVPR 2006, eq. 4;
    https://doi.org/10.1109/CVPR.2006.100.

    L = mean over anchors u of d_ui^2 / 2 + mean over negatives j of max(0, m - d_uj)^2 / 2,  d = |x - y|

    Args:
        positive: [B] squared distances d_ui^2 to the positives.
        negatives: [B, M] squared distances d_uj^2 to the negatives.
        margin: m, the distance at which a negative is far enough.
        hidden: [B, M] True where a negative does not count.

    Where we differ: the paper sums over labeled pairs; here every positive weighs as much as its anchor's negatives
    together. A negative at distance zero has gradient zero, where the paper's points nowhere.

    """
    apart = negatives.float().clamp(min=1e-12).sqrt()  # [B, M] the root's slope at zero is infinite
    return (positive / 2 + masked_mean(relu(margin - apart).square() / 2, hidden)).mean()


class MarginContrastive(LossSettings):
    """See `margin_contrastive`."""

    kind: Literal["margin_contrastive"] = "margin_contrastive"
    margin: Annotated[float, Field(gt=0)] = 1.0
    """Distance from which on a negative costs nothing."""
    similarity: Literal["cosine", "euclidean"] = "cosine"
    """cosine: distance of the embeddings scaled to length 1, 0 to 2; euclidean: as they are."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """See `LossSettings`; large batches in chunks."""
        return in_chunks(self.mean, pairs)

    def mean(self, pairs: Pairs) -> Tensor:
        """All at once."""
        near, far = scores(pairs, self.similarity)  # [B], [B, M]
        if self.similarity == "euclidean":
            return margin_contrastive(-near, -far, self.margin, pairs.hidden)
        return margin_contrastive(2 - 2 * near, 2 - 2 * far, self.margin, pairs.hidden)  # of unit vectors
