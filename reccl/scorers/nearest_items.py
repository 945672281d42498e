"""Nearest items: an item-item matrix of which every item keeps its most similar others, never dense as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reccl.data.svd import matrix_bytes
from reccl.lazy import sparse, torch
from reccl.memory import FLOAT, Need, Sizes
from reccl.scorers.item_operators import to_torch_csr

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1024
"""Items whose similarities are dense at a time."""


def keep_nearest(
    similarities: Callable[[slice], Tensor], items: int, neighbors: int, *, by_candidate: bool = False
) -> Tensor:
    """[I, I] CSR, float32: entry (j, i) is how similar j is to i, where j is one of the `neighbors` nearest of i.

    As an item operator, (j, i) is what having i adds to the score of j.

    Args:
        similarities: of some items i, [c], to all, [c, I]; what is not positive is left out, and so is an item's own.
        items: their number, I.
        neighbors: how many an item keeps.
        by_candidate: entry (i, j) in place of (j, i), the transpose: what a candidate i keeps of what users have.

    >>> keep_nearest(lambda own: torch.tensor([[9.0, 1, 2], [1, 9, 0], [2, 0, 9]])[own], 3, 1).to_dense()
    tensor([[0., 1., 2.],
            [0., 0., 0.],
            [2., 0., 0.]])

    """
    rows, columns, values = [], [], []
    for start in range(0, items, CHUNK):
        similarity = similarities(slice(start, start + CHUNK))  # [c, I]
        own = torch.arange(start, start + len(similarity))  # [c]
        similarity[torch.arange(len(own)), own] = 0
        best, item = similarity.topk(min(neighbors, items), dim=1)  # [c, k]
        positive = best > 0
        rows.append(item[positive])
        columns.append(own[:, None].expand_as(item)[positive])
        values.append(best[positive])
    value, row, column = (torch.cat(parts).numpy() for parts in (values, rows, columns))
    place = (column, row) if by_candidate else (row, column)
    return to_torch_csr(sparse.csr_matrix((value, place), shape=(items, items)))


def nearest_bytes(sizes: Sizes, neighbors: int) -> Need:
    """Bytes of `keep_nearest`: the sparse matrix, and beside it rows, columns and values in 64 bits, dense similarities
    of some items, and the matrices that they come from.
    """
    kept = sizes.num_items * min(neighbors, sizes.num_items)
    dense = 5 * FLOAT * min(CHUNK, sizes.num_items) * sizes.num_items
    return Need("", (FLOAT + 4) * kept, 40 * kept + dense + 3 * matrix_bytes(sizes), ("neighbors",))
