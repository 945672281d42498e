"""Spectrum: the main directions of a sparse matrix."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags

Table = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Spectrum:
    """The first k singular vectors and values, the largest value first: matrix ~ left diag(values) right'."""

    left: Table  # [U, k]
    values: Table  # [k]
    right: Table  # [I, k]


def spectrum(matrix: csr_matrix, rank: int, *, oversampling: int = 16, iterations: int = 4, seed: int = 0) -> Spectrum:
    """A truncated singular value decomposition of [U, I], at most `rank` directions.

    Finding Structure with Randomness, Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.3;
    https://arxiv.org/abs/0909.4061: `rank + oversampling` random directions are sharpened by `iterations` products
    with R R'. A matrix that is hardly larger than its rank is decomposed exactly instead. Signs are such that the
    largest component of every right vector is positive, so that equal seeds give equal tables.
    """
    from sklearn.utils.extmath import randomized_svd  # a second, so only where it is used

    rank, smallest = min(rank, *matrix.shape), min(matrix.shape)
    if 2 * rank > smallest:
        left, values, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        left, values, right = randomized_svd(
            matrix, rank, n_oversamples=oversampling, n_iter=iterations, flip_sign=False, random_state=seed
        )
    left, values, right = left[:, :rank], values[:rank], right[:rank].T  # [U, k], [k], [I, k]
    sign = np.sign(right[np.abs(right).argmax(0), np.arange(right.shape[1])])  # [k]
    return Spectrum(left * sign, values, right * sign)


def normalized(counts: csr_matrix) -> csr_matrix:
    """D_U^-1/2 R D_I^-1/2, [U, I]; empty rows and columns stay empty."""
    users, items = (1 / np.sqrt(np.maximum(1, np.asarray(counts.sum(axis)).ravel())) for axis in (1, 0))
    return (diags(users) @ counts @ diags(items)).tocsr().astype(np.float32)
