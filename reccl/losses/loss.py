"""Loss: what every loss of a room of pure functions looks like from the outside."""

from dataclasses import dataclass

from torch import Tensor

from reccl.settings import Settings


@dataclass(frozen=True)
class Pairs:
    """What a loss sees: anchors, their positives, and candidates that are to score below the positives."""

    anchor: Tensor  # [B, D]
    positive: Tensor  # [B, D]
    negatives: Tensor  # [M, D] shared by all anchors, or [B, M, D] of each anchor
    hidden: Tensor | None = None  # [B, M] True where a negative is none (the positive itself, a duplicate of it)
    positive_log_q: Tensor | None = None  # [B] log of the probability with which the positive is drawn
    negative_log_q: Tensor | None = None  # [M] or [B, M] the same for the negatives


class LossSettings(Settings):
    """The config of a loss."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """A scalar, averaged over anchors."""
        raise NotImplementedError
