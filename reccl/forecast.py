"""Forecast: what a run will hold in memory at its peak, from the sizes of its data, before anything is built."""

from __future__ import annotations

from dataclasses import replace

import torch

from reccl.config import Experiment
from reccl.data.columns import USER
from reccl.data.dataset import Dataset
from reccl.data.graph import graph_memory
from reccl.memory import (
    MemoryEstimate,
    Need,
    Phase,
    Room,
    Sizes,
    available_memory,
    held_memory,
    one_after_another,
    parse_amount,
    within,
)
from reccl.training.objective import objective_memory

LIBRARIES, AUTOGRAD = 100 << 20, 150 << 20
"""Bytes of code and buffers that libraries add once they are first used, measured with small data: SciPy, what records
a run; and where an encoder trains autograd, and products that are compiled for their shapes."""


def forecast(experiment: Experiment, data: Dataset, device: torch.device) -> MemoryEstimate:
    """The peak of training, validating and testing an experiment on prepared data, by phase.

    What is in memory already, tables and libraries, is measured; the rest comes from the parts, each of which knows
    what it takes (`memory` of encoders, terms, views, scorers, training, evaluation). Of a pilot's candidates the
    largest counts, and a refit has the first fit's model beside it. On a GPU it is the GPU's memory. What the process
    held before, and gave back, does not count.
    """
    on_gpu = device.type == "cuda"
    libraries = LIBRARIES + AUTOGRAD * (experiment.encoder is not None)
    here = () if on_gpu else (Need("libraries and tables", held_memory() + libraries),)
    users = max(data.validation[USER].n_unique(), data.test[USER].n_unique())
    sizes = sizes_of(experiment, data, on_gpu=on_gpu)
    phases = list[Phase]()
    for name, trial in experiment.candidates().items():
        of_trial = sizes_of(trial, data, on_gpu=on_gpu)
        phases += forecast_fit(f"pilot.candidates.{name}: ", trial, of_trial, users, here)
    phases += forecast_fit("", experiment, sizes, users, here)
    if experiment.training.refit and len(data.validation):
        rows = sizes.interactions + data.validation.height
        *_, scorer = experiment.scorer.memory(sizes) or (Need("", 0),)  # the last is itself: what made it is gone
        beside = (Need("the first fit's model", scorer.held), Need("rows of train and validation", ROW_BYTES * rows))
        again = replace(sizes, interactions=rows)
        settled = experiment.model_copy(update={"scorer": experiment.scorer.selected()})
        phases += forecast_fit("refit: ", settled, again, users, (*here, *(() if on_gpu else beside)))
    return MemoryEstimate(tuple(phases))


def find_room(limit: str | int | None, device: torch.device) -> Room:
    """What may be held: a given `limit` ("4GiB", or bytes), else what the machine, its control group or the GPU leaves.

    Raises ConfigError where the limit is no amount.
    """
    if limit is not None:
        return Room(parse_amount(limit, "memory_limit") if isinstance(limit, str) else limit, "allowed")
    return Room(torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_memory())


ROW_BYTES = 24
"""Bytes of an interaction in a table: row numbers, and a rating, weight or time."""


def sizes_of(experiment: Experiment, data: Dataset, *, on_gpu: bool = False) -> Sizes:
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
    )


def forecast_fit(prefix: str, experiment: Experiment, sizes: Sizes, users: int, here: tuple[Need, ...]) -> list[Phase]:
    """The phases of a fit: training with all that it keeps, and evaluation of so many users, beside what is `here`."""
    scorer = within("scorer", experiment.scorer.memory(sizes))
    ranking = (*scorer, *experiment.evaluation.memory(sizes, users))
    shared = (*here, graph_memory(sizes))
    if experiment.encoder is None:
        return [Phase(f"{prefix}evaluation", one_after_another((*shared, *ranking)))]
    (encoder,) = within("encoder", experiment.encoder.memory(sizes))
    kept = experiment.training.memory(sizes, encoder.held)
    step = objective_memory(experiment.objective, sizes, encoder)
    closed_forms = within("scorer", experiment.scorer.kept_memory(sizes))
    training = (*shared, replace(encoder, working=0), *kept, *step, *closed_forms)
    return [
        Phase(f"{prefix}training", one_after_another(training)),
        Phase(f"{prefix}evaluation", one_after_another((*shared, encoder, *kept, *ranking))),
    ]
