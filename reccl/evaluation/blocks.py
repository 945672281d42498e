"""Item blocks: the best items by inner product without a table of all scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

BLOCK_USERS = 1024
"""Users of one block of scores."""
BLOCK_ITEMS = 2048
"""Items of one block of scores, small enough for the processor's cache."""
SAMPLE_BLOCKS = 4
"""Blocks of items from whose scores the threshold is estimated."""
GROUP_SIZE = 16
"""Scores of which only the largest is compared with the threshold first."""


class ItemBlocks:
    """Items in blocks, each spread evenly over the catalog: block j of n holds items j, j + n, j + 2n, ...

    The scores of the first blocks are a sample, from which a threshold is estimated for every user that somewhat more
    than k of all items should exceed. Only the scores above it are kept and sorted. Where fewer than k are, or scores
    are equal, the result is marked as uncertain, and the caller sorts all scores.
    """

    def __init__(self, items: Tensor) -> None:
        """Items [I, D]."""
        self.count = len(items)
        self.step = -(-self.count // BLOCK_ITEMS)  # n
        parts = [items[start :: self.step] for start in range(self.step)]
        padding = [(0, 0, 0, -len(part) % GROUP_SIZE) for part in parts]
        self.parts = [torch.nn.functional.pad(part, size) for part, size in zip(parts, padding, strict=True)]  # [m, D]
        self.sizes = [len(part) for part in parts]

    def top_k(
        self, users: Tensor, k: int, hidden: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The k best of all items without `hidden` ones (place in `users`, item: [P], [P]) for users [b, D].

        Items and scores [b, k], best first, -1 and -inf where there are none; and [b] whether that is certain.
        """
        from reccl.products import product

        place, item = hidden or (torch.empty(0, dtype=torch.long),) * 2
        order = (item % self.step).argsort()
        counts = torch.bincount(item % self.step, minlength=self.step).tolist()
        pairs = list(zip(place[order].split(counts), (item // self.step)[order].split(counts), strict=True))

        def scores(block: int) -> Tensor:
            table = product(users, self.parts[block])  # [b, m]
            table[:, self.sizes[block] :] = -torch.inf
            table[pairs[block]] = -torch.inf
            return table

        sample = [scores(block) for block in range(min(SAMPLE_BLOCKS, self.step))]
        threshold = self.threshold(sample, k)  # [b, 1]
        filled = torch.zeros(len(users), dtype=torch.long)  # [b]
        found = []
        for block in range(self.step):
            row, column, score = entries_above(sample[block] if block < len(sample) else scores(block), threshold)
            count = torch.bincount(row, minlength=len(users))
            first = filled - (count.cumsum(0) - count)  # [b] where a user's new entries go, less their place in `row`
            found.append((row, first[row] + torch.arange(len(row)), column * self.step + block, score))
            filled += count
        rows, places, items, values = (torch.cat(each) for each in zip(*found, strict=True))
        width = max(k + 1, int(filled.max()))
        table = values.new_full((len(users), width), -torch.inf)
        names = torch.full((len(users), width), -1)
        table[rows, places], names[rows, places] = values, items
        best, at = torch.topk(table, k + 1, dim=1)  # [b, k + 1]
        falling = ((best[:, :-1] > best[:, 1:]) | (best[:, 1:] == -torch.inf)).all(1)
        certain = falling & ((filled > k) | (threshold.squeeze(1) == -torch.inf))
        return names.gather(1, at[:, :k]), best[:, :k], certain

    def threshold(self, sample: list[Tensor], k: int) -> Tensor:
        """A score [b, 1] that the k + 1 best items exceed, short of bad luck of four standard deviations."""
        largest = torch.cat([group_maxima(table) for table in sample], dim=1)  # [b, groups]
        expected = (k + 1) * len(sample) / self.step  # of the best, in the sample
        rank = min(int(expected + 4 * expected**0.5) + 2, largest.shape[1])
        return torch.topk(largest, rank, dim=1).values[:, -1:]


def group_maxima(table: Tensor) -> Tensor:
    """The largest of every group: [b, m] -> [b, m / GROUP_SIZE]; group g holds columns g, g + m / GROUP_SIZE, ..."""
    return table.view(len(table), GROUP_SIZE, -1).amax(1)


def entries_above(table: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, columns and values of a table [b, m] that are not at most `threshold` [b, 1] (so are nan), row by row."""
    width = table.shape[1]
    row, group = torch.le(group_maxima(table), threshold).logical_not_().nonzero(as_tuple=True)  # [g]
    columns = group[:, None] + torch.arange(0, width, width // GROUP_SIZE)  # [g, GROUP_SIZE]
    values = table.take(columns + (row * width)[:, None])
    line, place = torch.le(values, threshold[row]).logical_not_().nonzero(as_tuple=True)
    return row[line], columns[line, place], values[line, place]
