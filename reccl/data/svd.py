"""SVD: truncated singular value decompositions, exact or randomized, and of a graph's training matrix once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from reccl.data.graph import Graph
from reccl.data.graph_cache import cache_on_graph
from reccl.lazy import np, sparse
from reccl.memory import FLOAT, Sizes

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Table: TypeAlias = "np.ndarray[Any, Any]"


@dataclass(frozen=True, eq=False)
class SVD:
    """The first k singular vectors and values, the largest value first: matrix ~ left diag(values) right'."""

    left: Table  # [U, k]
    values: Table  # [k]
    right: Table  # [I, k]


def truncated_svd(
    matrix: csr_matrix | Table,
    rank: int,
    *,
    exact: bool = False,
    oversampling: int = 16,
    iterations: int = 4,
    seed: int = 0,
) -> SVD:
    """A truncated singular value decomposition of [U, I], at most `rank` singular vectors.

    Args:
        matrix: sparse or dense.
        rank: k. A matrix that is hardly larger than its rank (less than twice) is decomposed as a dense one.
        exact: by Lanczos iterations, else randomized, which is faster the higher the rank: Finding Structure with
            Randomness, Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.3; https://arxiv.org/abs/0909.4061.
        oversampling: random vectors beyond the rank, if not exact.
        iterations: products with R R' that make the vectors more accurate, if not exact.
        seed: of the first vectors.

    Signs are such that the largest component of every right vector is positive, so that equal seeds give equal tables.

    >>> svd = truncated_svd(np.array([[3.0, 0.0], [0.0, 4.0]]), 1)
    >>> svd.values, svd.right.ravel()
    (array([4.]), array([0., 1.]))

    """
    rank, smallest = min(rank, *matrix.shape), min(matrix.shape)
    if not rank:
        return SVD(np.zeros((matrix.shape[0], 0)), np.zeros(0), np.zeros((matrix.shape[1], 0)))
    if 2 * rank > smallest:
        dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
        left, values, right = np.linalg.svd(dense, full_matrices=False)
    elif exact:
        from scipy.sparse.linalg import svds

        start = np.random.default_rng(seed).standard_normal(smallest)
        left, values, right = svds(matrix.astype(np.float64), k=rank, v0=start)  # the smallest first
        left, values, right = left[:, ::-1], values[::-1], right[::-1]
    else:
        from sklearn.utils.extmath import randomized_svd  # a second, so only where it is used

        left, values, right = randomized_svd(
            matrix, rank, n_oversamples=oversampling, n_iter=iterations, flip_sign=False, random_state=seed
        )
    left, values, right = left[:, :rank], values[:rank], right[:rank].T  # [U, k], [k], [I, k]
    sign = np.sign(right[np.abs(right).argmax(0), np.arange(right.shape[1])])  # [k]
    return SVD(left * sign, values, right * sign)


@cache_on_graph
def decompose_graph(
    graph: Graph, rank: int, *, normalize: bool = True, exact: bool = True, oversampling: int = 32, iterations: int = 6
) -> SVD:
    """The first singular vectors and values of D_U^-1/2 R D_I^-1/2, or of R; the parts of a blend share them."""
    matrix = normalize_matrix(graph.interactions) if normalize else graph.interactions
    return truncated_svd(matrix, rank, exact=exact, oversampling=oversampling, iterations=iterations)


def strength_of_items(graph: Graph) -> Table:
    """[I] the weight (or number) of each item's interactions, 1 where there are none; float64."""
    strength: Table = graph.item_strength.double().cpu().numpy()
    return np.where(strength > 0, strength, 1)


def normalize_matrix(counts: csr_matrix) -> csr_matrix:
    """D_U^-1/2 R D_I^-1/2, [U, I]; empty rows and columns stay empty."""
    sums = (np.asarray(counts.sum(axis)).ravel() for axis in (1, 0))
    users, items = (1 / np.sqrt(np.where(each > 0, each, 1)) for each in sums)
    return (sparse.diags(users) @ counts @ sparse.diags(items)).tocsr().astype(np.float32)


def matrix_bytes(sizes: Sizes) -> int:
    """Bytes of the training matrix in SciPy: a value and a column of 64 bits for each row, and where users start."""
    return (FLOAT + 8) * sizes.interactions + 8 * sizes.num_users


def decomposition_bytes(sizes: Sizes, rank: int, *, exact: bool) -> tuple[int, int]:
    """Bytes of the kept singular vectors, and those while they are found: of an exact decomposition in double
    precision, with Lanczos vectors of the smaller side; of a randomized one in single precision, with some more.
    """
    rank = min(rank, sizes.num_users, sizes.num_items)
    kept = sizes.table(rank) * (2 if exact else 1)
    lanczos = 8 * 3 * rank * min(sizes.num_users, sizes.num_items)
    return kept, 3 * matrix_bytes(sizes) + (kept + lanczos if exact else 3 * sizes.table(rank + 32))
