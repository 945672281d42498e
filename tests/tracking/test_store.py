"""A database under ./mlruns that a process was killed in: while it was made, and in the middle of a change."""

import shutil
import sqlite3
from importlib import import_module
from pathlib import Path

import pytest

from reccl import tracking
from reccl.errors import RunError
from tests.tracking.conftest import KilledError

store = import_module("reccl.tracking.store")  # the room has a function of this name


def test_one_that_was_killed_while_it_was_made_is_made_anew(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:

        def half(uri: str) -> object:
            with sqlite3.connect(uri.removeprefix("sqlite:///")) as database:
                database.execute("create table experiments (half int)")
            raise KilledError

        patch.setattr("mlflow.MlflowClient", half)
        with pytest.raises(KilledError):
            tracking.client()
    assert not (fresh / "mlruns" / "mlflow.db").exists()
    assert tracking.runs() == []


def test_one_with_a_change_half_made_is_as_it_was_before(fresh: Path) -> None:
    tracking.client()
    whole = fresh / "mlruns" / "mlflow.db"
    with sqlite3.connect(whole, isolation_level=None) as database:
        database.execute("pragma cache_size = 1")
        database.execute("begin")
        database.executemany("insert into tags values (?, ?, ?)", [(f"{n}", "a" * 999, "b") for n in range(999)])
        (fresh / "killed").mkdir()
        for name in ("mlflow.db", "mlflow.db-journal"):
            shutil.copy(whole.with_name(name), fresh / "killed" / name)
        database.execute("rollback")
    shutil.rmtree(fresh / "mlruns")
    (fresh / "killed").rename(fresh / "mlruns")
    assert (fresh / "mlruns" / "mlflow.db-journal").stat().st_size
    assert tracking.runs() == []
    with sqlite3.connect(whole) as database:
        assert database.execute("select count(*) from tags").fetchone() == (0,)


def test_none_is_made_where_one_may_not_write(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh / "mlruns").mkdir()
    monkeypatch.setattr(store.os, "access", lambda *_: False)
    with pytest.raises(RunError, match=f"no permission to write to {fresh / 'mlruns'}; set MLFLOW_TRACKING_URI or"):
        tracking.client()
