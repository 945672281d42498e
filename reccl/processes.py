"""Processes: what several of them can train together, and their road beside rank 0's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from reccl.config import Experiment
from reccl.encoders import AnyEncoder
from reccl.errors import ConfigError, join_names
from reccl.training import AnyTerm
from reccl.views import AnyView

if TYPE_CHECKING:
    import torch

    from reccl.data.dataset import Dataset
    from reccl.distributed import Group


def check_processes(experiment: Experiment, processes: int) -> None:
    """Raise ConfigError where something of the experiment cannot be trained by so many processes."""
    if processes == 1:
        return
    if experiment.encoder is None:
        raise ConfigError(f"encoder is empty: there is nothing to train that {processes} processes could share")
    if experiment.pilot:
        raise ConfigError(
            f"pilot is tried by one process: train in one; for {processes} processes set pilot=null and what it chose"
        )
    terms = {f"objective.{name}": term for name, term in experiment.objective.items() if term.weight}
    parts = {"encoder": experiment.encoder, **terms}
    alone = [f"{key} ({what})" for key, part in parts.items() if (what := part.needs_one_process())]
    if alone:
        raise ConfigError(
            f"{join_names(alone)} cannot be trained by {processes} processes: train in one, or use {shared_parts()}"
        )


def shared_parts() -> str:
    """The encoders, terms and views that several processes can train, by kind."""
    rooms = {"encoder": AnyEncoder, "terms": AnyTerm, "views": AnyView}
    return "; ".join(
        f"{name} {join_names(part().kind for part in parts_of(room) if part().needs_one_process() is None)}"
        for name, room in rooms.items()
    )


def parts_of(room: object) -> list[Any]:
    """The classes of a room's union."""
    inside = get_args(room)
    found = [part for each in inside for part in parts_of(each)] if inside else [room]
    return [part for part in found if isinstance(part, type) and hasattr(part, "needs_one_process")]


def help_run(
    experiment: Experiment,
    data: Dataset | None,
    device: torch.device,
    group: Group,
    memory_limit: int | None = None,
) -> None:
    """What every other rank does while rank 0 runs the experiment: the same data, and its part of fit and refit."""
    from reccl.data.prepare import prepare
    from reccl.fitting import assist
    from reccl.forecast import require_memory

    with group.in_turn():
        data = prepare(experiment.data) if data is None else data
    require_memory(experiment, data, device, memory_limit, group)
    first = assist(experiment, data, device, group)
    if experiment.training.refit and len(data.validation):
        assist(experiment, data.merge_validation(), device, group, epochs=first.best_epoch or None)
