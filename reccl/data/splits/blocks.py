"""Blocks: of a user's rows one that is drawn and those most like it, so that no near neighbor is left in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.lazy import np, sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPANY = 256
"""Users at most by whom the rows most like one are found."""
USERS = 4096
"""Users whose rows are compared at once."""


def sample_blocks(
    rows: pl.DataFrame, users: NDArray[np.bool_], share: float, random: np.random.Generator
) -> NDArray[np.bool_]:
    """True for a block of rows of each of some users: a `share` of them (rounded), all but one at most.

    A block is a row that is drawn, the seed, and the user's rows whose items are most like its item: by the number of
    other users who have both over the root of the number who have the other, of up to 256 users of the seed; equal
    ones by chance. Likeness stands in for time: what a user had at one time has much in common, so that of the future,
    unlike a row drawn at random, no near neighbor is in training. Blocked cross-validation: Roberts et al., Ecography
    2017, https://doi.org/10.1111/ecog.02881.

    Args:
        rows: [n], sorted by user.
        users: [U] which of them, in that order.
        share: of a user's rows.
        random: of the seeds.

    """
    user = rows[USER].rle_id().to_numpy()  # [n] numbers from 0
    item = rows[ITEM].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()  # [n]
    counts = np.bincount(user, minlength=len(users))  # [U]
    starts = counts.cumsum() - counts
    wanted = np.minimum(np.rint(counts * share).astype(int), counts - 1) * users  # [U]
    seeds = starts + random.integers(0, np.maximum(counts, 1))  # [U] row numbers
    ties = random.random(len(user))  # [n]
    has = sparse.csr_matrix((np.ones(len(user), np.float32), (user, item)))  # [U, I]
    had_by, degrees = has.T.tocsr(), np.bincount(item)  # [I, U], [I]
    held, chosen = np.zeros(len(user), dtype=bool), wanted.nonzero()[0]
    for some in np.split(chosen, range(USERS, len(chosen), USERS)):
        of = np.repeat(np.arange(len(some)), counts[some])  # [m] whose row, of all rows of some
        nth = np.arange(len(of)) - np.repeat(counts[some].cumsum() - counts[some], counts[some])  # [m] from 0 for each
        at = starts[some][of] + nth  # [m] row numbers
        others = sample_others(had_by[item[seeds[some]]], some, random)  # [u, U]
        common = np.asarray((others @ has)[of, item[at]]).ravel()  # [m]
        likeness = np.where(at == seeds[some][of], np.inf, common / np.sqrt(degrees[item[at]]))
        order = np.lexsort((ties[at], -likeness, of))  # [m] each user's rows, the most like its seed first
        held[at[order[nth < wanted[some][of]]]] = True
    return held


def sample_others(users: Any, own: NDArray[np.int64], random: np.random.Generator) -> Any:
    """Of the users in each row of a sparse matrix, COMPANY that are not its `own`, drawn from all of them."""
    row = np.repeat(np.arange(users.shape[0]), np.diff(users.indptr))  # [e]
    row, column = (each[users.indices != own[row]] for each in (row, users.indices))
    order = np.lexsort((random.random(len(row)), row))  # [e] shuffled within each row
    first = np.searchsorted(row, np.arange(users.shape[0]))  # [u]
    kept = order[np.arange(len(row)) - first[row] < COMPANY]
    return sparse.csr_matrix((np.ones(len(kept), np.float32), (row[kept], column[kept])), shape=users.shape)
