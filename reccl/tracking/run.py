"""Run: writes what a run has to say into MLflow, and no number twice."""

import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import mlflow
import pandas as pd
import polars as pl
from mlflow.entities import Metric, Param, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.tracking import MlflowClient

from reccl.recommend import Model, save
from reccl.recommend.record import TrainingRecord, write_record
from reccl.tracking.environment import SERVED_NEEDS
from reccl.tracking.headline import epoch_metrics
from reccl.tracking.signature import describe_requests
from reccl.tracking.tags import MODEL_TAG
from reccl.training import Epoch

UNFIT = re.compile(r"[^/\w.\- :]")
"""Characters that MLflow does not take in the name of a parameter; a column may be called `size (cm)`."""
SERVED = Path(__file__).parents[1] / "serving" / "served.py"
PLAIN = "RECCL_PLAIN_LISTS"
"""What served.py looks for, which imports nothing of reccl."""
BATCH = 1000
"""Most numbers that MLflow takes in one request."""


@dataclass(frozen=True)
class Run:
    """A run being recorded."""

    id: str
    api: MlflowClient
    recorded: dict[tuple[str, int], int] = field(default_factory=dict)  # (metric, step) of what it holds -> its time
    recorded_before: bool = False  # whether another process has recorded something of it

    @classmethod
    def reopen(cls, run_id: str, api: MlflowClient) -> Self:
        """A run that holds something already."""
        names = api.get_run(run_id).data.metrics
        history = (point for name in names for point in api.get_metric_history(run_id, name))
        points = {(point.key, point.step): point.timestamp for point in history}
        return cls(run_id, api, points, recorded_before=True)

    def epoch(self, record: Epoch, chosen_by: str = "") -> None:
        """Losses and validation metrics of one epoch, in one request."""
        self.metrics(epoch_metrics(record, chosen_by), step=record.number)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Numbers by name; those that the run holds at this step already are left out."""
        now = int(time.time() * 1000)
        new = [name for name in values if (name, step) not in self.recorded]
        self.write([Metric(name, float(values[name]), now, step) for name in new])

    def write(self, points: list[Metric]) -> None:
        """Points of metrics, as many in a request as MLflow takes."""
        for start in range(0, len(points), BATCH):
            self.api.log_batch(self.id, metrics=points[start : start + BATCH])
            self.recorded.update({(point.key, point.step): point.timestamp for point in points[start : start + BATCH]})

    def model_metrics(self, values: Mapping[str, float], step: int, model: str, held: MlflowRun) -> None:
        """The numbers of the run's end, also as those of its model (an id), each on the data it was measured on.

        What the run holds already, from before it was killed, is not written again.
        """
        inputs = held.inputs.dataset_inputs if held.inputs else []
        used = {tag.value: each.dataset for each in inputs for tag in each.tags}
        points, now = [], int(time.time() * 1000)
        for name, value in values.items():
            on = used.get({"validation_best": "validation"}.get(part := name.partition("/")[0], part))
            about = {"dataset_name": on.name, "dataset_digest": on.digest} if on else {}
            points.append(Metric(name, float(value), now, step, model_id=model, run_id=self.id, **about))
        self.write([point for point in points if (point.key, step) not in self.recorded])

    def params(self, values: Mapping[str, Any]) -> None:
        """The flat config; values are cut where they are too long for MLflow."""
        params = [Param(UNFIT.sub("_", name)[:250], str(value)[:6000]) for name, value in values.items()]
        for start in range(0, len(params), 100):
            self.api.log_batch(self.id, params=params[start : start + 100])

    def tag(self, name: str, value: str) -> None:
        """A text about the run."""
        self.api.set_tag(self.id, name, value)

    def tags(self, values: Mapping[str, str]) -> None:
        """Several texts about the run, in one request."""
        self.api.log_batch(self.id, tags=[RunTag(name, value) for name, value in values.items()])

    def text(self, name: str, text: str) -> None:
        """A small text file."""
        self.api.log_text(self.id, text, name)

    def file(self, path: Path, where: str) -> None:
        """A file that exists on disk; `where` is a folder of the run, empty for its own."""
        self.api.log_artifact(self.id, str(path), where or None)

    def remove_tag(self, name: str) -> None:
        """Forget a text, where the run has it."""
        if name in self.api.get_run(self.id).data.tags:
            self.api.delete_tag(self.id, name)

    def end(self, status: str) -> None:
        """End the run: FINISHED, FAILED or KILLED."""
        if mlflow.active_run():
            mlflow.end_run(status)
        else:
            self.api.set_terminated(self.id, status)

    def model(self, model: Model, record: TrainingRecord) -> None:
        """The model and how it was trained, as safetensors, Parquet and JSON behind MLflow's pyfunc interface."""
        with tempfile.TemporaryDirectory() as draft:
            save(model, Path(draft) / "model")
            write_record(record, Path(draft) / "model")
            self.model_folder(Path(draft) / "model")

    def model_folder(self, folder: Path, name: str = "model") -> str:
        """The same from the folder that `save` and `write_record` wrote; the id of the model in MLflow."""
        users = pl.scan_parquet(folder / "users.parquet").head(3).collect().to_series()
        example = pd.DataFrame({"user": users.to_list()})
        with plain_lists():
            logged = mlflow.pyfunc.log_model(
                name=name,
                model_type="recommender",
                python_model=str(SERVED),
                artifacts={"model": str(folder)},
                signature=describe_requests(folder),
                input_example=example,
                pip_requirements=[f"{package}=={version(package)}" for package in SERVED_NEEDS],
            )
        self.tag(MODEL_TAG, logged.model_uri)
        self.remove_models(logged.model_id)
        return str(logged.model_id)

    def remove_models(self, kept: str) -> None:
        """Forget all its models but one: those of an earlier end, before the run was resumed."""
        if not self.recorded_before:
            return
        experiment = self.api.get_run(self.id).info.experiment_id
        for model in self.api.search_logged_models([experiment], filter_string=f"source_run_id='{self.id}'"):
            if model.model_id != kept:
                self.api.delete_logged_model(model.model_id)


@contextmanager
def plain_lists() -> Iterator[None]:
    """MLflow loads a model that it logs, and tries the example on it: by the plain lists of served.py in the block.

    What a service prepares for its first request takes a while, and memory beside the model that was just trained.
    """
    os.environ[PLAIN] = "1"
    try:
        yield
    finally:
        del os.environ[PLAIN]
