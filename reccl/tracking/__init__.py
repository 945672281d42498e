"""Tracking, an index: runs in MLflow. The only room that imports mlflow."""

from reccl.tracking.find import find, has_model, model_folder, model_of, per_user_of, runs, text_of
from reccl.tracking.run import MODEL_TAG, SERVED, Run
from reccl.tracking.store import EXPERIMENT, client, experiment_id, folder, own_store, store
from reccl.tracking.tracker import PARENT, Tracker, commit, environment, start_run, version_of

__all__ = [
    "EXPERIMENT",
    "MODEL_TAG",
    "PARENT",
    "SERVED",
    "Run",
    "Tracker",
    "client",
    "commit",
    "environment",
    "experiment_id",
    "find",
    "folder",
    "has_model",
    "model_folder",
    "model_of",
    "own_store",
    "per_user_of",
    "runs",
    "start_run",
    "store",
    "text_of",
    "version_of",
]
