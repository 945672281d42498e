"""Tracking, an index: runs in MLflow. The only room that imports mlflow.

What records runs is loaded when it is first used: a list of them needs neither MLflow nor torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reccl.tracking.environment import commit, environment, read_environment, version_of
from reccl.tracking.find import (
    config_of,
    data_of,
    find,
    find_unfinished,
    has_model,
    item_hits_of,
    match,
    metrics_of,
    model_folder,
    model_of,
    per_user_of,
    runs,
    stored_runs,
    text_of,
)
from reccl.tracking.liveness import checkpoint_folder, has_checkpoint, process_tags
from reccl.tracking.mlflow_when_used import quiet_mlflow
from reccl.tracking.store import EXPERIMENT, client, experiment_id, folder, own_store, store
from reccl.tracking.tags import (
    DEVIATION,
    INTERRUPTED,
    KIND,
    MODEL_TAG,
    SPLIT_TEST,
    TRIAL,
    UPDATE,
    UPDATED_FROM,
    WARM_START,
)

if TYPE_CHECKING:
    from reccl.tracking.kept import keep_audit, record_lists
    from reccl.tracking.parent import parent_run, record_means, seeds_run
    from reccl.tracking.results import without_credentials
    from reccl.tracking.run import SERVED, Run
    from reccl.tracking.start import PARENT, start_run
    from reccl.tracking.tracker import Tracker
    from reccl.tracking.trials import end_trial, start_trial
    from reccl.tracking.unrecorded import UNRECORDED, find_unrecorded, sync
    from reccl.tracking.updated import record_update
    from reccl.tracking.warm import warm_start_of

_PLACES = {
    "PARENT": "start",
    "SERVED": "run",
    "UNRECORDED": "unrecorded",
    "Run": "run",
    "Tracker": "tracker",
    "end_trial": "trials",
    "find_unrecorded": "unrecorded",
    "keep_audit": "kept",
    "record_lists": "kept",
    "parent_run": "parent",
    "record_means": "parent",
    "record_update": "updated",
    "seeds_run": "parent",
    "start_run": "start",
    "start_trial": "trials",
    "sync": "unrecorded",
    "warm_start_of": "warm",
    "without_credentials": "results",
}
"""Name -> the file that it is loaded from."""

__all__ = [
    "DEVIATION",
    "EXPERIMENT",
    "INTERRUPTED",
    "KIND",
    "MODEL_TAG",
    "PARENT",
    "SERVED",
    "SPLIT_TEST",
    "TRIAL",
    "UNRECORDED",
    "UPDATE",
    "UPDATED_FROM",
    "WARM_START",
    "Run",
    "Tracker",
    "checkpoint_folder",
    "client",
    "commit",
    "config_of",
    "data_of",
    "end_trial",
    "environment",
    "experiment_id",
    "find",
    "find_unfinished",
    "find_unrecorded",
    "folder",
    "has_checkpoint",
    "has_model",
    "item_hits_of",
    "keep_audit",
    "match",
    "metrics_of",
    "model_folder",
    "model_of",
    "own_store",
    "parent_run",
    "per_user_of",
    "process_tags",
    "read_environment",
    "record_lists",
    "record_means",
    "record_update",
    "runs",
    "seeds_run",
    "start_run",
    "start_trial",
    "store",
    "stored_runs",
    "sync",
    "text_of",
    "version_of",
    "warm_start_of",
    "without_credentials",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    quiet_mlflow()
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
