"""Loss: the interface of all losses, and the pairs that they are computed on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from reccl.lazy import torch
from reccl.losses.masks import IdMask, Mask, to_dense
from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """What a loss sees: anchors, their positives, and negatives that should score below the positives."""

    anchor: Tensor  # [B, D]
    positive: Tensor  # [B, D]
    negatives: Tensor  # [M, D] shared by all anchors, or [B, M, D] of each anchor
    mask: Mask = None  # [B, M] True where a negative does not count
    positive_log_q: Tensor | None = None  # [B] log of the probability that the positive is sampled
    negative_log_q: Tensor | None = None  # [M] or [B, M] the same for the negatives
    temperature: Tensor | None = None  # [] or [B], in place of the loss's own temperature
    group: Tensor | None = None  # [B] id of each anchor's node: anchors of one id share their positives
    weight: Tensor | None = None  # [B] how much each anchor counts in the mean; None: all alike

    @property
    def dense_mask(self) -> Tensor | None:
        """[B, M] True where a negative does not count; None: all count."""
        return to_dense(self.mask)

    @property
    def num_logits(self) -> int:
        """B x M."""
        return len(self.anchor) * self.negatives.shape[-2]

    def select_anchors(self, rows: slice) -> Pairs:
        """The pairs of some of the anchors."""
        mask, log_q, temperature = self.mask, self.negative_log_q, self.temperature
        return Pairs(
            self.anchor[rows],
            self.positive[rows],
            self.negatives if self.negatives.dim() == 2 else self.negatives[rows],
            mask.select_anchors(rows) if isinstance(mask, IdMask) else None if mask is None else mask[rows],
            None if self.positive_log_q is None else self.positive_log_q[rows],
            log_q if log_q is None or log_q.dim() == 1 else log_q[rows],
            temperature if temperature is None or temperature.dim() == 0 else temperature[rows],
            None if self.group is None else self.group[rows],
            None if self.weight is None else self.weight[rows],
        )

    def select_negatives(self, place: Tensor) -> Pairs:
        """The pairs with k of each anchor's M negatives, those at `place` [B, k]."""
        mask, log_q = self.dense_mask, self.negative_log_q
        own = torch.arange(len(place), device=place.device)[:, None]  # [B, 1]
        return replace(
            self,
            negatives=self.negatives[place] if self.negatives.dim() == 2 else self.negatives[own, place],
            mask=None if mask is None else mask.gather(1, place),
            negative_log_q=None if log_q is None else log_q[place] if log_q.dim() == 1 else log_q.gather(1, place),
        )

    def without_negatives(self) -> Pairs:
        """The anchors and positives with M = 0 negatives."""
        log_q = None if self.positive_log_q is None else self.positive_log_q[:0]
        return replace(self, negatives=self.positive[:0], mask=None, negative_log_q=log_q)


class LossSettings(Settings):
    """The config of a loss, and the loss itself: call it on `Pairs`.

    >>> from reccl.losses import InfoNCE
    >>> users, items = torch.eye(3, 4), torch.eye(3, 4)  # [B, D]; the other rows' items are the negatives
    >>> pairs = Pairs(users, items, items, mask=torch.eye(3, dtype=torch.bool))
    >>> InfoNCE(temperature=0.5)(pairs)
    tensor(0.2395)
    """

    takes_temperature: ClassVar[bool] = False
    """Whether the loss divides by `Pairs.temperature` where there is one."""
    takes_weights: ClassVar[bool] = False
    """Whether the loss weighs anchors by `Pairs.weight` where there is one."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """The mean over anchors, by their weights where they have some; a scalar."""
        raise NotImplementedError

    def logit_bytes(self, anchors: int, candidates: int) -> int:
        """Bytes of the similarities of so many anchors to so many candidates, with their exponentials, gradients and
        masks.
        """
        return 16 * anchors * candidates

    def count(self, pairs: Pairs) -> float | Tensor | None:
        """What the mean divides by: the loss of some anchors and the loss of the others have their mean by these
        numbers as the loss of all. None: it is no such mean, and needs all anchors at once.
        """
        return None


def part_of_loss(loss: LossSettings, pairs: Pairs, own: slice) -> Tensor | None:
    """What some of the anchors add to the loss of all, with a gradient for all: the parts of all anchors sum up to it.

    None where the loss needs all anchors at once.

    >>> from reccl.losses import InfoNCE
    >>> pairs = Pairs(torch.eye(3), torch.eye(3), torch.eye(3), mask=torch.eye(3, dtype=torch.bool))
    >>> loss = InfoNCE()
    >>> parts = part_of_loss(loss, pairs, slice(0, 1)), part_of_loss(loss, pairs, slice(1, 3))
    >>> torch.allclose(sum(parts), loss(pairs))
    True
    """
    whole = loss.count(pairs)
    if whole is None:
        return None
    part = pairs.select_anchors(own)
    if len(part.anchor) == 0:
        given = pairs.anchor, pairs.positive, pairs.negatives, pairs.temperature
        return torch.stack([0 * x.sum() for x in given if x is not None]).sum()
    count = loss.count(part)
    assert count is not None
    return loss(part) * (count / whole)
