"""Progress: a notebook's block is rewritten in place, and short when training is over."""

from typing import Any

import polars as pl
import pytest

import reccl
from reccl.progress import NotebookProgress, TerminalProgress, choose_progress

CONFIG = {
    "name": "planted",
    "encoder": {"kind": "matrix_factorization", "dimension": 8},
    "objective": {"ranking": {"kind": "ranking", "loss": {"kind": "bpr"}}},
    "training": {"epochs": 3, "batch_size": 512},
}


class Cell:
    """Stands in for the output of a notebook's cell."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, str]] = []

    def display(self, block: dict[str, str], **_: Any) -> "Cell":
        self.blocks.append(block)
        return self

    def update(self, block: dict[str, str], **_: Any) -> None:
        self.blocks.append(block)


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    shown = Cell()
    monkeypatch.setattr(pytest.importorskip("IPython.display"), "display", shown.display)
    monkeypatch.setattr("reccl.progress.in_notebook", lambda: True)
    return shown


@pytest.fixture(scope="module")
def data(planted: pl.DataFrame) -> reccl.Dataset:
    return reccl.Dataset.from_frame(planted)


class TestNotebook:
    def test_while_training_runs_the_block_has_a_bar(
        self, cell: Cell, data: reccl.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reccl.progress.notebook.INTERVAL", 0.0)
        reccl.train(CONFIG, data)
        running = [block for block in cell.blocks if "<progress" in block["text/html"]]
        assert len(running) > 3
        assert "2/3 epochs in 0 s, loss" in running[-1]["text/plain"]

    def test_when_it_is_over_each_fit_is_a_line_and_the_bar_is_gone(self, cell: Cell, data: reccl.Dataset) -> None:
        reccl.train(CONFIG, data, training={"refit": True})
        last = cell.blocks[-1]
        assert "<progress" not in last["text/html"]
        _rows, sizes, memory, fit, refit, again = last["text/plain"].splitlines()
        assert "200 users x 120 items" in sizes
        assert memory.startswith("memory: about ")
        assert fit.startswith("3 epochs in 0 s, loss") and "best ndcg_at_10 0." in fit
        assert refit.startswith("refit on train and validation rows")
        assert again.startswith(("1 epochs", "2 epochs", "3 epochs"))

    def test_an_error_leaves_no_running_bar(self, cell: Cell, data: reccl.Dataset) -> None:
        class Stop(reccl.Callback):
            def on_step_end(self) -> None:
                raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            reccl.train(CONFIG, data, callbacks=[Stop()])
        assert "<progress" not in cell.blocks[-1]["text/html"]

    def test_text_is_escaped(self, cell: Cell) -> None:
        NotebookProgress().say("rating >= 3 & <b>")
        assert "rating &gt;= 3 &amp; &lt;b&gt;" in cell.blocks[-1]["text/html"]

    def test_it_is_chosen_in_a_notebook_alone(self, cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(choose_progress(), NotebookProgress)
        monkeypatch.setattr("reccl.progress.in_notebook", lambda: False)
        assert isinstance(choose_progress(), TerminalProgress)
