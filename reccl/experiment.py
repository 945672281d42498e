"""The straight road: prepare > pilot > fit > refit > evaluate > record."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch

from reccl.clock import Clock, peak_memory
from reccl.config import Experiment, own_code
from reccl.config_file import write_override
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare, report
from reccl.determinism import fixed_order
from reccl.distributed import ALONE, Group
from reccl.energy import EnergyMeter
from reccl.evaluation import Slices
from reccl.fitting import check_parts, learn, means, measure_part, note_unweighted
from reccl.forecast import require_memory
from reccl.memory import parse_amount
from reccl.outcome import Outcome, RunCallback, best_look, diff_settings, find_checkpoints, find_folder, mean_speed
from reccl.pilot import try_candidates
from reccl.recommend import Model
from reccl.training import Callbacks
from reccl.training.device import resolve_device
from reccl.training.pilot import Trial
from reccl.trust import record_trust
from reccl.warm_start import WarmStart


def run(
    experiment: Experiment,
    data: Dataset | None = None,
    *,
    device: str = "auto",
    callbacks: Sequence[RunCallback] = (),
    log: Callable[[str], None] = lambda _: None,
    start: WarmStart | None = None,
    group: Group = ALONE,
    memory_limit: str | int | None = None,
) -> Outcome:
    """Run an experiment on `data`, or on what its data section names: from raw files to metrics and a model.

    Ctrl-C ends training after the current step; the best epoch so far is evaluated and kept. `start` is an earlier run
    whose parameters training begins with. With a `group` of several ranks this is rank 0, and the others help (see
    `reccl.processes.help_run`). Raises TrainingError, before anything is built, where the run would not fit the memory
    that is available, or a `memory_limit` ("4GiB", or bytes), which all ranks of one machine have together.
    """
    hardware, clock = resolve_device(device), Clock()
    limit = parse_amount(memory_limit, "memory_limit") if isinstance(memory_limit, str) else memory_limit
    with clock("prepare_seconds"), group.in_turn():
        data = prepare(experiment.data, log) if data is None else data
    record_trust(list(own_code(experiment)))
    report(data, log)
    expected, before = require_memory(experiment, data, hardware, limit, group, log), peak_memory(hardware)
    check_parts(experiment, data)
    if start is not None:
        log(f"warm start from {start.describe(start.check(experiment.encoder, data, experiment.evaluation))}")
    for note in note_unweighted(experiment, data):
        log(note)
    for note in data.build_feature_tables().notes():
        log(f"note: {note}")
    try:
        for callback in callbacks:
            callback.on_run_start(experiment, data)
        with fixed_order(experiment.deterministic, hardware), EnergyMeter() as meter:
            outcome = fit_and_test(experiment, data, hardware, clock, meter, callbacks, log, start, group)
        known = {"estimated_memory_gib": max(before, expected["own"] / 2**30)}  # of the process, as the peak is
        if group.size > 1:
            known["estimated_memory_of_all_gib"] = expected["all"] / 2**30
        outcome = replace(outcome, timing={**outcome.timing, **known})
        for callback in callbacks:
            callback.on_run_end(outcome)
    except BaseException as error:
        for callback in callbacks:
            callback.on_run_error(error)
        raise
    return outcome


def fit_and_test(
    experiment: Experiment,
    data: Dataset,
    device: torch.device,
    clock: Clock,
    meter: EnergyMeter,
    callbacks: Sequence[RunCallback],
    log: Callable[[str], None],
    start: WarmStart | None,
    group: Group,
) -> Outcome:
    """Fit, select on validation rows, refit where asked for, and read the test rows once."""
    every, refit, trained_on = Callbacks(callbacks), None, data
    checkpoints = partial(find_checkpoints, callbacks, experiment, data, log=log)
    chosen, trials, built = experiment, list[Trial](), None
    if experiment.pilot:
        with clock("pilot_seconds"):
            chosen, trials, built = try_candidates(
                experiment, data, device, log=log, start=start, folder=find_folder(callbacks)
            )
    with clock("train_seconds"):
        kept = checkpoints(phase="fit")
        model = learn(chosen, data, device, every, checkpoints=kept, start=start, group=group, built=built)
        del built  # its closed forms are of these rows, and the refit has others
    first = model.fit
    clock.seconds["train_seconds"] += first.earlier_seconds
    selected = diff_settings(experiment, model.experiment)
    if selected:
        log(f"selected on validation: {', '.join(write_override(*each) for each in selected.items())}")
    with clock("evaluate_seconds"):
        validation = means(measure_part(model.fold_in_given(data, "validation").ranker, data, "validation", experiment))
    if experiment.training.refit and not first.interrupted and len(data.validation):
        log(f"refit on train and validation rows{f', {first.best_epoch} epochs' if first.best_epoch else ''}")
        for callback in callbacks:
            callback.on_refit_start()
        with clock("refit_seconds"):
            whole, epochs = data.merge_validation(), first.best_epoch or None
            kept = checkpoints(phase="refit")
            again = learn(
                model.experiment, whole, device, every, epochs=epochs, checkpoints=kept, start=start, group=group
            )
        refit = again.fit
        clock.seconds["refit_seconds"] += refit.earlier_seconds
        if not refit.interrupted:
            model, trained_on = again, whole
    with clock("evaluate_seconds"):
        model = model.fold_in_given(trained_on, "test")
        tested = measure_part(model.ranker, trained_on, "test", experiment)
    metrics = {"validation": validation, "test": means(tested)}
    if looked := best_look((refit or first).history, experiment.training.metric):
        metrics["best_on_test"] = looked
    return Outcome(
        experiment,
        selected,
        data,
        Model.of(
            model.scorer,
            data,
            model.towers,
            model.sources,
            lists_seen=experiment.evaluation.hide == "none",
        ),
        first,
        refit,
        metrics,
        tested,
        {**clock.seconds, **mean_speed(first), **meter.stop(), "peak_memory_gib": peak_memory(device)},
        Slices.of(trained_on.train, len(data.user_ids), len(data.item_ids)).cold_sides(data.test),
        trials,
    )
