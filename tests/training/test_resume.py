"""A training that was killed goes on from its last checkpoint and ends as if it had never stopped, to the bit."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from polars.testing import assert_frame_equal
from typing_extensions import override

from reccl.config import Experiment, resolve
from reccl.data.dataset import Dataset
from reccl.encoders import AnyEncoder
from reccl.errors import TrainingError
from reccl.fitting import TrainedModel, learn
from reccl.recommend.record import history_frame
from reccl.training import AnyTerm, Callback, Checkpoints
from reccl.training import checkpoints as checkpoints_module
from reccl.training.temperatures import AnyTemperature

CPU = torch.device("cpu")
METHODS = sorted(path.stem for path in Path("configs/methods").glob("*.yaml") if "\nencoder:" in path.read_text())
ADAPTIVE = {"kind": "adaptive", "warmup": 2}
BEYOND_METHODS: dict[str, dict[str, object]] = {
    "bootstrap without a predictor": {"bootstrap": {"kind": "bootstrap", "predictor": "direct_copy"}},
    "bottleneck": {"ranking": {"kind": "ranking"}, "bottleneck": {"kind": "bottleneck"}},
    "queue of items": {"ranking": {"kind": "ranking", "queue": 50}},
    "temperatures": {
        "learned": {"kind": "ranking", "temperature": {"kind": "learnable"}, "symmetric": True},
        "scheduled": {"kind": "contrast", "temperature": {"kind": "scheduled"}},
        "adaptive": {"kind": "cross_layer", "temperature": ADAPTIVE},
        "common": {"kind": "ranking", "temperature": {**ADAPTIVE, "personal": False}},
    },
    "residual softmax": {"residual": {"kind": "residual_softmax"}},
    "hop mixing": {"mixing": {"kind": "hop_mixing"}, "structure": {"kind": "structural_contrast"}},
    "softmax at k": {"softmax": {"kind": "softmax_at_k"}},
}
"""Objectives of a LightGCN that say what no method of the field in configs/methods says."""
LOOPS: dict[str, dict[str, object]] = {
    "all of it": {
        "optimizer": "adamw",
        "weight_decay": 0.1,
        "schedule": "cosine",
        "warmup": 0.3,
        "max_grad_norm": 0.5,
        "ema_decay": 0.9,
        "batch_by": "user",
    },
    "a best epoch that is passed": {"learning_rate": 3.0, "patience": None},
    "patience that ends it": {"learning_rate": 3.0, "patience": 1},
    "rare validations": {"evaluate_every": 3, "schedule": "linear"},
}


class KilledError(Exception):
    """Stands for a SIGKILL."""


class Kill(Callback):
    """Ends training at a step of an epoch after the second."""

    def __init__(self, seed: str) -> None:
        self.random, self.steps, self.until = random.Random(seed), 0, 0

    @override
    def on_fit_start(self, epochs: int, steps: int) -> None:
        self.until = self.random.randint(2 * steps + 1, epochs * steps)

    @override
    def on_step_end(self) -> None:
        self.steps += 1
        if self.steps == self.until:
            raise KilledError


class Heard(Callback):
    """Remembers which epochs came from a checkpoint."""

    resumed = 0

    @override
    def on_fit_resume(self, history: object, best_epoch: int) -> None:
        self.resumed = len(history)


Train = Callable[..., TrainedModel]


@pytest.fixture
def folder(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "fit", "planted", 0)


def again(checkpoints: Checkpoints, log: Callable[[str], None] = lambda _: None) -> Checkpoints:
    """The same folder as another process sees it."""
    return Checkpoints(checkpoints.folder, checkpoints.identity, checkpoints.seconds, log)


def shortened(experiment: Experiment, **training: object) -> Experiment:
    short = {"epochs": 4, "batch_size": 700, "evaluate_every": 1, "patience": 3, "checkpoint_seconds": 0, **training}
    return resolve(experiment, {"training": short})


def lightgcn(objective: dict[str, object], **training: object) -> Experiment:
    config = {
        "name": "planted",
        "data": {"pipeline": "table", "interactions": "buys.csv"},
        "encoder": {"kind": "lightgcn", "dimension": 8},
        "objective": objective,
    }
    return shortened(resolve(config, {}), **training)


def train(experiment: Experiment, data: Dataset, callback: Callback | None = None, checkpoints=None) -> TrainedModel:
    return learn(experiment, data, CPU, callback, checkpoints=checkpoints)


def assert_same(one: TrainedModel, other: TrainedModel) -> None:
    left, right = one.scorer.tensors(), other.scorer.tensors()
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert one.fit.state.keys() == other.fit.state.keys()
    assert all(torch.equal(one.fit.state[name], other.fit.state[name]) for name in one.fit.state)
    assert (one.fit.best_epoch, one.fit.best) == (other.fit.best_epoch, other.fit.best)
    assert one.experiment == other.experiment
    assert_frame_equal(*(history_frame({"fit": each.fit.history}).drop("seconds") for each in (one, other)))


def assert_resumes(experiment: Experiment, data: Dataset, folder: Checkpoints, seed: str) -> None:
    whole = train(experiment, data)
    torch.manual_seed(1)  # what another process may have drawn from the global generator
    kill = Kill(seed)
    try:
        train(experiment, data, kill, folder)
    except KilledError:
        resumed = train(experiment, data, heard := Heard(), again(folder))
        assert heard.resumed in (2, 3)
    else:  # it stopped early, so that nothing was left to kill
        assert len(whole.fit.history) < experiment.training.epochs
        resumed = train(experiment, data, checkpoints=again(folder))
    assert_same(resumed, whole)


class TestEndsAsIfItHadNeverStopped:
    @pytest.mark.parametrize("method", METHODS)
    def test_a_method(self, method: str, planted_dataset: Dataset, folder: Checkpoints) -> None:
        experiment = shortened(resolve(f"methods/{method}", {}))
        assert_resumes(experiment, planted_dataset, folder, method)

    @pytest.mark.parametrize("name", BEYOND_METHODS)
    def test_an_objective(self, name: str, planted_dataset: Dataset, folder: Checkpoints) -> None:
        assert_resumes(lightgcn(BEYOND_METHODS[name]), planted_dataset, folder, name)

    @pytest.mark.parametrize("name", LOOPS)
    def test_a_way_to_train(self, name: str, planted_dataset: Dataset, folder: Checkpoints) -> None:
        objective = {"ranking": {"kind": "ranking"}, "contrast": {"kind": "contrast", "momentum": 0.9, "queue": 30}}
        assert_resumes(lightgcn(objective, **LOOPS[name]), planted_dataset, folder, name)

    def test_every_term_temperature_and_encoder_is_among_them(self) -> None:
        from tests.conftest import parts_of

        methods = [resolve(f"methods/{method}", {}) for method in METHODS]
        terms = [term for method in methods for term in method.objective.values()]
        terms += [term for objective in BEYOND_METHODS.values() for term in lightgcn(objective).objective.values()]
        assert {type(term) for term in terms} >= set(parts_of(AnyTerm))
        temperatures = {type(term.temperature) for term in terms if hasattr(term, "temperature")}
        assert temperatures >= set(parts_of(AnyTemperature))
        assert {type(method.encoder) for method in methods} >= set(parts_of(AnyEncoder))


OBJECTIVE = {"ranking": {"kind": "ranking"}}


@pytest.fixture
def killed(planted_dataset: Dataset, folder: Checkpoints) -> Checkpoints:
    """The checkpoints after epochs 2 and 3 of a training that was killed in the fourth."""
    with pytest.raises(KilledError):
        kill = Kill("")
        kill.random.randint = lambda _, last: last  # type: ignore[method-assign]
        train(lightgcn(OBJECTIVE), planted_dataset, kill, folder)
    assert sorted(path.name for path in folder.folder.iterdir()) == ["000002", "000003"]
    return folder


class TestCheckpoints:
    def test_the_newest_two_are_kept_and_a_finished_training_is_not_repeated(
        self, planted_dataset: Dataset, killed: Checkpoints
    ) -> None:
        train(lightgcn(OBJECTIVE), planted_dataset, heard := Heard(), again(killed))
        assert heard.resumed == 3
        assert sorted(path.name for path in killed.folder.iterdir()) == ["000004", "finished"]

        class Nothing(Callback):
            def on_step_end(self) -> None:
                raise AssertionError

        said: list[str] = []
        finished = train(lightgcn(OBJECTIVE), planted_dataset, Nothing(), again(killed, said.append))
        assert_same(finished, train(lightgcn(OBJECTIVE), planted_dataset))
        assert said == []

    @pytest.mark.parametrize("name", ["tensors.safetensors", "values.json", "manifest.json"])
    @pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
    def test_a_corrupt_newest_falls_back_on_the_one_before_and_says_so(
        self, name: str, damage: str, planted_dataset: Dataset, killed: Checkpoints
    ) -> None:
        path = killed.folder / "000003" / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.unlink()
        if damage != "missing":
            path.write_bytes(content if damage == "flipped" else content[: len(content) // 2])
        said: list[str] = []
        resumed = train(lightgcn(OBJECTIVE), planted_dataset, heard := Heard(), again(killed, said.append))
        assert heard.resumed == 2
        assert said[0].startswith(f"checkpoint {killed.folder / '000003'} is corrupt (")
        assert said[1].startswith("resuming after epoch 2, from the checkpoint of ")
        assert_same(resumed, train(lightgcn(OBJECTIVE), planted_dataset))

    def test_without_a_readable_one_training_starts_anew(self, planted_dataset: Dataset, killed: Checkpoints) -> None:
        for path in killed.folder.rglob("*.json"):
            path.write_text("{")
        resumed = train(lightgcn(OBJECTIVE), planted_dataset, heard := Heard(), again(killed))
        assert heard.resumed == 0
        assert_same(resumed, train(lightgcn(OBJECTIVE), planted_dataset))

    def test_those_of_another_training_are_refused(self, planted_dataset: Dataset, killed: Checkpoints) -> None:
        other = Checkpoints(killed.folder, "other", 0)
        with pytest.raises(TrainingError, match="belongs to another config, data set or version of reccl"):
            train(lightgcn(OBJECTIVE), planted_dataset, checkpoints=other)

    def test_those_that_do_not_fit_are_refused_in_one_line(self, planted_dataset: Dataset, killed: Checkpoints) -> None:
        wider = resolve(lightgcn(OBJECTIVE), {"encoder": {"dimension": 16}})
        with pytest.raises(TrainingError, match=r"of reccl .* does not fit reccl .*; train anew") as failure:
            train(wider, planted_dataset, checkpoints=again(killed))
        assert "\n" not in str(failure.value)

    def test_another_format_is_refused(self, planted_dataset: Dataset, killed: Checkpoints) -> None:
        manifest = killed.folder / "000003" / "manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
        with pytest.raises(TrainingError, match="has format 99, and this reccl reads 1"):
            train(lightgcn(OBJECTIVE), planted_dataset, checkpoints=again(killed))

    def test_what_may_move_the_last_digits_is_said(
        self, planted_dataset: Dataset, killed: Checkpoints, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        was = checkpoints_module.environment
        monkeypatch.setattr(checkpoints_module, "environment", lambda state: {**was(state), "threads": 99})
        said: list[str] = []
        train(lightgcn(OBJECTIVE), planted_dataset, checkpoints=again(killed, said.append))
        assert said[1] == "note: threads 1 -> 99 since then; results may differ in the last digits"

    def test_a_full_disk_is_said_once_and_does_not_end_training(
        self, planted_dataset: Dataset, folder: Checkpoints, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(checkpoints_module, "write", full)
        said: list[str] = []
        model = train(lightgcn(OBJECTIVE), planted_dataset, checkpoints=again(folder, said.append))
        assert said == [
            f"no checkpoint could be written to {folder.folder}: No space left on device; training goes on without"
        ]
        assert len(model.fit.history) == 4


class TestWhen:
    """A training of epochs that take 1 s of a clock that stands still otherwise."""

    @pytest.fixture
    def written(self, planted_dataset: Dataset, folder: Checkpoints, monkeypatch: pytest.MonkeyPatch):
        now, epochs = [0.0], []

        def run(seconds: float, cost: float, number: int) -> list[int]:
            class Clock(Callback):
                def on_epoch_end(self, *_: object) -> None:
                    now[0] += 1

            def slow(path: Path, *_: object) -> None:
                now[0] += cost
                epochs.append(path.name)

            monkeypatch.setattr(checkpoints_module.time, "monotonic", lambda: now[0])
            monkeypatch.setattr(checkpoints_module, "write", slow)
            experiment = lightgcn(OBJECTIVE, epochs=number, patience=None)
            train(experiment, planted_dataset, Clock(), Checkpoints(folder.folder, "", seconds))
            assert epochs.pop() == "finished"
            return [int(epoch) for epoch in epochs]

        return run

    def test_the_first_comes_at_once_and_they_are_that_many_seconds_apart(self, written) -> None:
        assert written(3, 2**-10, 10) == [1, 4, 7, 10]

    def test_they_never_take_more_than_a_fiftieth_of_the_time(self, written) -> None:
        assert written(1, 2**-4, 10) == [1, 5, 9]

    def test_none_at_all_where_the_first_would_already_take_too_much(
        self, written, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checkpoints_module, "SPEED", 1.0)
        assert written(1, 0.1, 3) == []
