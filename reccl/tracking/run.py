"""Run: writes what a run has to say into MLflow."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.entities import Metric, RunStatus, RunTag
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient

from reccl.recommend import Model, save
from reccl.recommend.record import TrainingRecord, write_record
from reccl.training import Epoch

MODEL_TAG = "reccl.model"
SERVED = Path(__file__).parents[1] / "recommend" / "served.py"
SERVED_NEEDS = ("mlflow", "numpy", "pandas", "pyarrow", "safetensors", "scipy")


@dataclass(frozen=True)
class Run:
    """A run being recorded."""

    id: str
    api: MlflowClient

    def epoch(self, record: Epoch) -> None:
        """Losses and validation metrics of one epoch, in one request."""
        values = {
            **{f"train/{name}": value for name, value in record.losses.items()},
            **{f"validation/{name}": value for name, value in record.validation.items()},
            "time/epoch_seconds": record.seconds,
            "time/interactions_per_second": record.interactions_per_second,
            "train/learning_rate": record.learning_rate,
        }
        self.metrics(values, step=record.number)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Numbers by name."""
        now = int(pd.Timestamp.now().timestamp() * 1000)
        self.api.log_batch(self.id, metrics=[Metric(name, float(value), now, step) for name, value in values.items()])

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
        """A file that exists on disk."""
        self.api.log_artifact(self.id, str(path), where)

    def end(self, status: int) -> None:
        """End the run with a status of `mlflow.entities.RunStatus`."""
        mlflow.end_run(RunStatus.to_string(status))

    def model(self, model: Model, record: TrainingRecord) -> None:
        """The model and how it was trained, as safetensors, Parquet and JSON behind MLflow's pyfunc interface."""
        example = pd.DataFrame({"user": model.user_ids.ids.head(3).to_list()})
        item = model.item_ids.ids.head(1).to_list()
        answer = pd.DataFrame({"user": example["user"][:1], "item": item, "score": [0.0], "rank": [1]})
        answer = answer.astype({"score": "float32", "rank": "int32"})
        with tempfile.TemporaryDirectory() as draft:
            save(model, Path(draft) / "model")
            write_record(record, Path(draft) / "model")
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(SERVED),
                artifacts={"model": str(Path(draft) / "model")},
                signature=infer_signature(example, answer, params={"k": 20, "include_seen": False}),
                input_example=example,
                pip_requirements=[f"{name}=={version(name)}" for name in SERVED_NEEDS],
            )
        self.tag(MODEL_TAG, logged.model_uri)
