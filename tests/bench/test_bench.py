"""The bench: rows that exist, figures that can be compared, and a table that holds ours and theirs in one order."""

import csv as csv_files
import os
import signal
import subprocess
import sys
from io import StringIO
from math import log2
from pathlib import Path

import pytest

from reccl.bench import (
    ROWS,
    TASKS,
    Figure,
    Line,
    Result,
    Row,
    Task,
    board,
    command,
    csv,
    markdown,
    select_rows,
    unlock,
)
from reccl.bench.run import RECCL, reason, run_command
from reccl.config import load
from reccl.data.prepare import load_dataset
from reccl.errors import ConfigError
from reccl.published import PUBLISHED, SPLITS

TASK = Task("town", "The town", 5)
TIME = {
    "prepare_seconds": 1.0,
    "train_seconds": 2.0,
    "refit_seconds": 3.0,
    "evaluate_seconds": 4.0,
    "peak_memory_gib": 0.5,
}


def result(config: str, ndcg: float, best: float | None = None) -> Result:
    flattered = {} if best is None else {"recall_at_5": 0.9, "ndcg_at_5": best}
    return Result(
        TASK, Row("town", config), f"run of {config}", {"recall_at_5": 0.1, "ndcg_at_5": ndcg}, flattered, TIME
    )


class TestRows:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.data}-{row.config}")
    def test_every_row_is_a_config_that_measures_what_its_task_shows(self, row: Row) -> None:
        (task,) = [task for task in TASKS if task.data == row.data]
        words = command(task, row)
        assert words[:3] == ["train", "--config", row.config]
        experiment = load(row.config, [word for word in words[3:] if word != "--set"])
        assert experiment.training.metric == f"ndcg_at_{task.k}"
        assert set(task.metrics) <= set(experiment.evaluation.metric_names())
        assert experiment.data == load("methods/random.yaml", [f"data={row.data}"]).data

    def test_quick_trains_nothing_but_the_best_and_has_every_data_set(self) -> None:
        quick, full = select_rows((), quick=True), select_rows((), quick=False)
        assert set(quick) < set(full)
        assert {task for task, _ in quick} == set(TASKS)
        assert {"best.yaml", "methods/popularity.yaml"} <= {row.config for _, row in quick}
        assert {row.config for _, row in quick if load(row.config).encoder is not None} == {"best.yaml"}
        assert {"movielens.yaml", "gowalla.yaml", "methods/softmax-mf.yaml"} <= {row.config for _, row in full}

    def test_a_data_set_narrows_it_and_a_typo_is_told(self) -> None:
        assert {row.data for _, row in select_rows(["gowalla"], quick=True)} == {"gowalla"}
        with pytest.raises(ConfigError, match=r"'gowala' is not in the bench; did you mean 'gowalla'\?; there are"):
            select_rows(["gowala"], quick=True)


class TestPublished:
    @pytest.mark.parametrize("figure", PUBLISHED, ids=lambda figure: f"{figure.split}-{figure.method}")
    def test_every_figure_says_where_it_is_from_and_how_it_was_chosen(self, figure: Figure) -> None:
        assert figure.split in {split.name for split in SPLITS}
        assert 0 < figure.recall < 1
        assert 0 < figure.ndcg < 1
        assert figure.source
        assert figure.protocol

    def test_no_method_is_named_twice_for_one_split(self) -> None:
        assert len({(figure.split, figure.method) for figure in PUBLISHED}) == len(PUBLISHED)

    def test_figures_are_unlocked_by_the_digest_of_one_published_split_and_no_other(self) -> None:
        first, second, *_ = SPLITS
        assert {figure.split for figure in unlock([first.digest, first.digest])} == {first.name}
        assert (
            unlock([first.digest, second.digest])
            == unlock([first.digest, ""])
            == unlock([])
            == unlock(["0" * 32])
            == []
        )

    def test_the_digest_of_m1_is_that_of_its_files_whatever_is_drawn_for_validation(self, real_data: Path) -> None:
        (m1,) = [split for split in SPLITS if split.name == "ml-1m-m1"]
        seeds = [
            load_dataset("ml-1m-m1", root=real_data, split={"kind": "predefined", "seed": seed, "validation": share})
            for seed, share in ((1, 0.1), (2, 0.3))
        ]
        assert [data.digest.test for data in seeds] == [m1.digest] * 2
        assert seeds[0].digest.parts != seeds[1].digest.parts
        drawn = load_dataset("ml-1m-m1", root=real_data, split={"kind": "random_per_user"})
        assert unlock([drawn.digest.test]) == []

    def test_lastfm_is_measured_as_its_papers_do(self, real_data: Path) -> None:
        if not (real_data / "lastfm").is_dir():
            pytest.skip("the real lastfm is not in RECCL_DATA")
        ((task, row),) = [(task, row) for task, row in select_rows(["lastfm"], True) if row.config == "best.yaml"]
        experiment = load(row.config, [*task.settings(), *row.settings])
        assert (experiment.evaluation.hide, experiment.training.refit) == ("train", False)
        data = load_dataset("lastfm", root=real_data)
        assert [data.part(part).height for part in ("train", "validation", "test")] == [64_315, 9_143, 18_321]
        assert {figure.split for figure in unlock([data.digest.test])} == {"lastfm"}


class TestBoard:
    def test_ours_and_theirs_stand_in_one_order_and_failures_last(self) -> None:
        results = [Result(TASK, Row("town", "c"), error="no such data"), result("a", 0.2), result("b", 0.4, best=0.5)]
        figures = [Figure("town", "X", 0.3, 0.3, "on test", "a paper")]
        lines = board("town", results, figures)
        assert [line.method for line in lines] == ["b, on test", "b", "X", "a", "c"]
        assert [line.ours for line in lines] == [True, True, False, True, True]
        assert lines[-1].note == "failed: no such data"
        assert lines[2].source == "a paper"

    def test_a_run_has_its_seconds_with_the_refit_in_training_and_its_memory(self) -> None:
        (line,) = board("town", [result("a", 0.2)], ())
        assert (line.prepare, line.train, line.evaluate, line.peak) == (1.0, 5.0, 4.0, 0.5)
        assert (line.recall, line.ndcg, line.source) == (0.1, 0.2, "run of a")

    def test_the_table_for_programs_holds_numbers_in_full(self) -> None:
        ndcg = 1 / log2(3)
        text = csv(board("town", [result("a, b", ndcg)], PUBLISHED[:0]))
        (row,) = csv_files.DictReader(StringIO(text))
        assert row["method"] == "a, b"
        assert float(row["ndcg"]) == ndcg
        assert row["note"]

    def test_the_table_for_papers_has_as_many_cells_in_every_row(self) -> None:
        lines = board("town", [result("a|b", 0.2)], [Figure("town", "X", 0.3, 0.3, "on test", "a paper")])
        rows = [line for line in markdown("The town", lines).splitlines() if line.startswith("|")]
        assert len({row.replace("\\|", "").count("|") for row in rows}) == 1
        assert [row.split(" | ")[0] for row in rows[2:]] == ["| X", "| **a\\|b**"]
        assert isinstance(lines[0], Line)


def test_an_interrupted_row_records_its_end_before_the_bench_ends(tmp_path: Path) -> None:
    row = """
import os, pathlib, signal, sys, time
try:
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.7)
    pathlib.Path(sys.argv[1]).touch()
"""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore Ctrl-C
    try:
        with pytest.raises(KeyboardInterrupt):
            run_command([sys.executable, "-c", row, str(tmp_path / "end")], os.environ)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "end").exists()


def test_files_of_the_current_folder_are_no_modules_of_a_row(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ValueError")
    done = subprocess.run([*RECCL, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("code", "told", "expected"),
    [
        (1, "noise\nerror: no data set 'x'; there are a, b\nmore noise\n", "no data set 'x'; there are a, b"),
        (1, "Traceback\nValueError: odd\n", "ValueError: odd"),
        (3, "", "exit code 3"),
        (-9, "", "ended by SIGKILL; out of memory?"),
        (-11, "anything", "ended by SIGSEGV"),
    ],
)
def test_a_failure_is_one_line(code: int, told: str, expected: str) -> None:
    assert reason(subprocess.CompletedProcess([], code, "", told)) == expected
