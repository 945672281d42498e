"""Pilot: try candidates of an experiment in short trainings, and take the one that validation rows clearly prefer."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import torch

from reccl.atomic import atomic_path
from reccl.config import Experiment
from reccl.data.dataset import Dataset
from reccl.distributed import ALONE
from reccl.errors import join_names
from reccl.fitting import fit_encoder, selection_metric
from reccl.outcome import identify
from reccl.scorers import ScorerBuilder
from reccl.scorers.selection.one_standard_error import clearly_better
from reccl.training import Callback
from reccl.training.pilot import ERRORS, Trial
from reccl.warm_start import WarmStart

WRITTEN = "as written"
KEPT = "pilot.json"


def try_candidates(
    experiment: Experiment,
    data: Dataset,
    device: torch.device,
    *,
    callback: Callback | None = None,
    log: Callable[[str], None] = lambda _: None,
    start: WarmStart | None = None,
    folder: Path | None = None,
) -> tuple[Experiment, list[Trial], ScorerBuilder | None]:
    """The experiment with its best candidate's settings and without a pilot, what was tried, and the last builder.

    Nothing is tried without an encoder, candidates or validation rows. Ctrl-C ends the run: there is no model yet. What
    was tried is kept in `folder`, where there is one, so that a run that is resumed goes on with the same choice.
    """
    pilot, plain = experiment.pilot, experiment.model_copy(update={"pilot": None})
    metric = selection_metric(experiment, data, device)
    if pilot is None or metric is None or experiment.encoder is None:
        return plain, [], None
    every, identity = {WRITTEN: plain, **experiment.candidates()}, identify(experiment, data, "pilot")
    if trials := read_trials(folder, identity):
        before = [trial.candidate for trial in trials if trial.chosen][-1]
        log(f"pilot: {before}, as it chose before")
        return every[before], trials, None
    log(f"pilot: {pilot.epochs} epochs each of what is written and of {join_names(pilot.candidates)}")
    times = any(candidate.scorer.uses_times() for candidate in every.values())
    graph, features = data.build_graph(times=times).to(device), data.build_feature_tables()
    unseen = replace(data, validation=data.validation.clear())  # not looked at between epochs
    short = {"epochs": pilot.epochs, "patience": None, "refit": False, "best_on_test": False}
    best, best_values, clock, builder = plain, torch.empty(0), Budget(pilot.minutes), None
    for name, candidate in every.items():
        if not clock.begin():
            trials.append(Trial(name, experiment.training.metric, None, None, None, chosen=False))
            log(trials[-1].describe())
            continue
        training = candidate.training.model_copy(update=short)
        quick, builder = candidate.model_copy(update={"training": training}), candidate.scorer.builder(graph, builder)
        embeddings, fitted = fit_encoder(
            quick, unseen, graph, features, builder, callback or Callback(), None, None, start, ALONE
        )
        if fitted.interrupted:
            raise KeyboardInterrupt
        values = metric.per_user(metric.score(builder.draft(embeddings)))  # [n]
        gain = (values - best_values).double() if trials else None
        taken = gain is None or clearly_better(values, best_values, ERRORS)
        error = None if gain is None else float(gain.std(correction=0) / len(gain) ** 0.5)
        mean = None if gain is None else float(gain.mean())
        trials.append(Trial(name, experiment.training.metric, float(values.mean()), mean, error, taken))
        log(trials[-1].describe())
        if taken:
            best, best_values = candidate, values
    keep_trials(folder, identity, trials)
    return best, trials, builder


class Budget:
    """Whether another trial probably ends in time, told by the longest so far."""

    def __init__(self, minutes: float | None) -> None:
        self.seconds = float("inf") if minutes is None else 60 * minutes
        self.started, self.begun, self.longest = time.monotonic(), 0.0, 0.0

    def begin(self) -> bool:
        """Begin a trial, and end the one before; the first is always begun."""
        now = time.monotonic() - self.started
        self.longest, self.begun = max(self.longest, now - self.begun), now
        return now + self.longest <= self.seconds or not self.longest


def keep_trials(folder: Path | None, identity: str, trials: Sequence[Trial]) -> None:
    """Keep what was tried beside the checkpoints of the run; a disk that is full does not end the run."""
    if folder is not None:
        with suppress(OSError), atomic_path(folder / KEPT) as draft:
            draft.write_text(json.dumps({"identity": identity, "trials": [asdict(trial) for trial in trials]}))


def read_trials(folder: Path | None, identity: str) -> list[Trial]:
    """What was tried before the run was stopped; empty where nothing readable of the same config and data is kept."""
    if folder is not None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads((folder / KEPT).read_text())
            if kept["identity"] == identity:
                return [Trial(**trial) for trial in kept["trials"]]
    return []
