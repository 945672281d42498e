"""New items: a share of every list for items without training rows, and a boost of their scores."""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

POOL = 100
"""The user's best items whose scores say what a boost of one is."""


@dataclass
class PlacesBefore:
    """How many places new items had by their scores alone, counted as lists pass."""

    count: int = 0


def places_for(share: float, k: int) -> int:
    """How many of k places a share asks for, rounded up.

    >>> places_for(0.1, 20), places_for(0.1, 5), places_for(0.3, 10)
    (2, 1, 3)
    """
    return min(k, ceil(share * k - 1e-9))


def lift_of(best: Tensor, boost: float) -> Tensor:
    """[b, 1] what a boost adds to scores: that many standard deviations of the user's best scores [b, POOL].

    >>> lift_of(torch.tensor([[3.0, 1.0, -torch.inf]]), 0.5)
    tensor([[0.5000]])
    """
    there = best.isfinite()  # [b, p]
    number = there.sum(1, keepdim=True).clamp(min=1)
    scores = best.masked_fill(~there, 0)
    mean = scores.sum(1, keepdim=True) / number
    return boost * ((scores - mean).masked_fill(~there, 0).square().sum(1, keepdim=True) / number).sqrt()


def give_places(
    items: Tensor, best: Tensor, new_items: Tensor, new_best: Tensor, is_new: Tensor, k: int, places: int, lift: Tensor
) -> tuple[Tensor, Tensor]:
    """Lists of k with at least so many `places` for new items as there are new items to fill them.

    New items are ranked by their scores and the `lift`. The best of those that a list lacks take the places of the last
    of the others. A list keeps its length, and scores stay those of the model.

    Args:
        items: [b, p] the best items of each user, p >= k where there are so many; -1 where there is none.
        best: [b, p] their scores.
        new_items: [b, q] the best new items of each user, q >= places where there are so many; -1 where there is none.
        new_best: [b, q] their scores.
        is_new: [I] bool.
        k: length of the lists.
        places: how many of the k.
        lift: [b, 1] what is added to scores of new items before they are ranked, at least 0.

    >>> lists, scores = torch.tensor([[3, 1, 0]]), torch.tensor([[0.9, 0.8, 0.7]])
    >>> new, of_new = torch.tensor([[4]]), torch.tensor([[0.1]])
    >>> is_new, nothing = torch.tensor([False] * 4 + [True]), torch.zeros(1, 1)
    >>> give_places(lists, scores, new, of_new, is_new, 3, 1, nothing)[0]
    tensor([[3, 1, 4]])
    >>> give_places(lists, scores, new, of_new, is_new, 3, 0, torch.tensor([[0.75]]))[0]
    tensor([[3, 4, 1]])

    """
    pool, scores = torch.cat([items, new_items], 1), torch.cat([best, new_best], 1)  # [b, p + q]
    twice = (new_items[:, :, None] == items[:, None]).any(2)  # [b, q]
    there = (pool >= 0) & ~torch.cat([torch.zeros_like(items, dtype=torch.bool), twice], 1)
    fresh = there & is_new[pool.clamp(min=0)]
    ranked = torch.where(fresh, scores.double() + lift, scores.double()).masked_fill(~there, -torch.inf)
    order = ranked.argsort(dim=1, descending=True, stable=True)
    fresh = fresh.gather(1, order)
    sure = fresh & (fresh.cumsum(1) <= places)
    others = ~sure & ((~sure).cumsum(1) <= k - sure.sum(1, keepdim=True))
    front = (sure | others).int().argsort(dim=1, descending=True, stable=True)[:, : min(k, items.shape[1])]
    chosen = order.gather(1, front)
    left = there.gather(1, chosen)
    return pool.gather(1, chosen).masked_fill(~left, -1), scores.gather(1, chosen).masked_fill(~left, -torch.inf)
