"""A password in a config or in the address of the run store is in no output, no file and no process list."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from reccl.cache import cache_folder

SECRET = "hunter2S3CR3T"
URI = f"postgresql://ann:{SECRET}@db.example/shop?sslmode=require&token={SECRET}"
FROM_DATABASE = (
    *("--set", "data.interactions=null", "--set", f"data.database={URI}"),
    *("--set", "data.query=select * from buys"),
)


def traces(folder: Path) -> list[Path]:
    """The files below a folder that hold the secret."""
    return [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, planted: pl.DataFrame) -> list[str]:
    """A database that answers; the addresses that it was asked by."""
    asked: list[str] = []

    def answer(_query: str, uri: str) -> pl.DataFrame:
        asked.append(uri)
        return planted

    monkeypatch.setattr(pl, "read_database_uri", answer)
    return asked


def test_a_password_in_the_config_of_a_database_is_nowhere(fresh, database: list[str], cache_apart: Path) -> None:
    answers = [
        fresh("config", "show", "planted.yaml", *FROM_DATABASE),
        fresh("train", "--config", "planted.yaml", *FROM_DATABASE),
        fresh("train", "--config", "planted.yaml", *FROM_DATABASE, "--json", "--set", "name=other"),
    ]
    assert [answer.code for answer in answers] == [0, 0, 0], answers[1].err
    assert "postgresql://ann:***@db.example/shop?sslmode=require&token=***" in answers[0].out
    assert database == [URI, URI]
    answers += [
        fresh(*words)
        for words in (
            ("runs",),
            ("runs", "--json"),
            ("compare",),
            ("compare", "--json"),
            ("recommend", "--users", "u001", "--out", "lists.csv"),
            ("evaluate",),
            ("cold",),
            ("--debug", "evaluate"),
            ("train", "--config", "planted.yaml", *FROM_DATABASE, "--set", "data.databas=1"),
            ("train", "--config", "planted.yaml", "--set", f"data.database=[{URI}]"),
            ("train", "--config", "planted.yaml", "--set", f"{URI}=5"),
            ("data", "describe", "--config", "planted.yaml", *FROM_DATABASE),
        )
    ]
    assert not [answer for answer in answers if SECRET in answer.out + answer.err]
    assert traces(fresh.folder) == []
    assert traces(cache_apart) == []


def test_a_recorded_run_says_how_to_give_the_password_again(fresh, database: list[str]) -> None:
    assert fresh("train", "--config", "planted.yaml", *FROM_DATABASE).code == 0
    assert fresh("evaluate").code == 0  # the prepared data lies in the cache
    assert database == [URI]
    shutil.rmtree(cache_folder() / "prepared")
    assert fresh("evaluate").refusal(1).startswith("database: the password is not in the config")


def test_a_resumed_run_is_given_its_password_again_and_nothing_else(
    fresh, database: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def stop(*_: object) -> None:
            raise RuntimeError("stopped")

        patch.setattr("reccl.progress.TerminalProgress.on_epoch_end", stop)
        assert fresh("train", "--config", "planted.yaml", *FROM_DATABASE).code == 1
    resume = ("train", "--resume", "latest")
    shutil.rmtree(cache_folder() / "prepared")
    told = fresh(*resume).refusal(1)
    assert "reccl train --resume takes it by --set 'data.database=...' with $NAME where *** is" in told
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    hidden = f"data.database={URI.replace(SECRET, '$SHOP_PASSWORD')}"
    for other in ("training.epochs=3", hidden.replace("db.example", "other.example"), hidden.replace("SHOP", "NO")):
        assert fresh(*resume, "--set", other).refusal(2).startswith("--set: a stored config is only given the passwor")
    answer = fresh(*resume, "--set", hidden)
    assert answer.code == 0, answer.err
    assert database == [URI] * 2
    assert traces(fresh.folder) == []


def test_a_password_from_the_environment_is_used_again(
    fresh, database: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    words = [
        word.replace(f"ann:{SECRET}", "ann:$SHOP_PASSWORD").replace(f"&token={SECRET}", "") for word in FROM_DATABASE
    ]
    assert fresh("train", "--config", "planted.yaml", *words).code == 0
    assert fresh("evaluate").code == 0
    assert database == [f"postgresql://ann:{SECRET}@db.example/shop?sslmode=require"] * 2
    assert traces(fresh.folder) == []


@pytest.mark.parametrize("error", [OSError, ValueError, RuntimeError])
def test_a_driver_that_quotes_the_address_gives_nothing_away(
    fresh, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def refuse(_query: str, uri: str) -> pl.DataFrame:
        raise error(f"cannot reach {uri}: user ann, password {SECRET}")

    monkeypatch.setattr(pl, "read_database_uri", refuse)
    answer = fresh("train", "--config", "planted.yaml", *FROM_DATABASE)
    assert answer.code == 1
    assert SECRET not in answer.out + answer.err
    assert "the database (postgresql) refused the query" in answer.err


def test_a_pipelines_own_secret_is_not_recorded(fresh) -> None:
    (fresh.folder / "shop.py").write_text(
        "import polars as pl\nfrom reccl.data.ingest.funnel import Funnel\n"
        "from reccl.data.ingest.tables import Tables\n"
        f"def pipeline(raw, *, api_key: str):\n    assert api_key == {SECRET[:7]!r} + {SECRET[7:]!r}\n"
        "    return Tables(Funnel.read(pl.scan_csv('buys.csv')))\n"
    )
    words = ("--set", "data.pipeline=./shop.py", "--set", f"data.api_key={SECRET}")
    assert fresh("train", "--config", "planted.yaml", *words).code == 0
    assert "api_key: '***'" in fresh("config", "show", "planted.yaml", *words).out
    assert traces(fresh.folder) == []


@pytest.mark.parametrize("uri", [f"postgresql://ann:{SECRET}@db.example/runs", f"http://ann:{SECRET}@127.0.0.1:9"])
@pytest.mark.parametrize("words", [("runs",), ("evaluate",), ("compare",), ("recommend", "--users", "a"), ("ui",)])
def test_a_password_in_the_address_of_the_store_is_not_told(tmp_path: Path, uri: str, words: tuple[str, ...]) -> None:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    command = [sys.executable, "-m", "reccl", *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_the_address_of_the_store_is_not_in_the_process_list(fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []

    def start(command: list[str], environment: dict[str, str]) -> int:
        started.append((command, environment))
        return 0

    monkeypatch.setattr("reccl.cli.ui.serve", start)
    assert fresh("ui", "--port", 5999).code == 0
    ((command, environment),) = started
    assert not [word for word in command if "sqlite" in word or "mlruns" in word]
    assert environment["MLFLOW_BACKEND_STORE_URI"].startswith("sqlite:///")


def test_a_password_is_in_no_file_of_a_study(fresh, database: list[str], cache_apart: Path) -> None:
    (fresh.folder / "space.yaml").write_text("training.learning_rate: [0.01, 0.02]\n")
    words = ("--space", "space.yaml", "--trials", "1", "--json")
    answer = fresh("tune", "--config", "planted.yaml", *FROM_DATABASE, *words)
    assert answer.code == 0, answer.err
    assert SECRET not in answer.out + answer.err
    assert traces(fresh.folder) + traces(cache_apart) == []
    text = (fresh.folder / "best-planted.yaml").read_text()
    assert "# Passwords are not copied: in place of *** write them" in text
