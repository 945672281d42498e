"""Forecast: what a run will hold in memory at its peak, from the sizes of its data, before anything is built."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import replace

import torch

from reccl.config import Experiment
from reccl.data.columns import USER
from reccl.data.dataset import Dataset
from reccl.data.graph_memory import graph_memory
from reccl.distributed import ALONE, Group, is_rank
from reccl.memory import (
    MemoryEstimate,
    Need,
    Phase,
    Share,
    Sizes,
    at_place,
    available_memory,
    find_room,
    held_memory,
    one_after_another,
    require_room,
    sum_estimates,
    within,
    write_amount,
)
from reccl.training.objective import objective_memory

LIBRARIES, AUTOGRAD = 100 << 20, 150 << 20
"""Bytes of code and buffers that libraries add once they are first used, measured with small data: SciPy, what records
a run; and where an encoder trains autograd, and products that are compiled for their shapes."""


def forecast(experiment: Experiment, data: Dataset, device: torch.device, group: Group = ALONE) -> MemoryEstimate:
    """The peak of training, validating and testing an experiment on prepared data, by phase, in this rank of a group.

    What is in memory already, tables and libraries, is measured; the rest comes from the parts, each of which knows
    what it takes (`memory` of encoders, terms, views, scorers, training, evaluation). Of a pilot's candidates the
    largest counts, and a refit has the first fit's model beside it. On a GPU it is the GPU's memory. What the process
    held before, and gave back, does not count.
    """
    on_gpu = device.type == "cuda"
    libraries = LIBRARIES + AUTOGRAD * (experiment.encoder is not None)
    here = () if on_gpu else (Need("libraries and tables", held_memory() + libraries),)
    users = max(data.validation[USER].n_unique(), data.test[USER].n_unique())
    sizes = sizes_of(experiment, data, on_gpu=on_gpu, group=group)
    phases = list[Phase]()
    for name, trial in experiment.candidates().items():
        of_trial = sizes_of(trial, data, on_gpu=on_gpu)
        phases += forecast_fit(f"pilot.candidates.{name}: ", trial, of_trial, users, here)
    phases += forecast_fit("", experiment, sizes, users, here)
    if experiment.training.refit and len(data.validation):
        rows = sizes.interactions + data.validation.height
        *_, scorer = experiment.scorer.memory(sizes) or (Need("", 0),)  # the last is itself: what made it is gone
        first = (Need("the first fit's model", scorer.held),) if sizes.leads else ()
        beside = (*first, Need("rows of train and validation", ROW_BYTES * rows))
        again = replace(sizes, interactions=rows)
        settled = experiment.model_copy(update={"scorer": experiment.scorer.selected()})
        phases += forecast_fit("refit: ", settled, again, users, (*here, *(() if on_gpu else beside)))
    return MemoryEstimate(tuple(phases))


def require_memory(
    experiment: Experiment,
    data: Dataset,
    device: torch.device,
    limit: int | None,
    group: Group = ALONE,
    log: Callable[[str], object] = str,
) -> dict[str, int]:
    """Say what the run will take at its peak, and require it: of what is available, or of a `limit`, which all
    processes of one machine (or on one GPU) have together. The bytes, of this process and of those.

    All ranks call it, once they have their data, and all raise TrainingError where it is not there for some of them.
    """
    group.each(None)  # all have their data
    shares = group.each(share_of(forecast(experiment, data, device, group), device))
    own = shares[group.rank]
    for place in dict.fromkeys(share.place for share in shares):
        there = at_place(shares, place)
        whole, room = sum_estimates(there), find_room(there, limit)
        if place == own.place:
            rest = max((share.estimate.bytes for share in there if share is not own), default=0)
            of_each = (
                f": {write_amount(own.estimate.bytes)} in rank {group.rank}, {write_amount(rest)} at most in others"
            )
            log(whole.describe(room) + (of_each if rest else ""))
            known = {"own": own.estimate.bytes, "all": whole.bytes}
        require_room(whole, room)
    return known


def share_of(estimate: MemoryEstimate, device: torch.device) -> Share:
    """The part that this process has of its machine's memory, or of its GPU's."""
    machine = f"{os.environ.get('GROUP_RANK', '')} {platform.node()}"
    if device.type == "cuda":
        return Share(f"{machine} {device}", torch.cuda.mem_get_info(device)[0], 0, 0, estimate)
    available, held = available_memory(), held_memory()
    launcher = held_memory(os.getppid()) if is_rank() else 0
    return Share(machine, None if available is None else available - held, held, launcher, estimate)


ROW_BYTES = 24
"""Bytes of an interaction in a table: row numbers, and a rating, weight or time."""


def sizes_of(experiment: Experiment, data: Dataset, *, on_gpu: bool = False, group: Group = ALONE) -> Sizes:
    """What is known of a fit before anything is built."""
    rows = data.train.height + data.validation.height
    return Sizes(
        len(data.user_ids),
        len(data.item_ids),
        data.train.height,
        rows + sum(table.height for table in data.given.values()),
        experiment.training.batch_size,
        0 if experiment.encoder is None else experiment.encoder.width,
        on_gpu,
        group.size,
        group.leads,
    )


def forecast_fit(prefix: str, experiment: Experiment, sizes: Sizes, users: int, here: tuple[Need, ...]) -> list[Phase]:
    """The phases of a fit: training with all that it keeps, and evaluation of so many users, beside what is `here`.

    Of several processes rank 0 alone evaluates, and the others keep what they have; and each makes all rows of the
    encoder before it keeps its own.
    """
    shared, ranking, closed_forms = (*here, graph_memory(sizes)), tuple[Need, ...](), tuple[Need, ...]()
    if sizes.leads:
        scorer = within("scorer", experiment.scorer.memory(sizes))
        ranking = (*scorer, *experiment.evaluation.memory(sizes, users))
        closed_forms = within("scorer", experiment.scorer.kept_memory(sizes))
    if experiment.encoder is None:
        return [Phase(f"{prefix}evaluation", one_after_another((*shared, *ranking)))]
    encoder, *hop = within("encoder", experiment.encoder.memory(sizes))
    kept = experiment.training.memory(sizes, encoder.held)
    step = objective_memory(experiment.objective, sizes, encoder)
    training = (*shared, replace(encoder, working=0), *kept, *hop, *step, *closed_forms)
    first = Need("the encoder's first rows, of all nodes", 2 * encoder.held * sizes.processes, 0, encoder.smaller)
    beginning = Phase(f"{prefix}beginning", one_after_another((*shared, first, *closed_forms)))
    return [
        *([beginning] if sizes.processes > 1 else []),
        Phase(f"{prefix}training", one_after_another(training)),
        Phase(f"{prefix}evaluation", one_after_another((*shared, encoder, *hop, *kept, *ranking))),
    ]
