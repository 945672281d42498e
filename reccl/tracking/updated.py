"""Updated: a run that holds the model of another with the interactions since, and measured nothing."""

from collections.abc import Mapping
from typing import Any

import mlflow

from reccl.recommend import Model
from reccl.recommend.record import TrainingRecord
from reccl.tracking.card import NOTE, command_line
from reccl.tracking.environment import commit, version_of
from reccl.tracking.find import AnyRun
from reccl.tracking.liveness import process_tags
from reccl.tracking.run import Run
from reccl.tracking.start import ended_by_errors
from reccl.tracking.store import client, experiment_id, patience, store_errors
from reccl.tracking.tags import KIND, UPDATE, UPDATED_FROM

CARRIED = ("data", "encoder", "loss", "scorer", "config")
"""Tags of the training that say what the model is."""


def record_update(base: AnyRun, model: Model, record: TrainingRecord, added: Mapping[str, Any]) -> str:
    """Record the updated model of a run, and how much was added; the id of the new run."""
    api, tags = client(), base.data.tags
    about = {
        "reccl.version": version_of("reccl"),
        KIND: UPDATE,
        UPDATED_FROM: base.info.run_id,
        NOTE: f"Run {base.info.run_id} ({base.info.run_name}) with what came since, without training."
        f"\n\n`{command_line()}`",
        **{name: tags[name] for name in CARRIED if name in tags},
        **{f"data.{name}": str(value) for name, value in added.items()},
        **process_tags(),
        **commit(),
    }
    experiment = experiment_id(api)
    with store_errors(), patience():
        name = f"{base.info.run_name}-updated".replace("-updated-updated", "-updated")
        active = mlflow.start_run(experiment_id=experiment, run_name=name, tags=about, log_system_metrics=False)
        run = Run(active.info.run_id, api)
        with ended_by_errors():
            run.model(model, record)
        run.end("FINISHED")
    return run.id
