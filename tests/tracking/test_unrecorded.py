"""A store that fails does not end training: results stay in a folder, and get home when the store is there again."""

import json
import shutil
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from typing_extensions import override

import reccl
from reccl import tracking
from reccl.config import Experiment
from reccl.errors import RunError
from reccl.experiment import run as run_experiment
from reccl.outcome import RunCallback
from reccl.tracking import results as results_module
from reccl.tracking import tracker as tracker_module
from reccl.tracking import unrecorded as unrecorded_module
from reccl.tracking.tracker import Tracker
from reccl.training import Epoch
from tests.tracking.conftest import assert_same_run, train

FULL = OSError(28, "No space left on device")
GONE = MlflowException("API request failed (Caused by NewConnectionError('HTTP(port=9): Connection refused'))")


class Break(RunCallback):
    """From an epoch on the store fails; until the end of the run, or to another epoch."""

    def __init__(self, patch: pytest.MonkeyPatch, error: Exception, first: int, last: int = 99) -> None:
        self.patch, self.error, self.first, self.last, self.epochs = patch, error, first, last, 0

    @override
    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        def fail(*_: object, **__: object) -> None:
            raise self.error

        self.epochs += 1
        if self.epochs == self.first:
            for name in ("log_batch", "get_run", "set_terminated", "log_artifact", "set_tag"):
                self.patch.setattr(MlflowClient, name, fail)
        elif self.epochs == self.last:
            self.patch.undo()


def broken(experiment: Experiment, error: Exception, first: int = 2) -> tuple[Tracker, list[str]]:
    """A training whose store fails at some epoch and is there again afterwards."""
    said: list[str] = []
    tracker = Tracker(log=said.append, plots=False)
    with pytest.MonkeyPatch.context() as patch:
        run_experiment(experiment, device="cpu", callbacks=[Break(patch, error, first), tracker])
    return tracker, said


class TestAStoreThatFails:
    @pytest.mark.parametrize(
        ("error", "reason"), [(FULL, "No space left on device"), (GONE, "Connection refused")], ids=["full", "gone"]
    )
    def test_leaves_the_results_in_a_folder_that_is_brought_home_later(
        self, error: Exception, reason: str, whole: str, experiment: Experiment
    ) -> None:
        tracker, said = broken(experiment, error)
        folder = Path("reccl-unrecorded") / f"planted-{tracker.run_id[:8]}"
        assert tracker.unrecorded == folder
        assert said == [
            f"cannot record this epoch: {reason}; training goes on, and it is tried again",
            f"cannot record the run: {reason}",
            f"cannot mark the run FAILED: {reason}",
        ]
        assert reccl.load(folder / "model").metrics == reccl.load(run=whole).metrics
        assert tracking.find_unrecorded() == [folder]
        assert tracking.sync(folder) == tracker.run_id
        assert_same_run(tracker.run_id, whole)
        assert tracking.find_unrecorded() == []
        assert not tracking.checkpoint_folder(tracker.run_id).exists()
        assert mlflow.active_run() is None

    def test_for_a_while_leaves_no_gap(
        self, whole: str, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tracker_module, "RETRY", 0.0)
        with pytest.MonkeyPatch.context() as patch:
            run, _ = train(experiment, Break(patch, GONE, 2, last=4))
        assert_same_run(run, whole)

    def test_after_the_start_is_one_line_where_it_fails_at_once(
        self, fresh: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        with pytest.raises(RunError, match=r"cannot use the run store http://127\.0\.0\.1:9: .*Connection refused; is"):
            train(experiment)


class TestWhereResultsGo:
    def test_they_stay_beside_the_checkpoints_where_this_folder_takes_nothing(
        self, shop: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(unrecorded_module, "UNRECORDED", "/proc/nowhere")
        tracker, _ = broken(experiment, FULL)
        assert tracker.unrecorded == tracking.checkpoint_folder(tracker.run_id) / "results"
        assert tracking.find_unrecorded() == [tracker.unrecorded]
        assert tracking.sync(tracker.unrecorded) == tracker.run_id

    def test_a_full_disk_of_checkpoints_sends_them_elsewhere(
        self, shop: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        was = unrecorded_module.write_results

        def full(outcome: object, run_id: str, folder: Path) -> None:
            if "checkpoints" in folder.parts:
                (folder / "half").mkdir(parents=True)
                raise FULL
            was(outcome, run_id, folder)

        monkeypatch.setattr(unrecorded_module, "write_results", full)
        run, _ = train(experiment)
        assert tracking.find(run).info.status == "FINISHED"
        tracker, _ = broken(experiment, GONE)
        assert tracker.unrecorded == Path("reccl-unrecorded") / f"planted-{tracker.run_id[:8]}"
        tracking.sync(tracker.unrecorded)

    def test_nowhere_at_all_keeps_the_checkpoints_and_says_how_to_go_on(
        self, whole: str, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:

            def full(*_: object) -> None:
                raise FULL

            patch.setattr(unrecorded_module, "write_results", full)
            with pytest.raises(
                RunError, match=r"the results cannot be written anywhere \(.*: make room, then"
            ) as error:
                train(experiment)
        run = tracking.runs()[0].info.run_id
        assert str(error.value).endswith(f"then reccl train --resume {run[:8]}")
        train(experiment, resume=run)
        assert_same_run(run, whole)


class TestSync:
    @pytest.fixture
    def waiting(self, shop: Path, experiment: Experiment) -> Path:
        tracker, _ = broken(experiment, GONE)
        assert tracker.unrecorded
        return tracker.unrecorded

    def test_a_second_time_and_after_a_break_nothing_is_double(
        self, whole: str, waiting: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree(waiting, "copy")
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                raise FULL

            patch.setattr(results_module.Run, "model_folder", fail)
            with pytest.raises(RunError, match="No space left on device"):
                tracking.sync(waiting)
        assert waiting.is_dir()
        run = tracking.sync(waiting)
        assert tracking.sync(Path("copy")) == run
        assert_same_run(run, whole)

    def test_a_run_that_the_store_has_lost_is_made_anew(self, whole: str, waiting: Path) -> None:
        about = json.loads((waiting / "run.json").read_text())
        (waiting / "run.json").write_text(json.dumps({**about, "run": "0" * 32}))
        run = tracking.find(tracking.sync(waiting))
        assert run.info.run_id != "0" * 32
        assert run.data.params == tracking.find(whole).data.params
        assert tracking.text_of(run, "config.yaml") == tracking.text_of(tracking.find(whole), "config.yaml")

    def test_results_of_another_store_are_refused(self, waiting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@elsewhere:5000")
        with pytest.raises(RunError, match=r"belongs to the run store sqlite:.*: set MLFLOW_TRACKING_URI to it"):
            tracking.sync(waiting)

    def test_a_folder_without_results_is_refused(self, shop: Path) -> None:
        with pytest.raises(RunError, match=r"nothing holds no results of a run \(FileNotFoundError\)"):
            tracking.sync(Path("nothing"))

    def test_a_run_that_is_being_recorded_is_left_alone(
        self, shop: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        was, refused = tracker_module.record_results, []

        def meanwhile(folder: Path, run: object) -> None:
            assert tracking.find_unrecorded()
            with pytest.raises(RunError, match="is still being recorded") as failure:
                tracking.sync(folder)
            refused.append(failure)
            was(folder, run)

        monkeypatch.setattr(tracker_module, "record_results", meanwhile)
        train(experiment)
        assert refused
