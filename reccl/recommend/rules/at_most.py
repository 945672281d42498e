"""At most: lists that hold no more than so many items of one label."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reccl.data.labels import Labels
from reccl.evaluation.top_k import best_items

Caps = Sequence[tuple[Labels, int]]
FIRST = 4
"""Times k: the best items that are looked at first."""


def take_at_most(scores: Tensor, k: int, caps: Caps) -> tuple[Tensor, Tensor]:
    """The k best items such that none breaks a cap, greedily from the best: [b, I] -> items [b, k], scores [b, k].

    Greedy is optimal where every item has one label, and the usual reading of such a rule where it has several: an item
    is taken if every one of its labels has room. -1 and -inf where no more items fit.
    """
    k, width = min(k, scores.shape[1]), min(scores.shape[1], FIRST * k)
    items, best = best_items(scores, width)  # [b, w]
    chosen, values, filled = walk(items, best, k, caps)
    while width < scores.shape[1] and bool((short := (filled < k) & (items[:, -1] >= 0)).any()):
        width = min(scores.shape[1], FIRST * width)
        more, level = best_items(scores[short], width)
        chosen[short], values[short], filled[short] = walk(more, level, k, caps)
        wider = items.new_full((len(items), width), -1)
        wider[short] = more
        items = wider
    return chosen, values


def walk(items: Tensor, best: Tensor, k: int, caps: Caps) -> tuple[Tensor, Tensor, Tensor]:
    """Take items [b, w] in their order where caps allow: items [b, k], scores [b, k], how many [b]."""
    count = len(items)
    chosen, values = items.new_full((count, k), -1), best.new_full((count, k), -torch.inf)
    filled, room = items.new_zeros(count), Room(count, caps)
    for place in range(items.shape[1]):
        item = items[:, place]
        takes = (item >= 0) & (filled < k) & room.fits(item[:, None]).squeeze(1)  # [b]
        rows = takes.nonzero().squeeze(1)
        chosen[rows, filled[rows]], values[rows, filled[rows]] = item[rows], best[rows, place]
        filled[rows] += 1
        room.take(rows, item[rows])
        if not bool((filled < k).any()):
            break
    return chosen, values, filled


class Room:
    """How many items of every label each of b lists holds already."""

    def __init__(self, count: int, caps: Caps) -> None:
        self.caps = tuple(caps)
        self.held = [torch.zeros(count, labels.count + 1, dtype=torch.int32) for labels, _ in caps]  # [b, C + 1]

    def fits(self, items: Tensor) -> Tensor:
        """Which items [b, w] break no cap if they are taken next: [b, w] bool; any for -1."""
        free = torch.ones_like(items, dtype=torch.bool)
        for (labels, most), held in zip(self.caps, self.held, strict=True):
            own = labels.of_item[items.clamp(min=0)]  # [b, w, L]
            taken = held.gather(1, own.flatten(1)).view_as(own)  # [b, w, L]
            free &= ((taken < most) | (own == labels.count)).all(-1)
        return free

    def take(self, rows: Tensor, items: Tensor) -> None:
        """Count items [n] for the lists at `rows` [n], each once."""
        for (labels, _), held in zip(self.caps, self.held, strict=True):
            own = labels.of_item[items]  # [n, L]
            held.index_put_(
                (rows[:, None].expand_as(own), own), torch.ones_like(own, dtype=torch.int32), accumulate=True
            )
