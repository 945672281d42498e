"""`reccl recommend --engine ray`: the same parts; stopped or killed, it leaves nothing running and can be resumed."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from reccl.atomic import remove_abandoned
from reccl.recommend import ray_session
from tests.cli.conftest import Shop

RECCL = (sys.executable, "-m", "reccl")


def words(folder: Path, *more: object) -> tuple[str, ...]:
    return tuple(map(str, ("recommend", "--run", "planted", "--out", f"{folder}/", "-k", 3, "--part-users", 2, *more)))


def wait_for(what, seconds: float = 120.0) -> None:
    """Until something is there."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def find_processes(folder: str) -> list[str]:
    """Command lines that name a session's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_and_killed_runs_leave_nothing_behind_and_resume(shop: Shop, tmp_path: Path, number: int) -> None:
    parts, short = tmp_path / "lists", Path(f"/tmp/reccl-{os.getpid()}")
    short.mkdir(exist_ok=True)
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "TMPDIR": str(short), "HOME": str(home)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [*RECCL, *words(parts, "--engine", "ray")]
    with subprocess.Popen(command, cwd=shop.folder, env=environment, stderr=subprocess.PIPE, text=True) as running:
        wait_for(lambda: len(list(parts.glob("part-*.parquet"))) >= 3 or running.poll() is not None)
        sessions = [path.name for path in short.glob(".ray-*")]
        assert len(sessions) == 1
        assert find_processes(sessions[0])
        running.send_signal(number)
        _, told = running.communicate(timeout=60)
    assert running.returncode == (-number if number == signal.SIGKILL else 128 + number), told
    assert "Traceback" not in told
    assert len(told.splitlines()) <= 1
    wait_for(lambda: not find_processes(sessions[0]), 30)
    remove_abandoned(short / "ray")  # as the next run does
    assert not list(short.glob(".ray-*"))
    short.rmdir()
    assert not (home / ".ray").exists()
    done = len(list(parts.glob("part-*.parquet")))
    assert 3 <= done < 100
    answer = shop(*words(parts, "--resume"))
    assert f"{100 - done} parts, {done} kept" in answer.out
    assert shop(*words(tmp_path / "whole")).code == 0
    assert pl.read_parquet(parts).equals(pl.read_parquet(tmp_path / "whole"))


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("--out", "recs.csv", "--engine", "ray"), "--resume, --shard and --engine ray are for a folder of parts"),
        (("--out", "recs/", "--ray-address", "auto"), "--ray-address is for --engine ray"),
        (("--out", "recs/", "--engine", "ray", "--device", "cuda"), "--device cuda: --engine ray scores on processors"),
        (("--out", "clusters/", "--engine", "ray", "--ray-address", "127.0.0.1:1"), "no Ray cluster at '127.0.0.1:1'"),
    ],
)
def test_what_cannot_be_is_one_line(shop: Shop, more: tuple[str, ...], line: str) -> None:
    assert shop("recommend", "--run", "planted", *more).refusal(2).startswith(line)


def test_without_ray_the_extra_is_named_before_work_begins(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_session, "find_spec", lambda name: None if name == "ray" else find_spec(name))
    refusal = shop("recommend", "--run", "planted", "--out", f"{tmp_path}/recs/", "--engine", "ray").refusal(2)
    assert refusal == "ray is not installed: pip install 'reccl[ray]'; without it, leave out --engine ray"
    assert not list(tmp_path.iterdir())
