"""Promotion: a run's model becomes the one that is served, where it is better than the one that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reccl import tracking
from reccl.comparison import values_in
from reccl.errors import NotBetterError, RunError, did_you_mean, join_names
from reccl.evaluation.bootstrap import LEVEL, Difference, compare_methods
from reccl.nightly.measured_again import measure_again
from reccl.tracking.registry import default_name, holder_of, register

if TYPE_CHECKING:
    import polars as pl

    from reccl.recommender import Recommender
    from reccl.tracking.find import AnyRun

HIDE = "evaluation.hide"


@dataclass(frozen=True)
class Promotion:
    """A model that has a name and an alias in the registry now."""

    run: str  # id
    name: str
    alias: str
    version: str
    before: str = ""  # id of the run whose model had the alias; empty: none had it
    metric: str = ""
    difference: Difference | None = None  # to the model of before, where the two were compared

    @property
    def address(self) -> str:
        """What reccl and MLflow take in place of a run."""
        return f"models:/{self.name}@{self.alias}"


def promote(
    run: str | Recommender,
    alias: str = "champion",
    *,
    name: str | None = None,
    if_better: str | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> Promotion:
    """Register the model of a run in MLflow, and give it an alias by which it is served: `models:/NAME@ALIAS`.

    Args:
        run: a run by id, prefix, name or address, or a tracked Recommender.
        alias: champion, or what else is served by: an alias means one model of a name.
        name: of the registered model; None: that of the run's config. Give one that stays when configs change.
        if_better: a test metric, such as "test/ndcg_at_10": promote only where the 95 % interval of its relative
            difference to the model that has the alias lies above zero. It is the paired one of `reccl compare`
            (`reccl.evaluation.bootstrap`), over the users of both, of these two models: what is served is a model, not
            a method, so other seeds have no part in it. Runs of the same data and split have their users' values; the
            model of another day's data is measured again on the test rows of `run`, as `reccl update` would bring it to
            that day (`reccl.nightly.measured_again`), and refused where it was trained on them. Where no model has the
            alias, the first is promoted without a comparison.
        log: hears of a run that was stopped.

    Raises NotBetterError where the interval is not above zero, and RunError where there is nothing to compare. The
    registry is then as it was.

    >>> reccl.promote("latest", name="shop", if_better="test/ndcg_at_10")  # doctest: +SKIP

    """
    wanted = run if isinstance(run, str) else run.run_id
    if not wanted:
        raise RunError("this model was not recorded: train with track=True, and promote its run")
    found = tracking.find(wanted, log)
    name = default_name(found) if name is None else name
    holder = holder_of(name, alias)
    before = "" if holder is None else holder.info.run_id
    about = (found.info.run_id, name, alias)
    difference, tags = None, {}
    if if_better is not None:
        values = values_of(found, if_better)  # also for the first: a metric that does not exist is an error early
        if holder is not None and before != found.info.run_id:
            difference = compare_with(holder, found, if_better, values, log)
            if not difference.low > 0:
                raise NotBetterError(
                    f"{describe(found)} is not better than {describe(holder)}, models:/{name}@{alias}: "
                    f"{write_difference(if_better, difference)}; it stays"
                )
            tags = {"reccl.against": before, "reccl.difference": write_difference(if_better, difference)}
    version = register(found, name, alias, tags)
    return Promotion(*about, version, before, if_better or "", difference)


def compare_with(
    holder: AnyRun, run: AnyRun, metric: str, values: pl.DataFrame, log: Callable[[str], None]
) -> Difference:
    """How far a run is from the one that has the alias. Raises RunError where the two cannot be compared."""
    hidden, others = (each.data.params.get(HIDE, "known") for each in (run, holder))
    if hidden != others:
        raise RunError(f"{describe(run)} was measured with {HIDE} {hidden}, {describe(holder)} with {others}")
    if is_same_data(run, holder):
        theirs = values_of(holder, metric)
    else:
        log(f"other data than that of {describe(holder)}, which is measured again on the test rows of {describe(run)}")
        theirs = measure_again(holder, run, metric, log)
    found = compare_methods([values], [theirs])
    if found is None:
        raise RunError(f"no interval: {describe(run)} and {describe(holder)} have no users in common, or {metric} is 0")
    return found


def is_same_data(run: AnyRun, other: AnyRun) -> bool:
    """Whether two runs have the same ids, rows, features and split."""
    one, two = (each.data.tags.get("reccl.fingerprint") for each in (run, other))
    return one is not None and one == two


def values_of(run: AnyRun, metric: str) -> pl.DataFrame:
    """user, value of a test metric. Raises RunError where the run has none."""
    table = tracking.per_user_of(run)
    values = values_in(table, metric)
    if values is None:
        known = (
            [f"test/{name}" for name in table.columns if "_at_" in name and "/" not in name]
            if table is not None
            else []
        )
        raise RunError(
            f"{describe(run)} has no values of {metric!r} for its users{did_you_mean(metric, known)}; "
            f"there are: {join_names(known)}"
        )
    return values


def write_difference(metric: str, difference: Difference) -> str:
    """A difference with its interval, in a few words.

    >>> write_difference("test/ndcg_at_10", Difference(943, 1, 0.021, -0.004, 0.046, 0.1, 0.02, 0.4, 0.3))
    'test/ndcg_at_10 +2.1% (95% interval -0.4% to +4.6%, paired over 943 users)'
    """
    found = difference
    interval = f"{LEVEL:.0%} interval {found.low:+.1%} to {found.high:+.1%}"
    return f"{metric} {found.relative:+.1%} ({interval}, paired over {found.users:,} users)"


def describe(run: AnyRun) -> str:
    """A run in a few words."""
    return f"{run.info.run_name} {run.info.run_id[:8]}"
