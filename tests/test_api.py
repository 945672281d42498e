"""The Python API: what a notebook writes, and that it is the same road as the command line's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from polars.testing import assert_frame_equal

import reccl

ROOT = Path(reccl.__file__).parents[1]
CONFIG = {
    "name": "planted",
    "encoder": {"kind": "matrix_factorization", "dimension": 16},
    "objective": {"ranking": {"kind": "ranking", "loss": {"kind": "info_nce", "temperature": 0.2}}},
    "training": {"epochs": 4, "batch_size": 512, "learning_rate": 0.02},
}


@pytest.fixture(scope="module")
def data(planted: pl.DataFrame, planted_items: pl.DataFrame) -> reccl.Dataset:
    items = planted_items.with_columns(title="title " + pl.col("item").cast(pl.String))
    return reccl.Dataset.from_frame(planted, timestamp="timestamp", items=items)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory, inside) -> Iterator[Path]:
    with inside(tmp_path_factory.mktemp("notebook")) as place:
        yield place


@pytest.fixture(scope="module")
def model(data: reccl.Dataset, folder: Path) -> reccl.Recommender:
    return reccl.train(CONFIG, data, progress=False)


class TestImport:
    def test_it_loads_nothing_heavy_and_touches_nothing(self) -> None:
        code = """
import json, logging, os, sys, warnings
before = dict(os.environ), list(warnings.filters), logging.getLogger("mlflow").level
import reccl
assert (dict(os.environ), list(warnings.filters), logging.getLogger("mlflow").level) == before
print(json.dumps(sorted(name.partition(".")[0] for name in sys.modules)))
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
        heavy = {"torch", "polars", "pandas", "mlflow", "numpy", "pydantic", "torch_geometric", "sklearn"}
        assert not heavy & set(json.loads(done.stdout))
        assert done.stderr == ""

    def test_using_the_parts_touches_no_environment_variable_warning_filter_or_logger(self) -> None:
        code = """
import logging, os, torch, polars, pydantic, scipy.sparse, sklearn.utils.extmath, warnings
loggers = [log for log in logging.root.manager.loggerDict.values() if isinstance(log, logging.Logger)]
levels = [log.level for log in loggers]
before = dict(os.environ), list(warnings.filters)
import reccl
for name in reccl.__all__:
    getattr(reccl, name)
assert dict(os.environ) == before[0], set(os.environ) ^ set(before[0])
assert list(warnings.filters) == before[1], [f for f in warnings.filters if f not in before[1]]
assert [log.level for log in loggers] == levels
assert "mlflow" not in __import__("sys").modules
"""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "GIT"))}
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout == done.stderr == ""

    def test_every_public_name_is_there(self) -> None:
        assert set(reccl.__all__) <= set(dir(reccl))
        for name in reccl.__all__:
            assert getattr(reccl, name) is not None
        with pytest.raises(AttributeError, match="no attribute 'trian'"):
            reccl.trian  # noqa: B018


class TestTrain:
    def test_metrics_and_history_are_at_hand(self, model: reccl.Recommender) -> None:
        assert 0 < model.metrics["test"]["ndcg_at_10"] < 1
        assert model.history["epoch"].to_list() == [1, 2, 3, 4]
        assert {"loss/ranking", "validation/ndcg_at_10", "learning_rate", "seconds"} <= set(model.history.columns)
        assert "planted: 200 users, 120 items; test ndcg_at_10" in repr(model)

    def test_it_is_silent_and_records_nothing_unless_asked(
        self, data: reccl.Dataset, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        reccl.train(CONFIG, data, progress=False, training={"epochs": 1})
        assert capfd.readouterr() == ("", "")
        assert not (folder / "mlruns").exists()

    def test_progress_is_told_on_standard_error(self, data: reccl.Dataset, capfd: pytest.CaptureFixture[str]) -> None:
        reccl.train(CONFIG, data, training={"epochs": 1})
        out, err = capfd.readouterr()
        assert out == ""
        assert "200 users x 120 items" in err
        assert "epoch 1/1" in err

    def test_sections_set_keys_and_leave_the_others(self, data: reccl.Dataset) -> None:
        model = reccl.train(CONFIG, data, progress=False, encoder={"dimension": 8}, training={"epochs": 2}, seed=7)
        assert model.experiment.encoder.dimension == 8
        assert model.experiment.encoder.kind == "matrix_factorization"
        assert model.experiment.training.batch_size == 512
        assert model.experiment.seed == 7
        assert model.history.height == 2

    def test_another_kind_starts_its_section_from_its_defaults(self, data: reccl.Dataset) -> None:
        encoder = {"kind": "lightgcn", "layers": 1}
        model = reccl.train(CONFIG, data, progress=False, encoder=encoder, training={"epochs": 1})
        assert model.experiment.encoder.dimension == 64

    def test_a_bundled_config_a_file_and_an_experiment_do_the_same(self, data: reccl.Dataset, folder: Path) -> None:
        name = "methods/ease"
        by_name = reccl.train(name, data, progress=False)
        by_path = reccl.train(ROOT / "configs" / f"{name}.yaml", data, progress=False)
        by_experiment = reccl.train(reccl.load_config(name), data, progress=False)
        assert by_name.metrics == by_path.metrics == by_experiment.metrics

    def test_a_mistake_says_which_argument_and_what_was_meant(self, data: reccl.Dataset) -> None:
        with pytest.raises(reccl.ConfigError, match=r"encoder\.dimention=3: encoder: unknown key 'dimention'; did you"):
            reccl.train(CONFIG, data, progress=False, encoder={"dimention": 3})
        with pytest.raises(reccl.ConfigError, match="data: this key is missing"):
            reccl.train(CONFIG, progress=False)
        with pytest.raises(reccl.ConfigError, match="no config 'movielense'; did you mean 'movielens'"):
            reccl.train("movielense", data, progress=False)

    def test_callbacks_hear_of_every_epoch_and_of_the_end(self, data: reccl.Dataset) -> None:
        class Listener(reccl.Callback):
            heard: list[object] = []  # noqa: RUF012

            def on_epoch_end(self, record, improved) -> None:
                self.heard.append(record.number)

            def on_run_end(self, outcome) -> None:
                self.heard.append(outcome.metrics["test"]["ndcg_at_10"])

        listener = Listener()
        model = reccl.train(CONFIG, data, progress=False, callbacks=[listener])
        assert listener.heard == [1, 2, 3, 4, model.metrics["test"]["ndcg_at_10"]]

    @pytest.mark.parametrize(
        "encoder",
        [
            {"kind": "matrix_factorization"},
            {"kind": "two_tower", "hidden": [8], "dropout": 0.2, "id_dropout": 0.3},
            {"kind": "convolution", "operator": "gat", "dropout": 0.2},
            {"kind": "ngcf"},
        ],
        ids=lambda encoder: encoder["kind"],
    )
    def test_global_random_numbers_are_neither_read_nor_used_up(
        self, data: reccl.Dataset, encoder: dict[str, object]
    ) -> None:
        found = []
        for seed in (5, 6):
            torch.manual_seed(seed)
            expected = torch.rand(3)
            torch.manual_seed(seed)
            model = reccl.train(CONFIG, data, progress=False, training={"epochs": 1}, encoder=encoder)
            assert torch.equal(torch.rand(3), expected)
            found.append(model.metrics)
        assert found[0] == found[1]


class TestTheSameRoad:
    def test_equal_seeds_give_the_command_lines_metrics_to_the_last_digit(
        self, planted: pl.DataFrame, folder: Path
    ) -> None:
        planted.write_csv("buys.csv")
        (folder / "shop.yaml").write_text(
            json.dumps({**CONFIG, "data": {"pipeline": "table", "interactions": "buys.csv"}})
        )
        done = subprocess.run(
            [sys.executable, "-m", "reccl", "train", "--config", "shop.yaml", "--json", "--quiet"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        (recorded,) = json.loads(done.stdout)
        model = reccl.train("shop.yaml", progress=False)
        assert model.metrics["test"] == recorded["test"]
        assert model.metrics["validation"] == recorded["validation"]
        in_memory = reccl.train(CONFIG, reccl.Dataset.from_frame(planted, timestamp="timestamp"), progress=False)
        assert in_memory.metrics == model.metrics
        again = reccl.load(run=recorded["run"])
        assert again.metrics["test"] == recorded["test"]
        assert_frame_equal(again.recommend(users=["u003"], k=3), model.recommend(users=["u003"], k=3))

    def test_a_tracked_run_is_found_again(self, data: reccl.Dataset, folder: Path) -> None:
        model = reccl.train(CONFIG, data, progress=False, track=True, name="tracked")
        again = reccl.load(run="latest")
        assert again.run_id == model.run_id
        assert again.metrics == model.metrics
        assert again.history.equals(model.history)
        assert again.recommend(k=5).equals(model.recommend(k=5))

    def test_the_command_line_measures_a_tracked_run_of_a_frame_again(self, data: reccl.Dataset, folder: Path) -> None:
        model = reccl.train("methods/ease", data, progress=False, track=True, name="framed")
        done = subprocess.run(
            [sys.executable, "-m", "reccl", "evaluate", "--run", "framed", "--json", "--quiet"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        assert f'"ndcg_at_10": {model.metrics["test"]["ndcg_at_10"]}' in done.stdout


class TestRecommend:
    def test_asked_users_get_k_unseen_items_each(self, model: reccl.Recommender, data: reccl.Dataset) -> None:
        lists = model.recommend(users=["u042", "u007"], k=5)
        assert lists["user"].to_list() == ["u007"] * 5 + ["u042"] * 5
        assert lists["rank"].to_list() == [1, 2, 3, 4, 5] * 2
        assert lists["source"].unique().to_list() == ["model"]
        known = data.known_before("test")
        seen = pl.DataFrame({"user": data.user_ids.to_ids(known["user"]), "item": data.item_ids.to_ids(known["item"])})
        assert lists.join(seen, on=["user", "item"]).is_empty()

    def test_everybody_is_listed_where_nobody_is_named(self, model: reccl.Recommender) -> None:
        assert model.recommend(k=2)["user"].n_unique() == 200
        assert sum(part.height for part in model.iter_recommendations(k=2)) == 400

    def test_a_folder_of_parts_holds_what_recommend_gives(self, model: reccl.Recommender, tmp_path: Path) -> None:
        rules = reccl.Rules(deny=[10], at_most={"title": 1})
        asked = {"users": ["u001", "u002", "u100", "zoe"], "k": 4, "item_columns": ["title"], "rules": rules}
        with pytest.warns(UserWarning, match="1 of 4 users are not known"):
            written = model.write_recommendations(tmp_path / "lists", part_users=3, shard="2/2", **asked)
            assert (written.rows, written.parts, written.missing, written.users) == (4, 1, 1, 1)
            with pytest.raises(reccl.ConfigError, match="add --resume"):
                model.write_recommendations(tmp_path / "lists", part_users=3, **asked)
            written = model.write_recommendations(tmp_path / "lists", part_users=3, resume=True, **asked)
            assert (written.rows, written.parts, written.kept, written.missing) == (12, 1, 1, 0)
            whole = model.recommend(**asked)
            with pytest.raises(reccl.ConfigError, match="was begun with another at_most"):
                other = {**asked, "rules": reccl.Rules(deny=[10])}
                model.write_recommendations(tmp_path / "lists", part_users=3, resume=True, **other)
        found = pl.read_parquet(tmp_path / "lists")
        assert found.drop("run_id", "score").equals(whole.drop("score"))
        assert found["score"].to_numpy() == pytest.approx(whole["score"].to_numpy(), abs=1e-5)

    def test_parts_of_another_model_are_refused(self, data: reccl.Dataset, tmp_path: Path) -> None:
        one, other = (reccl.train("methods/svd", data, progress=False, seed=seed) for seed in (1, 2))
        assert one.write_recommendations(tmp_path / "lists", k=2).rows == 400
        one.write_recommendations(tmp_path / "lists", k=2, resume=True)
        other.model.popularity[0] += 1
        with pytest.raises(reccl.ConfigError, match="was begun with another model"):
            other.write_recommendations(tmp_path / "lists", k=2, resume=True)

    def test_titles_stand_beside_the_items_on_demand(self, model: reccl.Recommender) -> None:
        lists = model.recommend(users=["u001"], k=3, item_columns=["title"])
        assert lists["title"].to_list() == [f"title {item}" for item in lists["item"]]
        with pytest.raises(reccl.DataError, match="the items have no column 'tittle'; did you mean 'title'"):
            model.recommend(users=["u001"], item_columns=["tittle"])

    def test_titles_of_new_items_come_from_their_own_table(self, data: reccl.Dataset) -> None:
        cold_start = {"items": {"kind": "regression"}, "target_scorer": {"kind": "svd", "dimension": 8}}
        model = reccl.train("methods/svd", data, progress=False, cold_start=cold_start)
        new = pl.DataFrame({"item": [9999], "group": ["g1"], "tags": [["t1"]], "size": [1.0], "title": ["brand new"]})
        lists = model.recommend(k=200, new_items=new, item_columns=["title", "group"])
        assert lists["title"].null_count() == 0
        found = lists.filter(item=9999)
        assert found.select("title", "group", "source").unique().rows() == [("brand new", "g1", "content")]
        untitled = model.recommend(users=["u001"], k=200, new_items=new.drop("title"), item_columns=["title"])
        assert untitled.filter(item=9999)["title"].to_list() == [None]

    def test_ids_come_as_a_list_or_a_series_of_either_library(self, model: reccl.Recommender) -> None:
        expected = model.recommend(users=["u001"], k=3)
        assert model.recommend(users=pl.Series(["u001"]), k=3).equals(expected)
        assert model.recommend(users=pd.Series(["u001"]), k=3).equals(expected)

    def test_whole_number_ids_may_be_written_as_text(self, planted: pl.DataFrame) -> None:
        rows = planted.with_columns(pl.col("user").str.slice(1).cast(pl.Int64))
        model = reccl.train("methods/ease", reccl.Dataset.from_frame(rows), progress=False)
        assert model.recommend(users=["42", "7"], k=2).equals(model.recommend(users=[7, 42], k=2))
        with pytest.raises(reccl.DataError, match="user id 'x' is not Int64, as this model's user ids are"):
            model.recommend(users=["x"])

    def test_unknown_users_get_what_is_popular_and_the_source_says_so(self, model: reccl.Recommender) -> None:
        told = "1 of 1 users are not known, such as 'nobody': they get the most popular"
        with pytest.warns(UserWarning, match=told) as caught:
            assert model.recommend(users=["nobody"], k=3)["source"].to_list() == ["popularity"] * 3
        assert [warning.filename for warning in caught] == [__file__]

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"users": [3, 7]}, "none of the users asked for is known: they are such as 3 (Int64), and the known ones"),
            ({"users": "u001"}, "users 'u001': give a list of ids, users=['u001']"),
            ({"users": ["a", 1]}, "users cannot be read as ids of one type: "),
            ({"users": pl.DataFrame({"a": ["u001"], "b": [1]})}, "the table of users has no column 'user'; there are"),
            (
                {"history": pl.DataFrame({"user": [1], "item": [10]})},
                "no user of the history is known: they are such as 1",
            ),
            (
                {"history": pl.DataFrame({"user": ["new"], "item": [99999]})},
                "no item of the history is known: they are",
            ),
        ],
    )
    def test_ids_that_match_nobody_are_refused(self, model: reccl.Recommender, asked: dict, message: str) -> None:
        with pytest.raises(reccl.DataError) as failure:
            model.recommend(k=3, **asked)
        assert str(failure.value).startswith(message)

    def test_pairs_of_ids_of_another_type_are_refused(self, model: reccl.Recommender) -> None:
        with pytest.raises(reccl.DataError, match=r"no user of the pairs is known: they are such as 3 \(Int64\)"):
            model.score(pl.DataFrame({"user": [3], "item": [10]}))

    def test_users_may_be_a_table(self, model: reccl.Recommender) -> None:
        table = pl.DataFrame({"user": ["u001"], "note": ["a"]})
        assert model.recommend(users=table, k=3).equals(model.recommend(users=["u001"], k=3))
        assert model.recommend(users=table.select("user").to_pandas(), k=3).height == 3

    def test_tables_may_name_their_columns_as_the_data_does(self, planted: pl.DataFrame) -> None:
        shop = planted.rename({"user": "customer", "item": "sku"})
        data = reccl.Dataset.from_frame(shop, user="customer", item="sku")
        model = reccl.train("methods/ease", data, progress=False)
        history = pl.DataFrame({"customer": ["new"], "sku": [10]})
        lists = model.recommend(users=history.select("customer"), k=3, history=history)
        assert lists["source"].unique().to_list() == ["fold_in"]

    def test_new_users_are_placed_by_their_history(self, model: reccl.Recommender) -> None:
        history = pd.DataFrame({"user": ["new", "new"], "item": [10, 22]})
        lists = model.recommend(users=["new"], k=10, history=history)
        assert lists["source"].unique().to_list() == ["fold_in"]
        assert not set(lists["item"]) & {10, 22}

    def test_nobody_asked_for_is_an_empty_table_of_the_same_columns(self, model: reccl.Recommender) -> None:
        empty, full = model.recommend(users=[]), model.recommend(users=["u001"])
        assert empty.height == 0
        assert empty.schema == full.schema


class TestScoresAndVectors:
    def test_scores_of_pairs_are_those_of_the_lists(self, model: reccl.Recommender) -> None:
        lists = model.recommend(k=7)
        scored = model.score(lists.select("user", "item").sample(fraction=1, shuffle=True, seed=1))
        both = scored.join(lists, on=["user", "item"], suffix="_listed")
        assert both.height == lists.height
        assert (both["score"] - both["score_listed"]).abs().max() < 1e-5

    def test_unknown_pairs_have_no_score_and_the_order_stays(self, model: reccl.Recommender) -> None:
        pairs = pa.table({"user": ["u003", "zed", "u001"], "item": [10, 10, 9999]})
        scored = model.score(pairs)
        assert scored["user"].to_list() == ["u003", "zed", "u001"]
        assert scored["score"].is_null().to_list() == [False, True, True]
        with pytest.raises(reccl.DataError, match="the pairs have no column 'user'"):
            model.score(pl.DataFrame({"u": [1]}))

    def test_embeddings_are_frames_whose_inner_products_are_the_scores(self, model: reccl.Recommender) -> None:
        users, items = model.user_embeddings(), model.item_embeddings()
        assert users.columns == ["user", "vector"] and items.columns == ["item", "vector"]
        table = users["vector"].to_numpy() @ items["vector"].to_numpy().T
        lists = model.recommend(users=["u011"], k=3)
        row = users["user"].to_list().index("u011")
        expected = [table[row, items["item"].to_list().index(item)] for item in lists["item"]]
        assert lists["score"].to_list() == pytest.approx(expected, abs=1e-4)

    def test_a_model_without_vectors_says_so(self, data: reccl.Dataset) -> None:
        ease = reccl.train("methods/ease", data, cold_start=None, progress=False)
        with pytest.raises(reccl.RecclError, match="has no embeddings"):
            ease.item_embeddings()
        assert ease.score(pl.DataFrame({"user": ["u001"], "item": [10]}))["score"][0] is not None


class TestSaveAndLoad:
    def test_a_saved_model_comes_back_whole(self, model: reccl.Recommender, folder: Path) -> None:
        model.save("model")
        again = reccl.load("model")
        assert again.metrics == model.metrics
        assert again.history.equals(model.history)
        assert again.recommend(k=4, item_columns=["title"]).equals(model.recommend(k=4, item_columns=["title"]))
        assert again.experiment.encoder == model.experiment.encoder

    def test_what_is_no_model_says_so(self, folder: Path) -> None:
        with pytest.raises(reccl.RunError, match="no usable model in"):
            reccl.load("nothing-here")
        with pytest.raises(reccl.ConfigError, match="give a folder"):
            reccl.load()


class TestEvaluate:
    def test_our_own_lists_measure_as_the_model_did(self, model: reccl.Recommender, data: reccl.Dataset) -> None:
        found = reccl.evaluate(model.recommend(k=20), data)
        for name in ("ndcg_at_10", "recall_at_20", "map_at_10", "mrr_at_20", "coverage_at_10"):
            assert found[name] == pytest.approx(model.metrics["test"][name], abs=1e-9), name
        assert found.seen_items == found.unknown_items == found.users_without_list == 0

    def test_what_is_odd_about_foreign_lists_is_counted(self, data: reccl.Dataset) -> None:
        seen = data.train.head(1)
        user, item = data.user_ids.to_ids(seen["user"])[0], data.item_ids.to_ids(seen["item"])[0]
        lists = pd.DataFrame({"who": [user, user, user, "stranger"], "what": [item, item, 10**6, 10]})
        found = reccl.evaluate(lists, data, metrics=["recall"], k=5, user="who", item="what")
        assert (found.seen_items, found.repeated_rows, found.unknown_items) == (1, 1, 1)
        assert (found.unknown_users, found.short_lists) == (1, 1)
        assert found.users_without_list == found.users - 1
        assert "199 users without list" in repr(found) or f"{found.users - 1} users without list" in repr(found)

    def test_the_order_is_that_of_rank_then_score_then_rows(
        self, model: reccl.Recommender, data: reccl.Dataset
    ) -> None:
        lists = model.recommend(k=20)
        shuffled = lists.sample(fraction=1, shuffle=True, seed=0)
        expected = reccl.evaluate(lists, data).metrics
        assert reccl.evaluate(shuffled, data).metrics == expected
        assert reccl.evaluate(shuffled.drop("rank"), data)["ndcg_at_10"] == pytest.approx(expected["ndcg_at_10"])
        assert reccl.evaluate(lists.select("user", "item"), data).metrics == expected

    def test_ids_that_match_nobody_and_unknown_metrics_are_refused(self, data: reccl.Dataset) -> None:
        with pytest.raises(reccl.DataError, match="no user of the recommendations is in the data set"):
            reccl.evaluate(pl.DataFrame({"user": ["a"], "item": [10]}), data)
        with pytest.raises(reccl.ConfigError, match="unknown metric 'ndgc'; did you mean 'ndcg'"):
            reccl.evaluate(pl.DataFrame({"user": ["u001"], "item": [10]}), data, metrics=["ndgc"])
