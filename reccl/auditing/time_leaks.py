"""Time leaks: training rows that come after the test rows which a model is to predict."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from reccl.auditing.finding import Finding, grade
from reccl.data.columns import ITEM, TEST, TIMESTAMP, TRAIN, USER, VALIDATION
from reccl.data.dataset import Dataset
from reccl.data.splits import GlobalTimeline
from reccl.data.splits.holdout import sort_rows
from reccl.evaluation import Evaluation, Evaluator
from reccl.scorers import Popularity

OWN, ALL = (0.01, 0.05, 0.2), (0.01, 0.05, 0.5)
"""Shares of test rows from which on a leak is a note, a warning, serious: of the same user's future, of anyone's."""
REMEDY = "data.split.kind=global_timeline (or temporal): no training row is newer than a test row"


def find_time_leaks(data: Dataset) -> Iterator[Finding]:
    """The shares of test rows older than training rows of the same user, and of anyone, and what a timeline gives."""
    if not has_times(data):
        yield Finding(
            "time, same user",
            "note",
            None,
            "share of test rows",
            "no row of this data has a time, so that nobody can say whether the past is predicted from the future",
            "use data with times, or say that the split is not in time",
        )
        return
    newest = data.train.group_by(USER).agg(newest=pl.col(TIMESTAMP).max())
    own = data.test.join(newest, on=USER, how="left").select(pl.col(TIMESTAMP) < pl.col("newest")).to_series()
    share = float(own.fill_null(False).mean() or 0)  # type: ignore[arg-type]
    yield Finding(
        "time, same user",
        grade(share, OWN),
        share,
        "share of test rows",
        "test rows older than the newest training row of the same user",
        REMEDY if share >= OWN[0] else "",
    )
    times = np.sort(data.train[TIMESTAMP].to_numpy())
    later = 1 - np.searchsorted(times, data.test[TIMESTAMP].to_numpy(), side="right") / max(1, len(times))  # [T]
    share = float((later > 0).mean()) if len(later) else 0.0
    yield Finding(
        "time, anyone",
        grade(share, ALL),
        share,
        "share of test rows",
        f"test rows older than the newest training row of anyone; of the median test row {np.median(later):.0%} of all "
        "training rows are the future"
        if len(later)
        else "there are no test rows",
        REMEDY if share >= ALL[0] else "",
    )
    if share >= ALL[0]:
        yield describe_timeline(data)


def has_times(data: Dataset) -> bool:
    """Whether every training and test row has a time."""
    return all(TIMESTAMP in rows.columns and not rows[TIMESTAMP].null_count() for rows in (data.train, data.test))


def describe_timeline(data: Dataset) -> Finding:
    """What a global timeline split of the same rows gives: how many test rows have a trained user and item."""
    cut = cut_by_timeline(data)
    old = {side: cut.test[side].is_in(cut.train[side].unique().implode()).to_numpy() for side in (USER, ITEM)}
    here, there = (rank_by_popularity(each) for each in (data, cut))
    return Finding(
        "time, global timeline",
        "note",
        float((old[USER] & old[ITEM]).mean()),
        "share of test rows",
        f"with both user and item trained, after one cut in time: {cut.test.height:,} test rows of "
        f"{cut.test[USER].n_unique():,} users; {1 - old[USER].mean():.0%} of rows are of new users, "
        f"{1 - old[ITEM].mean():.0%} of new items; NDCG@10 of popularity is {here:.4f} here and {there:.4f} there",
        "train with it beside this split, and see whether the same method is best",
    )


def rank_by_popularity(data: Dataset) -> float:
    """NDCG@10 of the most popular training items."""
    evaluator = Evaluator.of(data, TEST, Evaluation(cutoffs=(10,)), groups=False)
    return evaluator(Popularity().build(data.build_graph(), None)).means()["ndcg_at_10"]


def cut_by_timeline(data: Dataset) -> Dataset:
    """The same rows and numbers, cut at one time, with as many test rows as now."""
    columns = [USER, ITEM, TIMESTAMP]
    rows = sort_rows(
        pl.concat([data.part(part).select(columns) for part in (TRAIN, VALIDATION, TEST)]).drop_nulls(TIMESTAMP)
    )
    masks = GlobalTimeline(test=min(0.99, data.test.height / max(1, rows.height))).split(rows).by_part()
    parts = {part: rows.filter(mask) for part, mask in masks.items()}
    return replace(data, train=parts[TRAIN], validation=parts[VALIDATION], test=parts[TEST], given={})
