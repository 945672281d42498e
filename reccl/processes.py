"""Processes: what several of them can train together, and their road beside rank 0's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.config import Experiment
from reccl.errors import ConfigError, join_names

if TYPE_CHECKING:
    import torch

    from reccl.data.dataset import Dataset
    from reccl.distributed import Group

SHARED = (
    "encoder lightgcn, matrix_factorization or two_tower, with terms ranking, contrast, cross_layer, full_softmax, "
    "neighborhood_aggregation and l2 over the views plain, edge_drop, node_drop, random_walk and noise"
)


def check_processes(experiment: Experiment, processes: int) -> None:
    """Raise ConfigError where something of the experiment cannot be trained by so many processes."""
    if processes == 1:
        return
    if experiment.encoder is None:
        raise ConfigError(f"encoder is empty: there is nothing to train that {processes} processes could share")
    if experiment.pilot:
        raise ConfigError(
            f"pilot is tried by one process: train in one, or set pilot=null and write what it chose, for {processes}"
        )
    terms = {f"objective.{name}": term for name, term in experiment.objective.items() if term.weight}
    parts = {"encoder": experiment.encoder, **terms}
    alone = [f"{key} ({what})" for key, part in parts.items() if (what := part.needs_one_process())]
    if alone:
        raise ConfigError(
            f"{join_names(alone)} cannot be trained by {processes} processes: train in one, or use {SHARED}"
        )


def help_run(experiment: Experiment, data: Dataset | None, device: torch.device, group: Group) -> None:
    """What every other rank does while rank 0 runs the experiment: the same data, and its part of fit and refit."""
    from reccl.data.prepare import prepare
    from reccl.fitting import assist

    with group.in_turn():
        data = prepare(experiment.data) if data is None else data
    first = assist(experiment, data, device, group)
    if experiment.training.refit and len(data.validation):
        assist(experiment, data.merge_validation(), device, group, epochs=first.best_epoch or None)
