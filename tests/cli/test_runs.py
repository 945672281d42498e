"""`reccl runs`, `compare`, `evaluate` and `ui` look at what was recorded."""

import json
import socket

import pytest


@pytest.fixture(scope="module")
def popular(shop) -> str:
    """A second run to compare with."""
    overrides = ("name=popular", "encoder=null", "objective={}", "scorer.kind=popularity")
    options = [word for override in overrides for word in ("--set", override)]
    (outcome,) = json.loads(shop("train", "--config", "planted.yaml", "--json", *options).out)
    return outcome["run"]


class TestRuns:
    def test_they_are_listed_newest_first(self, shop, popular: str) -> None:
        runs = json.loads(shop("runs", "--json").out)
        assert runs[0]["id"] == popular
        assert runs[0]["status"] == "FINISHED"
        assert runs[0]["metrics"]["test/ndcg_at_10"] > 0
        assert [run["started"] for run in runs] == sorted((run["started"] for run in runs), reverse=True)
        table = shop("runs").out
        assert popular[:8] in table
        assert "planted" in table

    def test_a_limit_keeps_the_newest(self, shop, popular: str) -> None:
        assert [run["id"] for run in json.loads(shop("runs", "--json", "--limit", 1).out)] == [popular]

    def test_none_yet_says_what_to_do_first(self, fresh) -> None:
        answer = fresh("runs")
        assert (answer.out, answer.err) == ("no runs yet\n", "next: reccl train --config movielens.yaml\n")
        assert json.loads(fresh("runs", "--json").out) == []


class TestCompare:
    def test_differences_in_config_and_metrics_stand_side_by_side(self, shop, popular: str) -> None:
        answer = json.loads(shop("compare", "planted", popular, "--json").out)
        assert {run["name"] for run in answer["runs"]} == {"planted", "popular"}
        values = [run["metrics"]["test/ndcg_at_10"] for run in answer["runs"]]
        assert values == sorted(values, reverse=True)
        assert answer["runs"][-1]["delta"] == 0
        assert {"scorer.kind", "encoder.dimension"} <= set(answer["runs"][0]["differs"])
        table = shop("compare", "planted", "popular").out
        assert "2 methods by test/ndcg_at_10" in table
        assert ["scorer", "embedding", "(1);", "popularity", "(2)"] in [line.split() for line in table.splitlines()]
        assert "best_epoch" not in table
        assert "time/train_seconds" in shop("compare", "planted", "popular", "--all").out

    def test_a_group_is_compared_user_by_user(self, shop, popular: str) -> None:
        metric = "test/head_items/ndcg_at_10"
        best, worst = json.loads(shop("compare", "planted", popular, "--metric", metric, "--json").out)["runs"]
        assert worst["interval"] is None
        assert best["interval"]["low"] < best["delta"] == pytest.approx(best["interval"]["relative"])
        assert 0 < best["interval"]["users"] <= 200
        table = shop("compare", "planted", popular, "--metric", metric).out
        assert "95% interval" in table
        assert "few_users/map" not in table

    def test_slices_and_a_report_in_one_file(self, shop, popular: str) -> None:
        answer = shop("compare", "planted", popular, "--slices", "--html", "report.html")
        assert "head_items" in answer.out
        page = (shop.folder / "report.html").read_text()
        assert all(
            word in page for word in ("<svg", "head_items: planted", "users who won most", "What differs", "p (Holm)")
        )
        assert "http" not in page.replace("http://www.w3.org", "")

    def test_a_baseline_that_is_named_is_what_others_are_compared_with(self, shop, popular: str) -> None:
        answer = json.loads(shop("compare", popular, "--baseline", "planted", "--json").out)
        assert answer["baseline"] == answer["runs"][0]["id"] != popular
        assert answer["runs"][1]["delta"] < 0

    def test_without_names_every_run_with_a_model_is_compared(self, shop, popular: str) -> None:
        assert popular in {run["id"] for run in json.loads(shop("compare", "--json").out)["runs"]}

    def test_a_run_given_twice_is_compared_once(self, shop, popular: str) -> None:
        assert len(json.loads(shop("compare", popular, "popular", "--json").out)["runs"]) == 1

    @pytest.mark.parametrize(
        ("words", "answer"),
        [
            (("plantd",), "no run 'plantd'; did you mean 'planted'"),
            (
                ("planted", "--metric", "test/ndcg_at_11"),
                "no run has metric 'test/ndcg_at_11'; did you mean 'test/ndcg",
            ),
        ],
    )
    def test_a_mistake_is_one_line(self, shop, words: tuple[str, ...], answer: str) -> None:
        assert shop("compare", *words).refusal(1).startswith(answer)

    def test_none_yet_says_what_to_do_first(self, fresh) -> None:
        assert fresh("compare").refusal(1).startswith("no finished runs to compare: train one first")


class TestEvaluate:
    def test_it_measures_again_what_training_measured(self, shop, popular: str) -> None:
        written = shop.folder / "mlruns" / "artifacts" / popular / "artifacts" / "metrics.json"
        recorded = {name: value for name, value in json.loads(written.read_text()).items() if name.startswith("test/")}
        answer = json.loads(shop("evaluate", "--run", popular, "--json").out)
        assert (answer["run"], answer["split"]) == (popular, "test")
        assert {f"test/{name}": value for name, value in answer["metrics"].items()} == pytest.approx(recorded)

    def test_people_get_a_table_of_the_part_asked_for(self, shop) -> None:
        answer = shop("evaluate", "--run", "planted", "--split", "validation")
        assert "planted on validation" in answer.out
        assert "ndcg_at_10" in answer.out

    def test_groups_stand_below_with_their_numbers_of_users(self, shop) -> None:
        table = shop("evaluate", "--run", "planted").out
        (line,) = [line.split() for line in table.splitlines() if line.startswith("head_items")]
        answer = json.loads(shop("evaluate", "--run", "planted", "--json").out)["metrics"]
        assert line[2] == f"{answer['head_items/recall_at_10']:.4f}"
        assert 0 < int(line[1]) <= 200

    def test_data_that_has_changed_is_refused(self, fresh) -> None:
        assert fresh("train", "--config", "planted.yaml", "--set", "training.epochs=1").code == 0
        with (fresh.folder / "buys.csv").open("a") as file:
            file.write("u001,9999,5\n")
        told = fresh("evaluate").refusal(1)
        assert told.startswith("the data of run ")
        assert told.endswith(" has changed since it was trained: train it again")

    @pytest.mark.parametrize("name", ["plantd", "zzz"])
    def test_an_unknown_run_is_one_line(self, shop, name: str) -> None:
        assert shop("evaluate", "--run", name).refusal(1).startswith(f"no run '{name}'")


class TestUi:
    def test_a_busy_port_names_the_next(self, fresh) -> None:
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            port = busy.getsockname()[1]
            told = fresh("ui", "--port", port).refusal(1)
        assert told == f"port {port} is in use; choose another: reccl ui --port {port + 1}"

    @pytest.fixture
    def port(self) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return int(free.getsockname()[1])

    def test_it_serves_this_folders_runs_to_this_machine_alone(
        self, shop, port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started = []
        monkeypatch.setattr("reccl.cli.ui.serve", lambda *given: started.append(given) or 0)
        answer = shop("ui", "--port", port)
        assert answer.code == 0
        assert f"http://127.0.0.1:{port}/#/experiments/1/runs" in answer.err
        (command, environment) = started[-1]
        assert command[command.index("--host") + 1] == "127.0.0.1"
        assert environment["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{shop.folder}/mlruns/mlflow.db"
        assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"

    def test_a_server_that_fails_is_one_line(self, shop, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reccl.cli.ui.serve", lambda *_: 3)
        assert shop("ui", "--port", port).refusal(1) == "the MLflow server ended with exit code 3"


@pytest.mark.parametrize("name", ["[bold]x[/nope]", ":smile: [/]", "a\\[b]"])
def test_a_run_may_have_any_name(fresh, name: str) -> None:
    written = fresh.folder / "planted.yaml"
    written.write_text(written.read_text().replace("name: planted", f"name: {json.dumps(name)}"))
    changes = ("--set", "encoder=null", "--set", "objective={}", "--set", "scorer.kind=popularity")
    trained = fresh("train", "--config", "planted.yaml", *changes)
    assert trained.code == 0, trained.err
    recommended = fresh("recommend", "--out", "lists.csv")
    for answer in (trained, fresh("runs"), fresh("compare"), fresh("evaluate"), recommended):
        assert answer.code == 0, answer.err
        assert name in answer.out
    assert fresh("evaluate", "--run", f"{name}!").refusal(1).startswith(f"no run {name + '!'!r}")


def test_runs_on_other_rows_are_refused_unless_it_is_asked_for(shop, popular: str) -> None:
    """The last of this file: without a name, the newest run's data counts."""
    changes = ("name=elsewhere", "data.split.kind=random_per_user", "data.split.seed=7", "encoder=null")
    changes += ("objective={}", "scorer.kind=popularity")
    options = [word for change in changes for word in ("--set", change)]
    assert shop("train", "--config", "planted.yaml", *options).code == 0
    assert "were measured on different test rows" in shop("compare", popular, "elsewhere").refusal(1)
    assert len(json.loads(shop("compare", popular, "elsewhere", "--any-data", "--json").out)["runs"]) == 2
    alone = shop("compare")
    assert "1 method by" in alone.out
    assert "of other data left out" in alone.err
