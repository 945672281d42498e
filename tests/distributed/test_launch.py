"""Processes end together: with the first failure's one line and exit code, or at Ctrl-C; no process is left."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from reccl.distributed import group, is_rank, own_device
from reccl.distributed.launch import LOST, explain, is_loss_of_rank
from reccl.errors import TrainingError

LAUNCH = "import sys; from reccl.distributed.launch import launch; launch(2, ['-c', sys.argv[1]])"
RANK = """
import os, time
from reccl.signals import end_as_rank
end_as_rank(leads=os.environ["RANK"] == "0")
open(f'{os.environ["RANK"]}.pid', "w").write(str(os.getpid()))
time.sleep(60)
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    """The launcher with two processes that wait."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCH, RANK], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )


def pids(folder: Path) -> list[int]:
    """Process ids of both ranks, once they run."""
    for _ in range(600):
        files = [folder / f"{rank}.pid" for rank in range(2)]
        if all(file.is_file() and file.read_text() for file in files):
            return [int(file.read_text()) for file in files]
        time.sleep(0.1)
    raise AssertionError("the processes did not start")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_ends_all_with_its_exit_code(tmp_path: Path) -> None:
    launcher = start(tmp_path)
    ranks = pids(tmp_path)
    launcher.send_signal(signal.SIGINT)
    _, said = launcher.communicate(timeout=30)
    assert launcher.returncode == 130
    assert not said
    assert not any(map(is_running, ranks))


def failure(rank: int, code: int, folder: Path, text: str = "") -> ProcessFailure:
    file = folder / f"{rank}.json"
    if text:
        told = {"message": text, "errorCode": 3, "extraInfo": {"timestamp": str(100 + rank)}}
        file.write_text(json.dumps({"message": told}))
    return ProcessFailure(local_rank=rank, pid=1, exitcode=code, error_file=str(file))


def test_what_counts_is_the_first_failure_that_is_not_the_loss_of_another_rank(tmp_path: Path) -> None:
    lost, cause = failure(0, LOST, tmp_path), failure(1, 3, tmp_path, "no space left")
    error = explain({0: lost, 1: cause})
    assert (str(error), error.exit_code) == ("no space left", 3)
    ended_late = explain({0: failure(4, -signal.SIGTERM, tmp_path, "no times"), 1: failure(0, LOST, tmp_path)})
    assert (str(ended_late), ended_late.exit_code) == ("no times", 3)
    silent = explain({0: failure(2, 4, tmp_path)})
    assert (str(silent), silent.exit_code) == ("rank 0 ended with exit code 4, and with it all others", 4)
    assert explain({1: failure(3, -signal.SIGTERM, tmp_path)}).exit_code == 128 + signal.SIGTERM


def test_gloo_losing_a_peer_is_told_from_other_errors() -> None:
    lost = RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1")
    assert is_loss_of_rank(lost)
    assert not is_loss_of_rank(RuntimeError("The size of tensor a (3) must match"))
    assert not is_loss_of_rank(ValueError("gloo"))


class TestDevice:
    @pytest.fixture
    def second_of_two(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
        for name, value in {**known, "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
            monkeypatch.setenv(name, value)

    def test_one_process_has_the_device_that_is_asked_for(self) -> None:
        assert not is_rank()
        assert [own_device(name) for name in ("auto", "cpu", "cuda:1")] == ["auto", "cpu", "cuda:1"]

    @pytest.mark.usefixtures("second_of_two")
    def test_every_process_has_a_gpu_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(group.torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(group.torch.cuda, "device_count", lambda: 2)
        assert [own_device(name) for name in ("auto", "cuda", "cpu")] == ["cuda:1", "cuda:1", "cpu"]
        monkeypatch.setattr(group.torch.cuda, "device_count", lambda: 1)
        with pytest.raises(TrainingError, match="2 processes need a GPU each, and this machine has 1"):
            own_device("auto")

    @pytest.mark.usefixtures("second_of_two")
    def test_one_gpu_for_all_is_refused(self) -> None:
        with pytest.raises(TrainingError, match="is one device"):
            own_device("cuda:0")
