"""Tracking, an index: runs in MLflow. The only room that imports mlflow."""

from reccl.tracking.environment import commit, environment, version_of
from reccl.tracking.find import (
    find,
    find_unfinished,
    has_model,
    model_folder,
    model_of,
    per_user_of,
    runs,
    text_of,
)
from reccl.tracking.liveness import checkpoint_folder, has_checkpoint, process_tags
from reccl.tracking.results import INTERRUPTED
from reccl.tracking.run import MODEL_TAG, SERVED, Run
from reccl.tracking.start import PARENT, start_run
from reccl.tracking.store import EXPERIMENT, client, experiment_id, folder, own_store, store
from reccl.tracking.tracker import Tracker
from reccl.tracking.unrecorded import UNRECORDED, find_unrecorded, sync

__all__ = [
    "EXPERIMENT",
    "INTERRUPTED",
    "MODEL_TAG",
    "PARENT",
    "SERVED",
    "UNRECORDED",
    "Run",
    "Tracker",
    "checkpoint_folder",
    "client",
    "commit",
    "environment",
    "experiment_id",
    "find",
    "find_unfinished",
    "find_unrecorded",
    "folder",
    "has_checkpoint",
    "has_model",
    "model_folder",
    "model_of",
    "own_store",
    "per_user_of",
    "process_tags",
    "runs",
    "start_run",
    "store",
    "sync",
    "text_of",
    "version_of",
]
