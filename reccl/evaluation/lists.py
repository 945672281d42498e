"""Lists: measures recommendation lists that anyone made, by this library's protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import torch

from reccl.data.columns import ITEM, RANK, SCORE, USER
from reccl.data.dataset import Dataset, Hide
from reccl.data.ids import contrast_ids
from reccl.data.ingest.frames import to_polars
from reccl.errors import ConfigError, DataError, did_you_mean, join_names
from reccl.metrics import PER_USER

PLACE, RAW, RAW_USER = "__place", "__raw_item", "__raw_user"
COVERAGE = "coverage"


@dataclass(frozen=True)
class ListEvaluation:
    """Metrics of recommendation lists, and what was unusual about them."""

    metrics: dict[str, float]  # name_at_k -> mean over all users with relevant items; users without a list count as 0
    per_user: pl.DataFrame  # user, name_at_k ...
    users: int  # users with relevant items
    users_without_list: int
    unknown_users: int  # users of the lists that the data set does not have: not measured
    unknown_items: int  # rows that name an item which the data set does not have: they take a rank and are no hits
    seen_items: int  # rows that list an item which the user had in training or validation: likewise
    short_lists: int  # users with a list of fewer items than the largest k
    repeated_rows: int  # rows that list an item for a user again: left out

    def __getitem__(self, metric: str) -> float:
        """A metric by name, e.g. `ndcg_at_10`."""
        return self.metrics[metric]

    def __repr__(self) -> str:
        lines = [f"{name:<16} {value:.4f}" for name, value in self.metrics.items()]
        notes = {name: getattr(self, name) for name in NOTES if getattr(self, name)}
        return "\n".join(
            [f"{self.users:,} users", *lines, *(f"{count:,} {name.replace('_', ' ')}" for name, count in notes.items())]
        )


NOTES = ("users_without_list", "unknown_users", "unknown_items", "seen_items", "short_lists", "repeated_rows")


def evaluate_lists(
    recommendations: Any,
    data: Dataset,
    *,
    metrics: Sequence[str] | None = None,
    k: Sequence[int] = (10, 20),
    part: str = "test",
    hide: Hide = "known",
    user: str = USER,
    item: str = ITEM,
) -> ListEvaluation:
    """Measure a table of recommendations on a held-out part of `data`.

    Args:
        recommendations: a polars, pandas or pyarrow table with a row for every user and recommended item. Lists are in
            the order of the column `rank`, else of falling `score`, else of the rows.
        data: whose held-out rows are relevant. Its raw ids are those of the table.
        metrics: of recall, capped_recall, precision, hit_rate, ndcg, map, mrr and coverage; None: all.
        k: list lengths.
        part: test or validation.
        hide: known: an item that the user had before is never relevant; none: one that is had again is; train: as
            `evaluation.hide` says.
        user: the column of user ids.
        item: the column of item ids.

    Every user with held-out rows counts, also without a list (then as 0), as in `reccl train`. Items that a user had
    before are not taken out of the list: they keep their rank and are reported.

    Raises ConfigError for a metric or part that does not exist, DataError for missing columns or ids of another type.

    >>> import reccl
    >>> rows = pl.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": ["a", "b", "c", "a", "b", "c"]})
    >>> data = reccl.Dataset.from_frame(rows, split=reccl.splits.RandomPerUser(test=0.4, validation=0))
    >>> held_out = data.test.select(data.user_ids.to_ids(data.test["user"]), data.item_ids.to_ids(data.test["item"]))
    >>> evaluate_lists(held_out, data, metrics=["recall"], k=[1])["recall_at_1"]
    1.0

    """
    names = resolve_metrics(metrics)
    if part not in ("test", "validation"):
        raise ConfigError(f"part {part!r}: measure 'test' or 'validation'")
    if not k or min(k) < 1:
        raise ConfigError(f"k {list(k)}: give list lengths of at least 1, e.g. k=[10, 20]")
    hidden = data.hidden_before(part, hide)
    relevant = data.part(part).select(USER, ITEM).unique().join(hidden, on=[USER, ITEM], how="anti")
    if relevant.is_empty():
        raise DataError(f"the data set has no {part} rows to measure on")
    most = max(k)
    rows = encode_rows(to_polars(recommendations), data, user, item)
    known = rows.drop_nulls(USER)
    ranked = known.unique([USER, RAW], keep="first", maintain_order=True)
    ranked = ranked.with_columns(pl.int_range(pl.len()).over(USER).alias(PLACE)).filter(pl.col(PLACE) < most)
    counts = relevant.group_by(USER).len().sort(USER).with_row_index("row")  # [n] user, how many are relevant
    tested = ranked.join(counts.select(USER, "row"), on=USER)
    found = tested.join(relevant, on=[USER, ITEM])
    hits = torch.zeros(counts.height, most, dtype=torch.float64)  # [n, K]
    hits[found["row"].to_list(), found[PLACE].to_list()] = 1
    of_each = torch.from_numpy(counts["len"].to_numpy(writable=True)).double()  # [n]
    per_user = {
        f"{name}_at_{length}": PER_USER[name](hits[:, :length], of_each)
        for length in k
        for name in names
        if name != COVERAGE
    }
    means = {name: float(values.mean()) for name, values in per_user.items()}
    for length in k if COVERAGE in names else ():
        listed_items = tested.filter(pl.col(PLACE) < length)[ITEM].drop_nulls().n_unique()
        means[f"{COVERAGE}_at_{length}"] = listed_items / len(data.item_ids)
    lengths = tested.group_by(USER).len()
    return ListEvaluation(
        {name: means[name] for length in k for each in names if (name := f"{each}_at_{length}") in means},
        pl.DataFrame({USER: data.user_ids.to_ids(counts[USER]), **{name: of.numpy() for name, of in per_user.items()}}),
        users=counts.height,
        users_without_list=counts.height - lengths.height,
        unknown_users=rows.filter(pl.col(USER).is_null())[RAW_USER].n_unique(),
        unknown_items=ranked[ITEM].null_count(),
        seen_items=ranked.join(hidden, on=[USER, ITEM]).height,
        short_lists=lengths.filter(pl.col("len") < most).height,
        repeated_rows=known.height - known.select(USER, RAW).n_unique(),
    )


def fill_lists(recommendations: Any, data: Dataset, users: torch.Tensor, k: int) -> torch.Tensor:
    """Lists of the given users [n] as row numbers of items, [n, k]: -1 where an item is unknown or a list ends."""
    rows = encode_rows(to_polars(recommendations), data, USER, ITEM).drop_nulls(USER)
    ranked = rows.unique([USER, RAW], keep="first", maintain_order=True)
    ranked = ranked.with_columns(pl.int_range(pl.len()).over(USER).alias(PLACE)).filter(pl.col(PLACE) < k)
    order = pl.DataFrame({USER: users.cpu().numpy()}, schema={USER: pl.Int32}).with_row_index("row")
    found = ranked.join(order, on=USER).drop_nulls(ITEM)
    lists = torch.full((len(users), k), -1, dtype=torch.long)
    row, place, item = (torch.from_numpy(found[name].to_numpy(writable=True)).long() for name in ("row", PLACE, ITEM))
    lists[row, place] = item
    return lists


def find_held_out(recommendations: Any, data: Dataset, part: str) -> float:
    """The share of held-out pairs that are anywhere in the lists. Near 1 where candidates were drawn around them."""
    listed = encode_rows(to_polars(recommendations), data, USER, ITEM).drop_nulls([USER, ITEM]).select(USER, ITEM)
    wanted = data.part(part).select(USER, ITEM).unique()
    return wanted.join(listed, on=[USER, ITEM], how="semi").height / max(1, wanted.height)


def encode_rows(table: pl.DataFrame, data: Dataset, user: str, item: str) -> pl.DataFrame:
    """Rows in the order of the lists: row numbers (null: unknown) and raw ids of user and item."""
    for column in (user, item):
        if column not in table.columns:
            near = did_you_mean(column, table.columns)
            raise DataError(
                f"the recommendations have no column {column!r}{near}; there are: {join_names(table.columns)}"
            )
    by = RANK if RANK in table.columns else SCORE if SCORE in table.columns else None
    if by is not None:
        if not table[by].dtype.is_numeric():
            raise DataError(f"column {by!r} of the recommendations holds {table[by].dtype}, and lists go by numbers")
        key = pl.col(by).fill_nan(None) if table[by].dtype.is_float() else pl.col(by)
        table = table.sort(key, descending=by == SCORE, nulls_last=True, maintain_order=True)
    users, items = data.user_ids.to_rows(table[user]), data.item_ids.to_rows(table[item])
    for column, rows, ids in ((user, users, data.user_ids), (item, items, data.item_ids)):
        if table.height and rows.null_count() == table.height:
            raise DataError(
                f"no {column} of the recommendations is in the data set: {contrast_ids(table[column], ids)}"
            )
    return pl.DataFrame({USER: users, ITEM: items, RAW_USER: table[user], RAW: table[item]})


def resolve_metrics(names: Sequence[str] | None) -> list[str]:
    """The metrics asked for; all where none is named. Raises ConfigError for one that does not exist."""
    known = [*PER_USER, COVERAGE]
    for name in names or ():
        if name not in known:
            near = did_you_mean(name, known) or f"; there are: {join_names(known)}"
            raise ConfigError(f"unknown metric {name!r}{near}")
    return list(names or known)
