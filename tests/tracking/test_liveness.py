"""Runs whose processes are gone are marked by the next command that lists or trains; others are left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

import reccl
from reccl import tracking
from reccl.config import Experiment
from reccl.tracking import liveness
from tests.tracking.conftest import train


@pytest.fixture(scope="module")
def gone() -> str:
    """The tag of a process that has ended."""
    code = "from reccl.tracking import process_tags; print(process_tags()['reccl.pid'])"
    there = {**os.environ, "PYTHONPATH": str(Path(reccl.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], env=there, stdout=-1, text=True, check=True).stdout.strip()


def begin(**tags: str) -> str:
    """A run that is said to be running."""
    api = tracking.client()
    return str(api.create_run(tracking.experiment_id(api), run_name="begun", tags=tags).info.run_id)


def statuses() -> dict[str, str]:
    return {run.info.run_id: run.info.status for run in tracking.runs()}


def tags_of(process: str) -> dict[str, str]:
    return {**tracking.process_tags(), "reccl.pid": process}


class TestARunThatIsSaidToBeRunning:
    def test_is_marked_where_its_process_has_ended(self, shop: Path, gone: str) -> None:
        run = begin(**tags_of(gone))
        assert statuses()[run] == "KILLED"
        assert tracking.find(run[:30]).info.end_time

    def test_is_marked_where_another_process_has_its_number(self, shop: Path) -> None:
        boot, container, begun = liveness.read_start_time(os.getpid()).split()
        run = begin(**tags_of(f"{os.getpid()} {boot} {container} {int(begun) - 7}"))
        assert statuses()[run] == "KILLED"

    def test_is_marked_where_the_machine_was_started_anew(self, shop: Path) -> None:
        _, container, begun = liveness.read_start_time(os.getpid()).split()
        run = begin(**tags_of(f"{os.getpid()} 0-0 {container} {begun}"))
        assert statuses()[run] == "KILLED"

    def test_is_left_alone_where_its_process_lives(self, shop: Path) -> None:
        run = begin(**tracking.process_tags())
        assert statuses()[run] == "RUNNING"

    def test_is_left_alone_where_nobody_can_know(self, shop: Path, gone: str) -> None:
        pid, boot, _, begun = gone.split()
        other_container = begin(**tags_of(f"{pid} {boot} pid:[1] {begun}"))
        other_host = begin(**{**tags_of(gone), "reccl.host": "elsewhere"})
        of_an_older_version = begin()
        assert [statuses()[run] for run in (other_container, other_host, of_an_older_version)] == ["RUNNING"] * 3

    def test_its_lock_says_it_of_containers_too(self, shop: Path, gone: str) -> None:
        pid, boot, _, begun = gone.split()
        run = begin(**tags_of(f"{pid} {boot} pid:[1] {begun}"))
        held = liveness.hold(run)
        assert statuses()[run] == "RUNNING"
        os.close(held)
        assert statuses()[run] == "KILLED"

    def test_without_process_times_the_number_counts(
        self, shop: Path, gone: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(liveness, "read_start_time", lambda pid: "")
        runs = begin(**tracking.process_tags()), begin(**tags_of(gone.split()[0]))
        assert [statuses()[run] for run in runs] == ["RUNNING", "KILLED"]

    def test_is_marked_by_the_next_training_too(self, shop: Path, experiment: Experiment, gone: str) -> None:
        run = begin(**tags_of(gone))
        train(experiment)
        assert tracking.client().get_run(run).info.status == "KILLED"


def test_a_store_that_may_only_be_read_is_listed_all_the_same(
    shop: Path, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(**tags_of(gone))

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(MlflowClient, "set_terminated", read_only)
    assert statuses()[run] == "RUNNING"
