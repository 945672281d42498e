"""`reccl config` and `reccl data` show what there is, and bring it here."""

import json
from pathlib import Path

import polars as pl
import pytest

from reccl.bundle import locate_bundled
from reccl.config import load, loads


class TestConfig:
    def test_the_list_says_what_each_config_is(self, fresh) -> None:
        listed = {entry["name"]: entry for entry in json.loads(fresh("config", "list", "--json").out)}
        assert {"smoke", "movielens", "gowalla", "data/ml-100k"} <= set(listed)
        assert listed["smoke"]["about"].startswith("Smoke test: ")
        assert Path(listed["smoke"]["path"]).is_file()
        table = fresh("config", "list").out
        assert "smoke" in table
        assert "Smoke test: " in table

    def test_the_config_that_is_shown_loads_to_the_same_experiment(self, fresh) -> None:
        shown = fresh("config", "show", "smoke", "--set", "encoder.dimension=8")
        assert loads(shown.out) == load("smoke", ["encoder.dimension=8"])

    def test_a_config_is_copied_to_be_changed(self, fresh) -> None:
        assert fresh("config", "copy", "smoke").code == 0
        copied = fresh.folder / "configs" / "smoke.yaml"
        assert copied.read_bytes() == (locate_bundled("configs") / "smoke.yaml").read_bytes()
        assert fresh("config", "copy", "smoke").refusal(2) == "configs/smoke.yaml exists; give another name, or --force"
        copied.write_text("changed")
        assert fresh("config", "copy", str(locate_bundled("configs") / "smoke.yaml"), "--force").code == 0
        assert copied.read_text() != "changed"
        assert fresh("config", "copy", "smoke", "deep/mine.yaml").code == 0
        assert (fresh.folder / "deep" / "mine.yaml").is_file()

    @pytest.mark.parametrize("command", ["show", "copy"])
    def test_an_unknown_config_gets_the_nearest(self, fresh, command: str) -> None:
        assert fresh("config", command, "smok").refusal(2).startswith("no config 'smok'; did you mean 'smoke'")

    def test_a_copy_that_cannot_be_written(self, fresh) -> None:
        assert fresh("config", "copy", "smoke", "buys.csv/mine.yaml").refusal(2).startswith("cannot write buys.csv/")

    def test_forcing_a_config_onto_itself_is_refused(self, fresh) -> None:
        assert fresh("config", "copy", "smoke").code == 0
        told = fresh("config", "copy", "smoke", "configs/smoke.yaml", "--force").refusal(2)
        assert told == "configs/smoke.yaml is that config itself; give another name"

    def test_a_local_config_that_is_not_text_does_not_stop_the_list(self, fresh) -> None:
        (fresh.folder / "configs").mkdir()
        (fresh.folder / "configs" / "odd.yaml").write_bytes(b"\xff\xfe\x9f")
        assert "odd" in fresh("config", "list").out


class TestData:
    def test_the_list_names_title_page_and_license(self, fresh) -> None:
        listed = {entry["name"]: entry for entry in json.loads(fresh("data", "list", "--json").out)}
        assert {"ml-100k", "ml-1m", "gowalla", "yelp2018", "amazon-book"} <= set(listed)
        assert all(entry["page"].startswith("https://") and entry["license"] for entry in listed.values())
        table = fresh("data", "list").out
        assert "ml-100k" in table
        assert "100,000" in table

    @pytest.mark.real_data
    def test_fetching_prints_the_folder_alone(self, fresh, real_data: Path) -> None:
        answer = fresh("data", "fetch", "ml-100k", "--root", real_data, "--quiet")
        assert answer.code == 0
        assert answer.err == ""
        assert Path(answer.out.strip()) == real_data / "ml-100k"

    def test_an_unknown_name_gets_the_nearest(self, fresh) -> None:
        told = fresh("data", "fetch", "ml-100").refusal(1)
        assert told.startswith("no data set or folder 'ml-100'; did you mean 'ml-100k'")


class TestDescribe:
    @pytest.fixture
    def described(self, fresh, planted_items: pl.DataFrame):
        """The shop with a table of items."""
        items = planted_items.with_columns(pl.col("tags").list.join("|"), name="item " + pl.col("item").cast(pl.String))
        items.write_csv(fresh.folder / "items.csv")
        return fresh

    def test_every_feature_of_both_sides_is_shown(self, described) -> None:
        keys = ("--set", "data.items=items.csv", "--set", "data.features.items.tags={kind: multi_hot}")
        answer = described("data", "describe", "--config", "planted.yaml", *keys)
        assert answer.code == 0, answer.err
        rows = [line.split() for line in answer.out.splitlines()]
        assert ["group", "categorical", "4", "0.0%", "4", "group=g0", "..", "group=g3", "g0"] in rows
        assert ["size", "numeric", "1", "0.0%", "-", "size"] in [row[:6] for row in rows]
        assert "200 users, 200 with training rows: no features" in answer.out
        assert "120 items, 120 with training rows: 3 features" in answer.out
        assert "left out: name; to have one, give it a kind in data.features.items" in answer.out

    def test_scripts_get_json(self, described) -> None:
        keys = ("--set", "data.items=items.csv", "--set", "data.features.items.size={kind: bins, number: 2}")
        assert "rows: 3,600 read" in described("data", "describe", "--config", "planted.yaml", *keys).err
        found = json.loads(described("data", "describe", "--config", "planted.yaml", *keys, "--json").out)
        features = {each["name"]: each for each in found["items"]["features"]}
        assert features["group"]["columns"] == ["group=g0", "group=g1", "group=g2", "group=g3"]
        assert (features["group"]["vocabulary"], features["group"]["missing"]) == (4, 0)
        assert features["size"]["kind"] == "bins"
        assert len(features["size"]["columns"]) == 2
        assert found["users"] == {"nodes": 200, "trained": 200, "features": [], "left_out": []}

    def test_a_kind_may_stand_by_its_name_alone(self, described) -> None:
        keys = ("--set", "data.items=items.csv", "--set", "data.features.items.size=bins")
        found = json.loads(described("data", "describe", "--config", "planted.yaml", *keys, "--json").out)
        assert {each["name"]: each["kind"] for each in found["items"]["features"]}["size"] == "bins"

    @pytest.mark.real_data
    def test_a_named_data_set_needs_no_config(self, fresh, real_data: Path) -> None:
        found = json.loads(fresh("data", "describe", "ml-100k", "--json").out)
        kinds = {each["name"]: each["kind"] for side in ("users", "items") for each in found[side]["features"]}
        assert kinds["title"] == "text"
        assert kinds["zip_code"] == "prefix"
        assert kinds["genres"] == "multi_hot"
        assert found["items"]["left_out"] == []

    def test_neither_name_nor_config_and_an_unknown_name_are_refused(self, fresh) -> None:
        told = "give a data set, reccl data describe ml-100k, or a config, --config movielens.yaml"
        assert fresh("data", "describe").refusal(2) == told
        assert fresh("data", "describe", "ml-100k", "--config", "planted.yaml").refusal(2) == told
        told = fresh("data", "describe", "ml-10k").refusal(2)
        assert told.startswith("no data set 'ml-10k'; did you mean 'ml-100k'")

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("size.kind=txt", "data.features.items.size: unknown kind 'txt'; did you mean 'text'?; there are: bins, "),
            ("size={kind: bins, numbr: 3}", "data.features.items.size: unknown key 'numbr'; did you mean 'number'?"),
            ("sise={kind: bins}", "the table of items has no column 'sise'; did you mean 'size'?"),
            ("size=txt", "data.features.items.size: unknown kind 'txt'; did you mean 'text'?; there are: bins, "),
            ("size=3", "data.features.items.size: needs a section, {kind: ...}, not 3"),
            ("group={kind: numeric}", "feature 'group' of kind numeric: conversion from `str` to `f64` failed"),
        ],
    )
    def test_a_feature_that_cannot_be_is_one_line(self, described, change: str, told: str) -> None:
        keys = ("--set", "data.items=items.csv", "--set", f"data.features.items.{change}", "--quiet")
        answer = described("data", "describe", "--config", "planted.yaml", *keys)
        assert told in answer.refusal(1 if "numeric" in change else 2)
