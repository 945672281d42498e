"""Audit: all checks of an experiment, on its data and on the recorded runs of the same data."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reccl.auditing.candidates import Candidate, find_agreement
from reccl.auditing.finding import Finding, Report
from reccl.auditing.future_features import find_future_features
from reccl.auditing.k_core import find_k_core
from reccl.auditing.overlap import find_overlap
from reccl.auditing.popularity_shift import find_popularity_shift
from reccl.auditing.protocol import find_protocol
from reccl.auditing.time_leaks import find_time_leaks
from reccl.config import Experiment, resolve
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare
from reccl.published import find_published

if TYPE_CHECKING:
    from reccl.tracking.find import AnyRun


def audit(
    config: str | Path | Mapping[str, Any] | Experiment = "movielens",
    data: Dataset | str | None = None,
    *,
    candidates: Sequence[Candidate] | None = None,
    log: Callable[[str], None] = lambda _: None,
    **sections: Any,
) -> Report:
    """Is this experiment to be believed? Every check as a number, its severity, and a remedy; see `reccl audit`.

    Args:
        config: what `reccl.train` takes.
        data: a Dataset, the name of one, or None for the one that the config names.
        candidates: validation and test values of methods that were tried; None: the recorded runs of the same data.
        log: hears where files come from.
        sections: keys of the config to set, as for `reccl.train`.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": [1, 2, 3, 1, 2, 4], "at": [1, 2, 3, 4, 5, 6]})
    >>> data = Dataset.from_frame(rows, timestamp="at", split={"kind": "leave_last_out"})
    >>> report = audit("methods/popularity", data, candidates=[])
    >>> report["time, same user"].number, report["time, anyone"].number
    (0.0, 0.5)

    """
    if data is not None:
        sections["data"] = data.settings if isinstance(data, Dataset) else data
    experiment = resolve(config, sections)
    found = data if isinstance(data, Dataset) else prepare(experiment.data, log)
    tried = recorded_candidates(found, experiment.training.metric) if candidates is None else candidates
    return audit_dataset(experiment, found, tried)


def audit_dataset(experiment: Experiment, data: Dataset, candidates: Sequence[Candidate]) -> Report:
    """The same of a data set that is ready."""
    findings: list[Finding] = [
        *find_time_leaks(data),
        *find_overlap(data, experiment.evaluation.hide),
        *find_k_core(data),
        *find_popularity_shift(data),
        *find_future_features(data),
        *find_protocol(experiment, data),
        *find_agreement(candidates, experiment.training.metric),
    ]
    split = experiment.data.split
    kind = "by the data, or random_per_user" if split is None else str(getattr(split, "kind", type(split).__name__))
    published = find_published(data.digest.test)
    return Report(data.describe(), kind, data.digest.test, published.name if published else "", tuple(findings))


def recorded_candidates(data: Dataset, metric: str) -> list[Candidate]:
    """The finished runs of this very data that have the metric on validation and on test, one a config and seed."""
    from reccl.tracking import metrics_of, runs
    from reccl.tracking.tags import FINGERPRINT, INTERRUPTED

    found: dict[Any, Candidate] = {}
    everyone: list[AnyRun] = runs()
    for run in everyone:
        tags = run.data.tags
        if tags.get(FINGERPRINT) != data.fingerprint or run.info.status != "FINISHED" or INTERRUPTED in tags:
            continue
        values = metrics_of(run)
        validation, test = values.get(f"validation_best/{metric}"), values.get(f"test/{metric}")
        if validation is not None and test is not None:
            found.setdefault(frozenset(run.data.params.items()), Candidate(str(run.info.run_name), validation, test))
    return list(found.values())
