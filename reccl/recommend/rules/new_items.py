"""New items: a share of every list for items without training rows."""

from math import ceil

import torch
from torch import Tensor


def places_for(share: float, k: int) -> int:
    """How many of k places a share asks for, rounded up.

    >>> places_for(0.1, 20), places_for(0.1, 5), places_for(0.3, 10)
    (2, 1, 3)
    """
    return min(k, ceil(share * k - 1e-9))


def give_places(
    items: Tensor, best: Tensor, new_items: Tensor, new_best: Tensor, is_new: Tensor, places: int
) -> tuple[Tensor, Tensor]:
    """Lists [b, k] with at least so many `places` for new items as there are new items to fill them.

    The best of the new items that a list lacks take the places of the last of the others; then the list stands in the
    order of the scores again. A list keeps its length.

    Args:
        items: [b, k] the lists, -1 where there is none.
        best: [b, k] their scores.
        new_items: [b, q] the best new items of each user, q >= places where there are so many; -1 where there is none.
        new_best: [b, q] their scores.
        is_new: [I] bool.
        places: how many of the k.

    >>> lists, scores = torch.tensor([[3, 1, 0]]), torch.tensor([[0.9, 0.8, 0.7]])
    >>> new, of_new = torch.tensor([[4]]), torch.tensor([[0.1]])
    >>> give_places(lists, scores, new, of_new, torch.tensor([False] * 4 + [True]), 1)[0]
    tensor([[3, 1, 4]])

    """
    there = items >= 0
    fresh = there & is_new[items.clamp(min=0)]  # [b, k]
    wanted = (new_items >= 0) & ~(new_items[:, :, None] == items[:, None]).any(2)  # [b, q]
    lacking = (places - fresh.sum(1, keepdim=True)).clamp(min=0)  # [b, 1]
    taken = wanted & (wanted.cumsum(1) <= lacking)
    others = there & ~fresh
    room = items.shape[1] - fresh.sum(1, keepdim=True) - taken.sum(1, keepdim=True)  # [b, 1] places for the others
    kept = fresh | (others & (others.cumsum(1) <= room))
    pool = torch.cat([items, new_items], 1)  # [b, k + q]
    scores = torch.cat([best, new_best], 1).masked_fill(~torch.cat([kept, taken], 1), -torch.inf)
    order = scores.argsort(dim=1, descending=True, stable=True)[:, : items.shape[1]]
    chosen = scores.gather(1, order)
    return pool.gather(1, order).masked_fill(chosen == -torch.inf, -1), chosen
