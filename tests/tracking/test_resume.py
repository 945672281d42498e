"""A run that was killed goes on in the same run of MLflow, and ends as one that never stopped."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_extensions import override

import reccl
from reccl import experiment as road
from reccl import tracking
from reccl.config import Experiment, resolve
from reccl.errors import ConfigError, RunError
from reccl.experiment import run as run_experiment
from reccl.outcome import Outcome, RunCallback
from reccl.tracking import run as run_module
from reccl.tracking import tracker as tracker_module
from reccl.training import Epoch
from tests.tracking.conftest import KilledError, assert_same_run, recorded, train


@dataclass
class Kill(RunCallback):
    """Raises at the n-th step of the n-th epoch of the fit, or of the refit."""

    epoch: int
    refit: bool = False
    error: type[BaseException] = KilledError
    steps: int = 0
    epochs: int = 0
    refitting: bool = False

    @override
    def on_refit_start(self) -> None:
        self.refitting, self.epochs = True, 0

    @override
    def on_fit_resume(self, history: object, best_epoch: int) -> None:
        self.epochs = len(history)

    @override
    def on_step_end(self) -> None:
        self.steps += 1
        if self.refit == self.refitting and self.epochs + 1 == self.epoch:
            raise self.error

    @override
    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        self.epochs = record.number


def kill(experiment: Experiment, *callbacks: RunCallback) -> str:
    """A training that is killed: the id of its run."""
    with pytest.raises(KilledError):
        train(experiment, *callbacks)
    killed = tracking.runs()[0]
    assert killed.info.status == "FAILED"
    return killed.info.run_id


def raising(monkeypatch: pytest.MonkeyPatch, target: object, name: str, call: int) -> None:
    """Kill at the n-th call of a function."""
    was, calls = getattr(target, name), []

    def dies(*args: object, **named: object) -> object:
        calls.append(name)
        if len(calls) == call:
            raise KilledError
        return was(*args, **named)

    monkeypatch.setattr(target, name, dies)


class TestKilled:
    @pytest.mark.parametrize("epoch", [1, 2, 4])
    def test_while_fitting(self, epoch: int, whole: str, experiment: Experiment) -> None:
        killed = kill(experiment, Kill(epoch))
        resumed, _ = train(experiment, resume=killed[:8], log=(said := []).append)
        assert resumed == killed
        assert_same_run(resumed, whole)
        assert any(line.startswith(f"resuming after epoch {epoch - 1},") for line in said) == (epoch > 1)
        assert not tracking.checkpoint_folder(killed).exists()

    def test_while_refitting_and_again_and_again(self, whole: str, experiment: Experiment) -> None:
        killed = kill(experiment, Kill(2))
        with pytest.raises(KilledError):
            train(experiment, Kill(4), resume=killed)
        for _ in range(2):
            with pytest.raises(KilledError):
                train(experiment, Kill(1, refit=True), resume=killed)
        resumed, _ = train(experiment, steps := Kill(99), resume="latest")
        assert steps.steps == 4 * tracking.find(resumed).data.metrics["best_epoch"]  # of the refit alone
        assert_same_run(resumed, whole)

    @pytest.mark.parametrize(
        ("target", "name", "call"),
        [
            (road, "measure_part", 1),
            (tracker_module, "record_results", 1),
            (run_module.Run, "model_folder", 1),
            (run_module.Run, "tag", 1),
            (run_module.Run, "end", 1),
        ],
        ids=lambda value: getattr(value, "__name__", str(value)),
    )
    def test_while_evaluating_or_recording(
        self, target: object, name: str, call: int, whole: str, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            raising(patch, target, name, call)
            killed = kill(experiment)
        resumed, _ = train(experiment, steps := Kill(99), resume=killed)
        assert (steps.steps > 0) == ((name, call) == ("measure_part", 1))  # that one comes before the refit
        assert_same_run(resumed, whole)

    def test_after_it_was_recorded(self, whole: str, experiment: Experiment) -> None:
        class Late(RunCallback):
            @override
            def on_run_end(self, outcome: Outcome) -> None:
                raise KilledError

        with pytest.raises(KilledError):
            run_experiment(experiment, device="cpu", callbacks=[tracker := tracking.Tracker(plots=False), Late()])
        assert_same_run(tracker.run_id, whole)
        (tracking.checkpoint_folder(tracker.run_id) / "fit").mkdir(parents=True)  # killed before it was removed
        tracking.runs()
        assert not tracking.checkpoint_folder(tracker.run_id).exists()

    @pytest.mark.parametrize("name", ["params", "text"])
    def test_before_training(
        self, name: str, whole: str, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            raising(patch, run_module.Run, name, 1)
            with pytest.raises(KilledError):
                train(experiment)
        killed = tracking.runs()[0].info.run_id
        resumed, _ = train(experiment, resume=killed)
        assert_same_run(resumed, whole)


class TestStoppedByHand:
    @pytest.mark.parametrize(("epoch", "refit"), [(3, False), (1, True)])
    def test_the_partial_model_is_replaced_when_training_goes_on(
        self, epoch: int, refit: bool, whole: str, experiment: Experiment
    ) -> None:
        stopped, outcome = train(experiment, Kill(epoch, refit, KeyboardInterrupt))
        assert outcome.interrupted
        assert recorded(stopped)["status"] == "KILLED"
        notes: list[str] = []
        assert tracking.find("latest", notes.append).info.run_id == stopped
        assert notes == [
            f"note: training of run {stopped} (planted) was stopped, and this is its best model until then; "
            f"reccl train --resume {stopped[:8]} goes on"
        ]
        resumed, _ = train(experiment, resume="planted")
        assert resumed == stopped
        now, right = recorded(stopped), recorded(whole)
        ends = now.pop("metrics")
        assert {name: points[-1][1] for name, points in ends.items()} == {
            name: points[-1][1] for name, points in right.pop("metrics").items()
        }
        assert all(len({step for step, _ in points}) == len(points) for points in ends.values())
        assert now == right
        assert tracking.find("latest", notes.append).info.run_id == stopped
        assert len(notes) == 1


class TestRefusals:
    def test_a_finished_run(self, whole: str, experiment: Experiment) -> None:
        with pytest.raises(RunError, match=rf"run {whole} \(planted\) is finished: there is nothing to resume"):
            train(experiment, resume=whole)

    def test_no_unfinished_run(self, fresh: Path, experiment: Experiment) -> None:
        train(experiment)
        with pytest.raises(RunError, match="every run is finished: there is nothing to resume"):
            train(experiment, resume="latest")

    def test_other_data(self, fresh: Path, experiment: Experiment) -> None:
        killed = kill(experiment, Kill(3))
        lines = Path("buys.csv").read_text().splitlines()
        Path("buys.csv").write_text("\n".join(lines[:-1]))
        with pytest.raises(RunError, match=rf"the data of run {killed} has changed since it was started"):
            train(experiment, resume=killed)
        assert tracking.runs()[0].info.status == "FAILED"

    def test_a_run_that_is_still_trained(self, shop: Path, experiment: Experiment) -> None:
        class Second(RunCallback):
            refused = ""

            @override
            def on_epoch_end(self, record: Epoch, improved: bool) -> None:
                if not self.refused:
                    with pytest.raises(RunError) as failure:
                        train(experiment, resume=tracking.runs()[0].info.run_id)
                    self.refused = str(failure.value)

        run, _ = train(experiment, second := Second())
        assert second.refused.startswith(f"run {run} is still being trained (")

    def test_a_run_of_another_host(self, shop: Path, experiment: Experiment) -> None:
        killed = kill(experiment, Kill(1))
        tracking.client().set_tag(killed, "reccl.host", "elsewhere")
        tracking.client().update_run(killed, status="RUNNING")
        tracking.checkpoint_folder(killed).rename("copied")
        with pytest.raises(RunError, match=rf"run {killed} is running elsewhere \(elsewhere, process \d+\)"):
            train(experiment, resume=killed)


def test_python_resumes_as_the_command_line_does(whole: str, experiment: Experiment) -> None:
    killed = kill(experiment, Kill(3))
    with pytest.raises(ConfigError, match="resume goes on with the config of the run"):
        reccl.train(resume=killed, progress=False, seed=3)
    model = reccl.train(resume=killed, progress=False)
    assert model.run_id == killed
    assert_same_run(killed, whole, but="plots")  # the whole run was recorded without them


def test_a_frame_in_memory_can_be_resumed(shop: Path, experiment: Experiment, planted) -> None:
    data = reccl.Dataset.from_frame(planted)
    settings = {"training": experiment.training.model_dump(), "encoder": {"dimension": 8}}
    with pytest.raises(KilledError):
        reccl.train("methods/simgcl", data, track=True, progress=False, callbacks=[Kill(3)], **settings)
    model = reccl.train(resume="latest", data=data, progress=False)
    whole = reccl.train("methods/simgcl", data, track=True, progress=False, **settings)
    assert_same_run(model.run_id, whole.run_id)


def test_without_checkpoints_none_are_written_and_training_starts_anew(shop: Path, experiment: Experiment) -> None:
    without = resolve(experiment, {"training": {"checkpoint_seconds": None}})
    killed = kill(without, Kill(3))
    assert not tracking.has_checkpoint(killed)
    resumed, _ = train(without, steps := Kill(99), resume=killed)
    assert steps.steps > 4 * 4
    assert_same_run(resumed, train(without)[0])
