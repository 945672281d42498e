"""Rerank: greedy choice of a list from a pool, against sameness; see `reccl.recommend.rules.diversity`."""

import torch
from torch import Tensor

from reccl.data.labels import Labels
from reccl.data.user_items import UserItemCSR
from reccl.recommend.rules.at_most import Caps, Room

SMOOTHING = 0.01
"""Share of the past in the list's distribution, so that the divergence is finite (alpha of Steck, 2018)."""


def rerank_mmr(
    items: Tensor, best: Tensor, k: int, weight: float, labels: Labels | None, vectors: Tensor | None, caps: Caps = ()
) -> Tensor:
    """Places of the chosen ones in the pool, in their order: items [b, p], scores [b, p] -> [b, k].

    The last place of the pool is an empty one, with item -1. Items are alike by the cosine of their `labels`, or of
    their `vectors` ([I, D], of length one).
    """
    relevance, room = scale(best), Room(len(items), caps)
    of_pool = describe(items.clamp(min=0), labels, vectors)  # [b, p, D]
    closest = torch.zeros_like(relevance)  # [b, p] the largest similarity to the list so far
    left, order, every = items >= 0, [], torch.arange(len(items))
    for place in range(k):
        gain = (1 - weight) * relevance - weight * (closest if place else 0.0)
        taken = pick(gain, left, room, items)  # [b]
        order.append(taken)
        alike = (of_pool @ of_pool[every, taken][:, :, None]).squeeze(2)  # [b, p]
        closest = torch.maximum(closest, alike) if place else alike
    return torch.stack(order, 1)


def rerank_calibrated(
    items: Tensor, best: Tensor, k: int, weight: float, labels: Labels, past: UserItemCSR, caps: Caps = ()
) -> Tensor:
    """Places of the chosen ones in the pool, in their order: items [b, p], scores [b, p] -> [b, k].

    `past` holds the items of the b users.
    """
    relevance, room = scale(best), Room(len(items), caps)
    target = past.sum_vectors(labels.to_shares(torch.arange(len(labels.of_item))))  # [b, C]
    weights = torch.where(target.sum(1, keepdim=True) > 0, weight, 0.0)  # [b, 1]
    target = target / target.sum(1, keepdim=True).clamp(min=1e-12)
    of_pool = labels.to_shares(items.clamp(min=0))  # [b, p, C]
    held = torch.zeros_like(target)  # [b, C]
    left, order, every = items >= 0, [], torch.arange(len(items))
    for _ in range(k):
        whole = held[:, None] + of_pool  # [b, p, C]
        shares = whole / whole.sum(2, keepdim=True).clamp(min=1e-12)
        mixed = (1 - SMOOTHING) * shares + SMOOTHING * target[:, None]
        divergence = torch.where(
            target[:, None] > 0, target[:, None] * (target[:, None] / mixed.clamp(min=1e-12)).log(), 0.0
        )
        taken = pick((1 - weights) * relevance - weights * divergence.sum(2), left, room, items)
        order.append(taken)
        held = held + of_pool[every, taken]
    return torch.stack(order, 1)


def describe(items: Tensor, labels: Labels | None, vectors: Tensor | None) -> Tensor:
    """Vectors of length one of items [b, p], of labels or embeddings: [b, p, D]."""
    if labels is not None:
        return torch.nn.functional.normalize(labels.to_shares(items), dim=2)
    assert vectors is not None
    return vectors[items]


def scale(best: Tensor) -> Tensor:
    """Scores [b, p] from 0 (the last of a user's pool) to 1 (the first); empty places are -inf."""
    there = best > -torch.inf
    low = best.masked_fill(~there, torch.inf).amin(1, keepdim=True)
    high = best.amax(1, keepdim=True)
    return torch.where(there, (best - low) / (high - low).clamp(min=1e-12), -torch.inf)


def pick(gain: Tensor, left: Tensor, room: Room, items: Tensor) -> Tensor:
    """The place of the largest gain [b, p] among those that are `left` and fit, and it is no longer left: [b].

    The last place is an empty one, which is what is picked when nothing else fits.
    """
    possible = left & room.fits(items)
    possible[:, -1] = False
    taken = gain.masked_fill(~possible, -torch.inf).argmax(1)
    every = torch.arange(len(items))
    taken = torch.where(possible[every, taken], taken, items.shape[1] - 1)
    rows = (items[every, taken] >= 0).nonzero().squeeze(1)
    room.take(rows, items[rows, taken[rows]])
    left[every, taken] = False
    return taken
