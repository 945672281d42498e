"""Margin contrastive: positives together, negatives at least a margin apart."""

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


def margin_contrastive(
    positive: Tensor,
    negatives: Tensor,
    margin: float,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Dimensionality Reduction by Learning an Invariant Mapping, Hadsell et al., CVPR 2006, eq. 4;
    https://doi.org/10.1109/CVPR.2006.100.

    L = mean over anchors u of d_ui^2 / 2 + mean over negatives j of max(0, m - d_uj)^2 / 2,  d = |x - y|

    Args:
        positive: [B] squared distances d_ui^2 to the positives.
        negatives: [B, M] squared distances d_uj^2 to the negatives.
        margin: m, the distance at which a negative is far enough.
        mask: [B, M] True where a negative does not count.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: the paper sums over labeled pairs; here every positive weighs as much as its anchor's negatives
    together. A negative at distance zero has gradient zero, where the paper's direction is undefined.

    >>> import torch
    >>> margin_contrastive(torch.tensor([1.0]), torch.tensor([[0.25, 4.0]]), margin=1.0)  # 1 / 2 + (.125 + 0) / 2
    tensor(0.5625)

    """
    distances = negatives.float().clamp(min=1e-12).sqrt()  # [B, M] the slope of the root is infinite at zero
    return weighted_mean(positive / 2 + masked_mean(functional.relu(margin - distances).square() / 2, mask), weight)


class MarginContrastive(ChunkedLoss):
    """See `margin_contrastive`."""

    kind: Literal["margin_contrastive"] = "margin_contrastive"
    margin: Annotated[float, Field(gt=0)] = 1.0
    """Distance from which on a negative costs nothing."""
    similarity: Literal["cosine", "euclidean"] = "cosine"
    """cosine: distance of the embeddings scaled to length 1, 0 to 2; euclidean: as they are."""

    @override
    def compute(self, pairs: Pairs) -> Tensor:
        positive, negatives = score_pairs(pairs, self.similarity)  # [B], [B, M]
        euclidean = self.similarity == "euclidean"
        squares = (-positive, -negatives) if euclidean else (2 - 2 * positive, 2 - 2 * negatives)  # of unit vectors
        return margin_contrastive(*squares, self.margin, pairs.dense_mask, pairs.weight)
