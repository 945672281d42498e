"""Pilot: try candidates of an experiment in short trainings, and take the one that validation rows clearly prefer."""

from collections.abc import Callable
from dataclasses import replace

import torch

from reccl.config import Experiment
from reccl.data.dataset import Dataset
from reccl.distributed import ALONE
from reccl.errors import join_names
from reccl.fitting import fit_encoder, selection_metric
from reccl.scorers.selection.one_standard_error import clearly_better
from reccl.training import Callback
from reccl.training.pilot import Trial
from reccl.warm_start import WarmStart

WRITTEN = "as written"


def try_candidates(
    experiment: Experiment,
    data: Dataset,
    device: torch.device,
    *,
    callback: Callback | None = None,
    log: Callable[[str], None] = lambda _: None,
    start: WarmStart | None = None,
) -> tuple[Experiment, list[Trial]]:
    """The experiment with the settings of its best candidate and without a pilot, and what was tried.

    Nothing is tried without an encoder, candidates or validation rows. Ctrl-C ends the run: there is no model yet.
    """
    pilot, plain = experiment.pilot, experiment.model_copy(update={"pilot": None})
    metric = selection_metric(experiment, data, device)
    if pilot is None or metric is None or experiment.encoder is None:
        return plain, []
    log(f"pilot: {pilot.epochs} epochs each of what is written and of {join_names(pilot.candidates)}")
    graph, features = data.build_graph(times=experiment.scorer.uses_times()).to(device), data.build_feature_tables()
    unseen = replace(data, validation=data.validation.clear())  # not looked at between epochs
    short = {"epochs": pilot.epochs, "patience": None, "refit": False, "best_on_test": False}
    best, best_values, trials = plain, torch.empty(0), list[Trial]()
    for name, candidate in {WRITTEN: plain, **experiment.candidates()}.items():
        training = candidate.training.model_copy(update=short)
        quick, builder = candidate.model_copy(update={"training": training}), candidate.scorer.builder(graph)
        embeddings, fitted = fit_encoder(
            quick, unseen, graph, features, builder, callback or Callback(), None, None, start, ALONE
        )
        if fitted.interrupted:
            raise KeyboardInterrupt
        values = metric.per_user(metric.score(builder.build(embeddings)))  # [n]
        gain = (values - best_values).double() if trials else None
        taken = gain is None or clearly_better(values, best_values)
        error = None if gain is None else float(gain.std(correction=0) / len(gain) ** 0.5)
        mean = None if gain is None else float(gain.mean())
        trials.append(Trial(name, experiment.training.metric, float(values.mean()), mean, error, taken))
        log(trials[-1].describe())
        if taken:
            best, best_values = candidate, values
    return best, trials
