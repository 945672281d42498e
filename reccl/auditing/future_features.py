"""Future features: columns of users or items that were computed from rows which are to be predicted."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from scipy.stats import rankdata

from reccl.auditing.finding import Finding, Severity
from reccl.data.columns import ITEM, RATING, TEST, TIMESTAMP, TRAIN, USER, VALIDATION
from reccl.data.dataset import Dataset

FEW = 20
"""Nodes below which nothing is said of a column."""
EQUAL = 0.5
"""Share of nodes, of those where all rows and training rows differ, from which on a column is one of all rows."""
CORRELATED = (0.3, 0.5)
"""Partial rank correlations with test rows from which on it is a warning, serious."""
TOLERANCE = 1e-4
"""Relative difference up to which a value is a statistic: columns are rounded."""
DAY = 86_400
SECONDS = (1.0, 1e3, 1e6, 1e9)
"""What a column of times has a second as: s, ms, us, ns."""


def find_future_features(data: Dataset) -> Iterator[Finding]:
    """The column of each side that knows most of test rows, by the two criteria of `judge_column`."""
    for side, table, size in ((USER, data.user_table, len(data.user_ids)), (ITEM, data.item_table, len(data.item_ids))):
        numbers = {} if table is None else read_numbers(table)
        if not numbers or data.test.is_empty():
            continue
        parts = {part: data.part(part) for part in (TRAIN, VALIDATION, TEST)}
        trained, every = (summarize(pl.concat(some), side, size) for some in ([parts[TRAIN]], list(parts.values())))
        tested = np.bincount(parts[TEST][side].to_numpy(), minlength=size).astype(float)
        judged = [judge_column(side, name, values, trained, every, tested) for name, values in numbers.items()]
        found = [finding for finding in judged if finding is not None]
        bad = [finding for finding in found if finding.severity != "ok"]
        yield from bad
        if not bad:
            most = max((finding.number or 0.0 for finding in found), default=0.0)
            yield Finding(
                f"future features, {side}s",
                "ok",
                most,
                "partial rank correlation",
                f"with test rows, at most, of {len(numbers)} columns that can be read as numbers; none is a count, a "
                "mean or a time of all rows",
            )


def judge_column(
    side: str,
    name: str,
    values: np.ndarray,
    trained: dict[str, np.ndarray],
    every: dict[str, np.ndarray],
    tested: np.ndarray,
) -> Finding | None:
    """One column, [n] numbers (nan: missing), by two criteria.

    - It is a statistic of all rows (their number, mean rating, first or last time): of the nodes where that statistic
      is not the one of training rows alone, at least half have it.
    - Else its partial rank correlation with the number of test rows, the number of training rows held fixed: what it
      knows of test that training does not. A column may earn that honestly (a release year, in a split by time).
    """
    there = np.isfinite(values)
    for statistic, whole in every.items():
        share = measure_equality(values, whole, trained[statistic], is_time=statistic.endswith("time"))
        if share >= EQUAL:
            return Finding(
                f"future features, {side} {name}",
                "serious",
                share,
                f"share of {side}s",
                f"column {name!r} is the {statistic} of all rows, test among them, where training rows give another",
                f"leave it out (data.features.{side}s.{name}: null), or compute it of training rows",
            )
    if there.sum() < FEW:
        return None
    number = correlate_given(values[there], tested[there], trained["number"][there])
    severity: Severity = "ok"
    if abs(number) >= CORRELATED[0]:
        severity = "serious" if abs(number) >= CORRELATED[1] else "warning"
    return Finding(
        f"future features, {side} {name}",
        severity,
        abs(number),
        "partial rank correlation",
        f"of column {name!r} with test rows, training rows held fixed: it knows of test what training does not",
        "find out when it was computed; leave it out where it was after the first test row",
    )


def measure_equality(values: np.ndarray, whole: np.ndarray, trained: np.ndarray, *, is_time: bool) -> float:
    """The share of nodes that have the statistic of all rows, of those whose training rows give another, [n] each.

    0 where these are too few to say. Times are compared in the units that columns have them in: seconds and parts of
    them, and days.
    """
    readings = [(values, whole, trained, TOLERANCE * np.abs(whole))]
    if is_time:
        readings = [(values / unit, whole, trained, 1.0) for unit in SECONDS]
        readings += [
            (np.floor(values / unit), np.floor(whole / DAY), np.floor(trained / DAY), 0.5) for unit in (1, DAY)
        ]
    best = 0.0
    for mine, of_all, of_training, tolerance in readings:
        both = np.isfinite(mine) & np.isfinite(of_all)
        differs = both & ~(np.abs(of_all - of_training) <= tolerance)
        if differs.sum() >= FEW:
            best = max(best, float((np.abs(mine - of_all) <= tolerance)[differs].mean()))
    return best


def read_numbers(table: pl.DataFrame) -> dict[str, np.ndarray]:
    """Columns that are numbers, dates or times, or text of them: name -> [n] float64; times in seconds."""
    found = {}
    for name, dtype in table.schema.items():
        column = table[name]
        if dtype == pl.String:
            parsed = (
                column.str.to_datetime(strict=False) if looks_dated(column) else column.cast(pl.Float64, strict=False)
            )
            if parsed.null_count() - column.null_count() > 0.1 * len(column):
                continue
            column, dtype = parsed, parsed.dtype
        if dtype in (pl.Date, pl.Datetime):
            column = column.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
        elif not dtype.is_numeric():
            continue
        found[name] = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return found


def looks_dated(column: pl.Series) -> bool:
    """Whether the first text begins as an ISO date does."""
    first = column.drop_nulls().head(1)
    return bool(len(first)) and bool(first.str.contains(r"^\d{4}-\d{2}-\d{2}").item())


def summarize(rows: pl.DataFrame, side: str, size: int) -> dict[str, np.ndarray]:
    """What is often computed of a node's rows: name -> [n], nan without rows."""
    how = {"number": pl.len().cast(pl.Float64)}
    if RATING in rows.columns:
        how["mean rating"] = pl.col(RATING).mean()
    if TIMESTAMP in rows.columns:
        how |= {"last time": pl.col(TIMESTAMP).max(), "first time": pl.col(TIMESTAMP).min()}
    found = rows.group_by(side).agg(**{name: expression.cast(pl.Float64) for name, expression in how.items()})
    result = {}
    for name in how:
        values = np.full(size, np.nan)
        values[found[side].to_numpy()] = found[name].to_numpy()
        result[name] = values
    result["number"] = np.nan_to_num(result["number"])
    return result


def correlate_given(one: np.ndarray, other: np.ndarray, given: np.ndarray) -> float:
    """Spearman's partial correlation of two columns with a third held fixed; 0 where one of them is constant.

    >>> a, b = np.arange(30.0), np.arange(30.0) % 7
    >>> round(correlate_given(a + b, a, b), 1), correlate_given(a, a * 0, b)
    (1.0, 0.0)
    """
    ranks = np.stack([rankdata(values) for values in (one, other, given)])
    spread = ranks.std(axis=1) > 0
    if not spread[:2].all():
        return 0.0
    if not spread[2]:
        return float(np.corrcoef(ranks[:2])[0, 1])
    (_, xy, xz), (_, _, yz), _ = np.corrcoef(ranks)
    rest = (1 - xz**2) * (1 - yz**2)
    return float((xy - xz * yz) / np.sqrt(rest)) if rest > TOLERANCE else 0.0
