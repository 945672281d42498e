"""Item neighborhoods: a small Gram matrix for every item, of itself and of the items most like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reccl.data.graph import Graph
from reccl.data.svd import matrix_bytes
from reccl.lazy import np, sparse, torch
from reccl.memory import FLOAT, Need, Sizes
from reccl.scorers.item_operators import to_torch_csr

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor

    IntTable = np.ndarray[Any, Any]

CHUNK = 256
"""Items whose inner products with all others are in memory at a time."""
GRAM_NUMBERS = 16_000_000
"""Numbers of small Gram matrices that are in memory at a time: 64 MB."""
DENSE_ITEMS = 12_000
"""Largest catalog whose whole Gram matrix is dense, .6 GB, from which the small ones are read."""


@dataclass(frozen=True)
class Neighborhoods:
    """Some items, c, each with n items: itself first, then those of the largest correlation x_i . x_j / |x_j|."""

    items: Tensor  # [c, n]
    gram: Tensor  # [c, n, n] inner products of their columns


def divide_users(graph: Graph, exponent: float) -> csr_matrix:
    """D_U^-exponent R, [U, I] float32: the training matrix with each user's row over a power of its sum."""
    strength = graph.user_strength.float()  # [U]
    degree = strength.masked_fill(strength == 0, 1).cpu().numpy()  # [U]
    return (sparse.diags(degree**-exponent) @ graph.interactions).tocsr()


def split_gram(rows: csr_matrix, neighbors: int) -> Iterator[Neighborhoods]:
    """The neighborhoods of all items of a matrix [U, I], in order, each of min(neighbors + 1, I) items.

    Nothing dense of I x I exists beyond DENSE_ITEMS: the inner products of some items with all others are made, sparse,
    to find the nearest, and those among these from their columns alone.

    >>> rows = sparse.csr_matrix(np.array([[1.0, 1, 0], [0, 1, 1], [0, 1, 1]], np.float32))
    >>> [found] = split_gram(rows, neighbors=1)
    >>> found.items.tolist(), found.gram[2].tolist()  # item 2 is with item 1 twice
    ([[0, 1], [1, 2], [2, 1]], [[2.0, 2.0], [2.0, 3.0]])
    """
    items = rows.shape[1]
    of_items = rows.T.tocsr()  # [I, U]
    square = np.asarray(rows.multiply(rows).sum(0)).ravel()  # [I] |x_i|^2
    scale, popular = np.where(square > 0, square, 1) ** -0.5, np.argsort(-square, kind="stable")  # [I], [I]
    whole = torch.from_numpy((of_items @ rows).toarray()) if items <= DENSE_ITEMS else None
    size = min(neighbors + 1, items)  # n
    step = max(1, min(CHUNK, GRAM_NUMBERS // size**2))
    for start in range(0, items, step):
        inner = (of_items[start : start + step] @ rows @ sparse.diags(scale)).tocsr()  # [c, I] correlations
        nearest = np.array([find_nearest(inner[row], start + row, size, popular) for row in range(inner.shape[0])])
        if whole is not None:
            chosen = torch.from_numpy(nearest)  # [c, n]
            yield Neighborhoods(chosen, whole[chosen[:, :, None], chosen[:, None, :]])
            continue
        gram = np.empty((len(nearest), size, size), np.float32)
        for place, chosen_items in enumerate(nearest):
            columns = of_items[chosen_items]  # [n, U]
            (columns @ columns.T).toarray(out=gram[place])
        yield Neighborhoods(torch.from_numpy(nearest), torch.from_numpy(gram))


def find_nearest(row: csr_matrix, own: int, size: int, popular: IntTable) -> IntTable:
    """[n] an item, then those of its largest correlations, which are the entries of `row` [1, I], in descending order;
    where these are fewer, the most popular of the others.
    """
    other = row.indices != own
    item, value = row.indices[other], row.data[other]
    if len(item) >= size:
        best = np.argpartition(-value, size - 2)[: size - 1] if size > 1 else np.zeros(0, np.int64)
        item, value = item[best], value[best]
    item = item[np.lexsort((item, -value))]
    if missing := size - 1 - len(item):
        first = popular[:size]  # as many as are needed, and as are there already
        item = np.append(item, first[~np.isin(first, np.append(item, own))][:missing])
    return np.append(own, item).astype(np.int64)


def regress_items(rows: csr_matrix, neighbors: int, solve: Callable[[Tensor], Tensor]) -> Tensor:
    """[I, I] CSR: row j has the weights with which the neighbors of item j predict it.

    Args:
        rows: [U, I] one row of targets, and of inputs, for each user.
        neighbors: items beside the own that a row may have.
        solve: from Gram matrices [c, n, n], the item itself first, to weights [c, n], of which the first is not read.

    """
    items = rows.shape[1]
    column = np.empty((items, min(neighbors, items - 1)), np.int32)  # [I, n - 1] made at once, as results that are kept
    value, end = np.empty(column.shape, np.float32), 0  # would come to lie between large ones that are not, a GiB apart
    for found in split_gram(rows, neighbors):
        own = slice(end, end + len(found.items))
        column[own], value[own] = found.items[:, 1:].numpy(), solve(found.gram)[:, 1:].numpy()
        end = own.stop
    start = np.arange(items + 1) * column.shape[1]
    matrix = sparse.csr_matrix((value.ravel(), column.ravel(), start), shape=(items, items))
    matrix.eliminate_zeros()
    return to_torch_csr(matrix)


def gram_bytes(sizes: Sizes) -> int:
    """Bytes of the sparse inner products of all items (a value and a column of 32 bits each), of which there are as
    many as pairs of items that a user has, three times as many as if all users had the same number; and of the training
    matrix and its transpose.
    """
    pairs = 3 * sizes.interactions**2 // max(1, sizes.num_users)
    return (FLOAT + 4) * min(sizes.num_items**2, pairs) + 2 * matrix_bytes(sizes)


def regression_bytes(sizes: Sizes, neighbors: int) -> Need:
    """Bytes of `regress_items`: the sparse matrix, and beside it its copies, the Gram matrix of a small catalog, and
    small Gram matrices with their factors.
    """
    kept = (FLOAT + 4) * sizes.num_items * min(neighbors, sizes.num_items)
    small = 4 * FLOAT * min(GRAM_NUMBERS, CHUNK * min(neighbors + 1, sizes.num_items) ** 2)
    whole = FLOAT * sizes.num_items**2 + gram_bytes(sizes) if sizes.num_items <= DENSE_ITEMS else 0
    return Need("", kept, kept + small + max(whole, 3 * matrix_bytes(sizes)), ("neighbors",))
