"""The command line in this process, and one folder in which a model is trained once for all its tests."""

import os
import sys
import traceback
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

from reccl.cli import console
from reccl.cli.app import main

CONFIG = """\
# A small shop.
# reccl train --config planted.yaml
name: planted
data: {pipeline: table, interactions: buys.csv}
encoder: {kind: matrix_factorization, dimension: 8}
objective:
  ranking: {kind: ranking, loss: {kind: info_nce, temperature: 0.2}}
training: {epochs: 2, batch_size: 512, learning_rate: 0.02}
"""


@dataclass(frozen=True)
class Answer:
    """What a command ended with."""

    code: int
    out: str
    err: str

    def refusal(self, code: int) -> str:
        """The one line of an error; checks the exit code and that nothing but the line is told."""
        assert self.code == code, self.err
        assert "Traceback" not in self.out + self.err
        assert self.out == ""
        line = self.err.splitlines()[-1]
        assert line.startswith("error: ")
        return line.removeprefix("error: ")


@dataclass(frozen=True)
class Shop:
    """A folder in which commands are run."""

    folder: Path

    def __call__(self, *words: object, environment: Mapping[str, str] | None = None) -> Answer:
        """Run `reccl WORDS` here."""
        before, out, err = Path.cwd(), StringIO(), StringIO()
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        kept = dict(os.environ)
        os.environ.update(environment or {})
        console.err.quiet, console.out.width = False, 200
        os.chdir(self.folder)
        try:
            with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", ["reccl", *map(str, words)]):
                main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        except Exception:
            code = -1
            err.write(traceback.format_exc())
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(kept)
        return Answer(code, out.getvalue(), err.getvalue())


def opened(folder: Path, planted: pl.DataFrame) -> Shop:
    planted.write_csv(folder / "buys.csv")
    (folder / "planted.yaml").write_text(CONFIG)
    return Shop(folder)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame) -> Shop:
    """Trained once; tests may read its runs and add to them, but change nothing."""
    shop = opened(tmp_path_factory.mktemp("shop"), planted)
    trained = shop("train", "--config", "planted.yaml")
    assert trained.code == 0, trained.err
    return shop


@pytest.fixture
def fresh(tmp_path: Path, planted: pl.DataFrame) -> Shop:
    """A folder of one's own, nothing trained."""
    return opened(tmp_path, planted)


@pytest.fixture(autouse=True)
def loud() -> None:
    """No test inherits --quiet from the one before."""
    console.err.quiet = False
