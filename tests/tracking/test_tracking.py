"""Runs are recorded whole and found again; the logged model serves without reccl."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
import torch

from reccl import tracking
from reccl.data.dataset import Dataset
from reccl.data.ingest.pipelines import import_file
from reccl.errors import RunError
from reccl.recommend import Model, recommend
from reccl.recommend.record import TrainingRecord, history_frame
from reccl.scorers import Scorer
from reccl.training import Epoch

PARAMETERS = {"name": "kept", "data.pipeline": "table", "encoder.dimension": 8, "long": "x" * 9000}
SERVE = """
import json, sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("reccl", "torch", "polars"):
            raise ModuleNotFoundError(f"{name} is not to be imported")
sys.meta_path.insert(0, Without())
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
asked = json.loads(sys.argv[2])
found = {
    "default": model.predict(pandas.DataFrame({"user": asked[:1]})),
    "short": model.predict(pandas.DataFrame({"user": asked}), params={"k": 7}),
    "seen": model.predict(pandas.DataFrame({"user": asked}), params={"k": 7, "include_seen": True}),
    "all": model.predict(pandas.DataFrame({"user": asked[:1]}), params={"k": 100000}),
}
from mlflow.pyfunc.scoring_server import invocations
def post(**params):
    body = json.dumps({"dataframe_split": {"columns": ["user"], "data": [[asked[0]]]}, "params": params})
    answer = invocations(body, "application/json", model, model.metadata.get_input_schema())
    return [list(row.values()) for row in json.loads(answer.response)["predictions"]]
served = {"declared": post(k=3, include_seen=True), "undeclared": post(k=3, top=5)}
try:
    post(k="many")
except Exception as error:
    served["refused"] = str(error)
tables = {name: table.values.tolist() for name, table in found.items()}
print("ANSWER" + json.dumps({**tables, **served}))
"""


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory, inside) -> Iterator[Path]:
    with inside(tmp_path_factory.mktemp("store")) as place:
        yield place


@pytest.fixture(scope="module")
def model(planted_dataset: Dataset) -> Model:
    random = torch.Generator().manual_seed(0)
    users, items = len(planted_dataset.user_ids), len(planted_dataset.item_ids)
    return Model.of(
        Scorer(torch.randn(users, 8, generator=random), torch.randn(items, 8, generator=random)), planted_dataset
    )


@pytest.fixture(scope="module")
def nothing_yet(folder: Path) -> str:
    """The answer while the store is empty."""
    with pytest.raises(RunError) as failure:
        tracking.find("latest")
    return str(failure.value)


@pytest.fixture(scope="module")
def kept(nothing_yet: str, model: Model, planted_dataset: Dataset) -> str:
    """The id of a run that holds a model."""
    run = tracking.start_run("kept", "name: kept\n", PARAMETERS, planted_dataset)
    run.epoch(Epoch(1, {"ranking": 0.5}, {"ndcg_at_10": 0.1}, {}, 0.01, 2.0, 100.0))
    run.metrics({"test/ndcg_at_10": 0.2})
    run.model(model, TrainingRecord("name: kept\n", {"test": {"ndcg_at_10": 0.2}}, {}, history_frame({})))
    run.end("FINISHED")
    return run.id


@pytest.fixture(scope="module")
def killed(kept: str, planted_dataset: Dataset) -> str:
    """The id of a run that was stopped by hand before it had anything."""
    tracker = tracking.Tracker()
    tracker.run = tracking.start_run("killed", "name: killed\n", {"name": "killed"}, planted_dataset)
    tracker.on_run_error(KeyboardInterrupt())
    return tracker.run_id


class TestRecording:
    def test_epoch_metrics_have_their_step_and_their_room(self, kept: str) -> None:
        history = tracking.client().get_metric_history(kept, "validation/ndcg_at_10")
        assert [(point.step, point.value) for point in history] == [(1, 0.1)]
        assert tracking.find(kept).data.metrics["train/ranking"] == 0.5

    def test_what_a_service_prepares_is_not_prepared_while_a_model_is_recorded(
        self, kept: str, model: Model, planted_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from reccl.serving import Service

        prepared: list[Path] = []
        monkeypatch.setattr(Service, "read", prepared.append)
        run = tracking.start_run("plain", "name: plain\n", {"name": "plain"}, planted_dataset)
        run.model(model, TrainingRecord("name: plain\n", {}, {}, history_frame({})))
        addresses = {tracking.find(each).data.tags["reccl.model"] for each in (kept, run.id)}
        assert len(addresses) == 2
        run.end("FAILED")
        tracking.client().delete_run(run.id)
        assert not prepared
        import_file(tracking.SERVED).Recommender().load_context(SimpleNamespace(artifacts={"model": "folder"}))
        assert prepared == [Path("folder")]  # afterwards it is the service that reads

    def test_a_value_that_is_too_long_for_the_store_is_cut(self, kept: str) -> None:
        assert tracking.find(kept).data.params["long"] == "x" * 6000

    def test_stopping_by_hand_outside_training_marks_the_run_killed(self, killed: str) -> None:
        assert tracking.find(killed).info.status == "KILLED"

    def test_a_run_without_a_model_or_a_file_says_so(self, killed: str) -> None:
        with pytest.raises(RunError, match=rf"run {killed} \(killed\) holds no model: it is killed"):
            tracking.model_of(tracking.find(killed))
        with pytest.raises(RunError, match=rf"run {killed} holds no nothing\.txt"):
            tracking.text_of(tracking.find(killed), "nothing.txt")


class TestFinding:
    def test_an_empty_store_says_what_to_do_first(self, nothing_yet: str) -> None:
        assert nothing_yet.startswith("no runs in sqlite:///")
        assert "reccl train --config" in nothing_yet

    def test_a_run_is_found_by_id_prefix_and_name(self, kept: str, killed: str) -> None:
        unique = next(kept[:n] for n in range(1, 33) if not killed.startswith(kept[:n]))
        assert {tracking.find(name).info.run_id for name in (kept, unique, "kept")} == {kept}

    def test_latest_is_the_newest_that_holds_a_model(self, kept: str, killed: str) -> None:
        assert tracking.runs()[0].info.run_id == killed
        assert tracking.find("latest").info.run_id == kept

    def test_an_unknown_name_gets_the_nearest(self, kept: str) -> None:
        with pytest.raises(RunError, match=r"no run 'kep_t'; did you mean 'kept'.*; see reccl runs"):
            tracking.find("kep_t")
        with pytest.raises(RunError, match="no run ''; see reccl runs"):
            tracking.find("")

    def test_a_prefix_of_several_runs_asks_for_more_and_a_name_is_its_newest_run(self, kept: str) -> None:
        api = tracking.client()
        ids = [
            api.create_run(tracking.experiment_id(api), run_name="many", start_time=n).info.run_id for n in range(1, 18)
        ]
        shared = next(letter for letter in "0123456789abcdef" if sum(one.startswith(letter) for one in ids) > 1)
        with pytest.raises(RunError, match=rf"run prefix '{shared}' fits \d+ runs; give more of the id"):
            tracking.find(shared)
        assert tracking.find("many").info.run_id == ids[-1]

    def test_a_store_that_cannot_be_used_is_one_clear_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/file/mlflow.db")
        with pytest.raises(RunError, match=r"cannot use the run store sqlite:.*; set MLFLOW_TRACKING_URI") as failure:
            tracking.client()
        assert "\n" not in str(failure.value)


class TestServedModel:
    """The model that MLflow serves, in a Python that may import neither reccl nor torch nor polars."""

    @pytest.fixture(scope="class")
    def uri(self, kept: str) -> str:
        return tracking.find(kept).data.tags["reccl.model"]

    @pytest.fixture(scope="class")
    def answers(self, uri: str, folder: Path) -> dict[str, list[list[object]]]:
        asked = ["u004", "zoe", "u199", "u000", "u004"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, "-c", SERVE, uri, json.dumps(asked)],
            capture_output=True,
            text=True,
            env={**environment, "MLFLOW_TRACKING_URI": tracking.store()},
            cwd=folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return {**json.loads(done.stdout.partition("ANSWER")[2]), "said": done.stderr.splitlines()}

    @pytest.mark.parametrize(("name", "include_seen"), [("short", False), ("seen", True)])
    def test_it_gives_the_lists_that_reccl_gives(
        self, answers: dict[str, list[list[object]]], model: Model, name: str, include_seen: bool
    ) -> None:
        asked = pl.Series(["u004", "zoe", "u199", "u000"])
        right = pl.concat(recommend(model, asked, 7, include_seen=include_seen)).filter(source="model")
        got = [row for row in answers[name] if row[0] != "zoe"]
        assert [row[0] for row in got] == ["u004"] * 7 + ["u199"] * 7 + ["u000"] * 7  # in the order of asking
        got.sort(key=lambda row: (row[0], row[3]))
        assert [[row[0], row[1], row[3]] for row in got] == [list(row) for row in right["user", "item", "rank"].rows()]
        assert [row[2] for row in got] == pytest.approx(right["score"].to_list(), rel=1e-5)

    def test_an_unknown_user_gets_the_most_popular_items(
        self, answers: dict[str, list[list[object]]], model: Model
    ) -> None:
        own = [row for row in answers["short"] if row[0] == "zoe"]
        counts = dict(zip(model.item_ids.ids.to_list(), model.popularity.tolist(), strict=True))
        assert [row[2] for row in own] == sorted(counts.values(), reverse=True)[:7]
        assert [counts[row[1]] for row in own] == [row[2] for row in own]

    def test_lists_have_twenty_items_by_default_and_never_known_ones(
        self, answers: dict[str, list[list[object]]], model: Model
    ) -> None:
        assert [row[3] for row in answers["default"]] == list(range(1, 21))
        known = int(model.known.counts[model.user_ids.ids.to_list().index("u004")])
        assert len(answers["all"]) == len(model.item_ids) - known

    def test_the_scoring_server_reads_the_declared_parameters(self, answers: dict, model: Model) -> None:
        right = pl.concat(recommend(model, pl.Series(["u004"]), 3, include_seen=True))
        assert [row[:2] for row in answers["declared"]] == [list(row) for row in right["user", "item"].rows()]
        assert [row[4] for row in answers["declared"]] == ["model"] * 3
        assert "k" in answers["refused"]
        assert "many" in answers["refused"]

    def test_mlflow_leaves_out_what_is_not_declared_and_warns(self, answers: dict) -> None:
        assert [row[3] for row in answers["undeclared"]] == [1, 2, 3]
        assert [line for line in answers["said"] if "Unrecognized params ['top'] are ignored" in line]

    def test_it_has_a_signature_and_an_input_example(self, uri: str) -> None:
        from mlflow.models import get_model_info

        info = get_model_info(uri)
        assert info.signature.inputs.input_names() == ["user", "history", "exclude", "candidates", "features"]
        assert info.signature.outputs.input_names() == ["user", "item", "score", "rank", "source"]
        defaults = {one.name: one.default for one in info.signature.params}
        assert defaults.items() >= {"k": 20, "include_seen": False, "rules": {}, "new_items": {}}.items()
        assert info.saved_input_example_info is not None

    def test_no_class_of_this_package_is_pickled(self, uri: str) -> None:
        from mlflow.artifacts import download_artifacts

        files = [path for path in Path(download_artifacts(uri)).rglob("*") if path.is_file()]
        assert {"model.safetensors", "users.parquet", "items.parquet", "served.py"} <= {path.name for path in files}
        assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".pt", ".pth", ".bin")]
        assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]  # a pickle's first byte

    def test_what_it_needs_is_pinned_and_small(self, uri: str) -> None:
        from mlflow.artifacts import download_artifacts

        needs = (Path(download_artifacts(uri)) / "requirements.txt").read_text().split()
        names = {"mlflow", "numpy", "pandas", "pyarrow", "safetensors", "scipy"}
        assert {need.partition("==")[0] for need in needs} == names
        assert all("==" in need for need in needs)


def test_two_first_runs_at_once_do_not_spoil_each_others_store(tmp_path: Path) -> None:
    ask = "from reccl import tracking; print(tracking.experiment_id(tracking.client()))"
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    asked = [
        subprocess.Popen([sys.executable, "-c", ask], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    first, second = (process.communicate()[0] for process in asked)
    assert first == second != ""
