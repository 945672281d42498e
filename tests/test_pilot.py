"""A pilot takes the candidate that validation clearly prefers, and otherwise stays with what is written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from reccl.config import Experiment, dump, loads, resolve
from reccl.data.dataset import Dataset
from reccl.errors import ConfigError
from reccl.experiment import run
from reccl.pilot import try_candidates
from reccl.tracking.results import write_results

CPU = torch.device("cpu")
GRAPH = {"encoder": {"kind": "lightgcn", "dimension": 16, "layers": 2, "initial_weight": 0}}
WRITTEN: dict[str, Any] = {
    "name": "pilot",
    "data": {"pipeline": "table", "interactions": "rows.csv"},
    "encoder": {"kind": "matrix_factorization", "dimension": 16},
    "objective": {"ranking": {"kind": "full_softmax", "temperature": 0.2}},
    "scorer": {"kind": "embedding", "similarity": "cosine"},
    "training": {"epochs": 8, "batch_size": 512, "learning_rate": 0.02, "refit": True},
    "cold_start": None,
}


def written(**candidates: dict[str, Any]) -> Experiment:
    return resolve({**WRITTEN, "pilot": {"epochs": 3, "candidates": candidates}}, {})


def chance_world() -> Dataset:
    """Interactions by chance: nothing about a user says anything about an item."""
    random = np.random.default_rng(3)
    pairs = [(user, int(item)) for user in range(150) for item in random.choice(100, 12, replace=False)]
    parts = random.choice(["train", "validation", "test"], len(pairs), p=[0.6, 0.2, 0.2])
    rows = pl.DataFrame(pairs, schema=["user", "item"], orient="row")
    return Dataset.from_frame(rows.with_columns(pl.Series("part", parts)))


def test_the_graph_is_taken_where_it_is_planted(planted_dataset: Dataset) -> None:
    lines: list[str] = []
    experiment = written(graph=GRAPH)
    chosen, trials, _ = try_candidates(experiment, planted_dataset, CPU, log=lines.append)
    assert chosen == experiment.candidates()["graph"]
    assert chosen.pilot is None
    assert chosen.training.epochs == 8
    assert [(trial.candidate, trial.chosen) for trial in trials] == [("as written", True), ("graph", True)]
    first, graph = trials
    assert graph.gain == pytest.approx(graph.value - first.value)
    assert graph.gain > graph.error > 0
    assert lines[0] == "pilot: 3 epochs each of what is written and of graph"
    assert lines[1:] == [trial.describe() for trial in trials]
    assert lines[2].endswith(", taken")


def test_where_there_is_nothing_to_learn_it_stays_as_it_is_written() -> None:
    experiment = written(graph=GRAPH, soft={"objective.ranking.temperature": 0.4})
    chosen, trials, _ = try_candidates(experiment, chance_world(), CPU)
    assert not any(trial.chosen for trial in trials[1:])
    assert chosen == experiment.model_copy(update={"pilot": None})


def test_ties_stay_as_they_are_written_and_the_worse_is_not_taken(planted_dataset: Dataset) -> None:
    experiment = written(same={"objective.ranking.temperature": 0.2}, worse={"training.learning_rate": 1e-6})
    chosen, trials, _ = try_candidates(experiment, planted_dataset, CPU)
    assert chosen == experiment.model_copy(update={"pilot": None})
    same, worse = trials[1:]
    assert (same.gain, same.error, same.chosen) == (0, 0, False)
    assert worse.gain is not None
    assert worse.gain < 0
    assert not worse.chosen


def test_without_validation_rows_nothing_is_tried(planted_dataset: Dataset) -> None:
    experiment = written(graph=GRAPH)
    chosen, trials, _ = try_candidates(experiment, planted_dataset.merge_validation(), CPU)
    assert (chosen.encoder, trials) == (experiment.encoder, [])


def test_a_run_trains_refits_and_records_what_the_pilot_chose(planted_dataset: Dataset, tmp_path: Path) -> None:
    experiment = written(graph=GRAPH)
    outcome = run(experiment, planted_dataset, device="cpu")
    assert outcome.selected["encoder.kind"] == "lightgcn"
    assert outcome.experiment == experiment
    assert [trial.candidate for trial in outcome.trials] == ["as written", "graph"]
    assert outcome.timing["pilot_seconds"] > 0
    direct = run(experiment.candidates()["graph"], planted_dataset, device="cpu")
    assert outcome.metrics == direct.metrics
    assert "pilot_seconds" not in direct.timing
    write_results(outcome, "a run", tmp_path / "results")
    (written_table,) = (tmp_path / "results").rglob("pilot.json")
    assert [row["candidate"] for row in json.loads(written_table.read_text())] == ["as written", "graph"]


def test_a_budget_leaves_candidates_untried_and_says_so(planted_dataset: Dataset) -> None:
    experiment = written(graph=GRAPH).model_copy(deep=True)
    assert experiment.pilot is not None
    short = experiment.model_copy(update={"pilot": experiment.pilot.model_copy(update={"minutes": 1e-6})})
    lines: list[str] = []
    chosen, trials, _ = try_candidates(short, planted_dataset, CPU, log=lines.append)
    assert chosen == experiment.model_copy(update={"pilot": None})
    assert [(trial.candidate, trial.value is None) for trial in trials] == [("as written", False), ("graph", True)]
    assert lines[-1] == "pilot graph: not tried, no time left"
    ample = experiment.model_copy(update={"pilot": experiment.pilot.model_copy(update={"minutes": 60})})
    assert [trial.chosen for trial in try_candidates(ample, planted_dataset, CPU)[1]] == [True, True]


def test_a_run_that_goes_on_keeps_the_choice_of_its_pilot(planted_dataset: Dataset, tmp_path: Path) -> None:
    experiment = written(graph=GRAPH)
    chosen, trials, _ = try_candidates(experiment, planted_dataset, CPU, folder=tmp_path)
    lines: list[str] = []
    again = try_candidates(experiment, planted_dataset, CPU, log=lines.append, folder=tmp_path)
    assert again == (chosen, trials, None)
    assert lines == ["pilot: graph, as it chose before"]
    other = experiment.model_copy(update={"seed": 7})
    try_candidates(other, planted_dataset, CPU, log=lines.append, folder=tmp_path)
    assert len(lines) == 4  # another config is tried anew
    (tmp_path / "pilot.json").write_text("{")
    assert try_candidates(experiment, planted_dataset, CPU, folder=tmp_path)[0] == chosen


def test_it_survives_its_dump() -> None:
    experiment = written(graph=GRAPH)
    assert loads(dump(experiment)) == experiment


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder.dimensions": 3}, r"pilot.*candidates.*a.*dimensions.*did you mean 'dimension'"),
        ({"data.split.seed": 3}, r"candidate 'a' sets 'data\.split\.seed'; it may set keys of encoder, objective"),
        ({"training.metric": "ndcg_at_5"}, r"candidate 'a' sets 'training\.metric'"),
        ({}, r"at least 1 item"),
    ],
)
def test_candidates_are_checked_before_anything_is_trained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        written(a=changes)
