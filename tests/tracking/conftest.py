"""A folder with the planted world as a CSV file, in which runs are recorded, and what two runs must share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import torch

from reccl import tracking
from reccl.config import Experiment, loads
from reccl.experiment import run as run_experiment
from reccl.outcome import Outcome, RunCallback
from reccl.recommend.record import read_record
from reccl.tracking import Tracker
from reccl.training import checkpoint

CONFIG = """\
name: planted
data: {pipeline: table, interactions: buys.csv}
encoder: {kind: lightgcn, dimension: 8, layers: 1}
objective:
  ranking: {kind: ranking, loss: {kind: info_nce, temperature: 0.2}}
training: {epochs: 4, batch_size: 700, learning_rate: 0.02, refit: true, checkpoint_seconds: 0}
evaluation: {cutoffs: [10]}
"""


class KilledError(BaseException):
    """Stands for a SIGKILL in this process."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame, inside) -> Iterator[Path]:
    """One for a module: making a store takes seconds."""
    place = tmp_path_factory.mktemp("shop")
    planted.write_csv(place / "buys.csv")
    with inside(place):
        yield place


@pytest.fixture
def fresh(tmp_path: Path, planted: pl.DataFrame, inside) -> Iterator[Path]:
    """A folder of one's own, nothing recorded."""
    planted.write_csv(tmp_path / "buys.csv")
    with inside(tmp_path):
        yield tmp_path


@pytest.fixture(scope="module")
def whole(shop: Path, experiment: Experiment) -> str:
    """A run that was never stopped."""
    return train(experiment)[0]


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    return loads(CONFIG)


def train(experiment: Experiment, *callbacks: RunCallback, resume: str | None = None, log=None) -> tuple[str, Outcome]:
    """A recorded training: the id of its run and what it ended with."""
    unfinished = None if resume is None else tracking.find_unfinished(resume)
    tracker = Tracker(unfinished, log or (lambda _: None), plots=False)
    outcome = run_experiment(experiment, device="cpu", callbacks=[*callbacks, tracker], log=log or (lambda _: None))
    assert tracker.unrecorded is None
    return tracker.run_id, outcome


def recorded(run_id: str) -> dict[str, object]:
    """All that a run holds but times, ids and what says which process made it."""
    run, api = tracking.find(run_id), tracking.client()
    history = {
        name: [(point.step, point.value) for point in api.get_metric_history(run_id, name)]
        for name in run.data.metrics
        if not name.startswith("time/")
    }
    tags = {name: value for name, value in run.data.tags.items() if name.startswith("data.") or "interr" in name}
    files = sorted(entry.path for entry in api.list_artifacts(run_id))
    record = read_record(tracking.model_folder(run))
    models = api.search_logged_models([run.info.experiment_id], filter_string=f"source_run_id='{run_id}'")
    return {
        "status": run.info.status,
        "metrics": history,
        "tags": tags,
        "params": run.data.params,
        "files": files,
        "config": tracking.text_of(run, "config.yaml"),
        "model metrics": record.metrics,
        "history": record.history.drop("seconds").to_dicts(),
        "models": len(models),
        "inputs": len(api.get_run(run_id).inputs.dataset_inputs),
    }


def tensors_of(run_id: str) -> dict[str, torch.Tensor]:
    """The tensors of a run's model."""
    return checkpoint.load(tracking.model_folder(tracking.find(run_id)) / "model.safetensors")


def assert_same_run(one: str, other: str, but: str = "") -> None:
    """Two runs hold the same numbers, to the bit, and no step of a metric twice; `but` names a file of the first."""
    left, right = recorded(one), recorded(other)
    left["files"] = [file for file in left["files"] if file != but]
    assert left == right
    for name, points in left["metrics"].items():
        steps = [step for step, _ in points]
        assert steps == sorted(set(steps)), name
    tensors, others = tensors_of(one), tensors_of(other)
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)


Log = Callable[[str], None]
