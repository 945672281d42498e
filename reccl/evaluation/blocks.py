"""Blocks: the best items by inner product without a table of all scores."""

import torch
from torch import Tensor

from reccl.products import product

USERS = 1024
"""Users of one block of scores."""
ITEMS = 2048
"""Items of one block of scores, which so stays in the processor's cache."""
SAMPLE = 4
"""Blocks of items that tell the score from which an item may be among the best."""
GROUP = 16
"""Scores of which only the largest is compared first."""


class Blocks:
    """Items in blocks, each spread evenly over the catalog: block j of n holds items j, j + n, j + 2n, ...

    The scores of the first blocks are a sample, and a score that somewhat more than k of all items should exceed is
    read from it, for every user. Only what exceeds it is kept and sorted. Where fewer than k do, or scores are equal,
    the caller is told so and sorts all scores.
    """

    def __init__(self, items: Tensor) -> None:
        """Items [I, D]."""
        self.count = len(items)
        self.step = -(-self.count // ITEMS)  # n
        parts = [items[start :: self.step] for start in range(self.step)]
        self.parts = [torch.nn.functional.pad(part, (0, 0, 0, -len(part) % GROUP)) for part in parts]  # [m, D] each
        self.sizes = [len(part) for part in parts]

    def best(self, users: Tensor, k: int, hidden: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The k best of all items without `hidden` ones (place in `users`, item: [P], [P]) for users [b, D].

        Items and scores [b, k], best first, -1 and -inf where there are none; and [b] whether that is certain.
        """
        place, item = hidden or (torch.empty(0, dtype=torch.long),) * 2
        order = (item % self.step).argsort()
        counts = torch.bincount(item % self.step, minlength=self.step).tolist()
        pairs = list(zip(place[order].split(counts), (item // self.step)[order].split(counts), strict=True))

        def scores(block: int) -> Tensor:
            table = product(users, self.parts[block])  # [b, m]
            table[:, self.sizes[block] :] = -torch.inf
            table[pairs[block]] = -torch.inf
            return table

        sample = [scores(block) for block in range(min(SAMPLE, self.step))]
        least = self.least(sample, k)  # [b, 1]
        filled = torch.zeros(len(users), dtype=torch.long)  # [b]
        found = []
        for block in range(self.step):
            row, column, score = above(sample[block] if block < len(sample) else scores(block), least)
            count = torch.bincount(row, minlength=len(users))
            first = filled - (count.cumsum(0) - count)  # [b] where a user's new ones go, less their place in `row`
            found.append((row, first[row] + torch.arange(len(row)), column * self.step + block, score))
            filled += count
        rows, places, items, values = (torch.cat(each) for each in zip(*found, strict=True))
        width = max(k + 1, int(filled.max()))
        table = values.new_full((len(users), width), -torch.inf)
        names = torch.full((len(users), width), -1)
        table[rows, places], names[rows, places] = values, items
        best, at = torch.topk(table, k + 1, dim=1)  # [b, k + 1]
        falling = ((best[:, :-1] > best[:, 1:]) | (best[:, 1:] == -torch.inf)).all(1)
        sure = falling & ((filled > k) | (least.squeeze(1) == -torch.inf))
        return names.gather(1, at[:, :k]), best[:, :k], sure

    def least(self, sample: list[Tensor], k: int) -> Tensor:
        """A score [b, 1] that the k + 1 best items exceed, but for bad luck of four standard deviations."""
        largest = torch.cat([maxima(table) for table in sample], dim=1)  # [b, groups]
        expected = (k + 1) * len(sample) / self.step  # of the best, in the sample
        rank = min(int(expected + 4 * expected**0.5) + 2, largest.shape[1])
        return torch.topk(largest, rank, dim=1).values[:, -1:]


def maxima(table: Tensor) -> Tensor:
    """The largest of every group: [b, m] -> [b, m / GROUP]; group g holds columns g, g + m / GROUP, ..."""
    return table.view(len(table), GROUP, -1).amax(1)


def above(table: Tensor, least: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, columns and values of a table [b, m] that are not at most `least` [b, 1] (so are nan), row by row."""
    width = table.shape[1]
    row, group = torch.le(maxima(table), least).logical_not_().nonzero(as_tuple=True)  # [g]
    columns = group[:, None] + torch.arange(0, width, width // GROUP)  # [g, GROUP]
    values = table.take(columns + (row * width)[:, None])
    line, place = torch.le(values, least[row]).logical_not_().nonzero(as_tuple=True)
    return row[line], columns[line, place], values[line, place]
