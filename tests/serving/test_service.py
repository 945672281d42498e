"""A service answers about a few users at a time what the whole model says about everybody."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import reccl
from reccl.data.dataset import Dataset
from reccl.data.ingest.pipelines import import_file
from reccl.errors import ConfigError, DataError
from reccl.recommend import Model
from reccl.recommend.record import TrainingRecord
from reccl.scorers import Ease, GraphFilter, PersonalPopularity, ScorerSettings, Svd
from reccl.scorers.selection import Blend
from reccl.serving import Service
from reccl.serving.parameters import Parameters, RuleSettings
from reccl.serving.request import COLUMNS
from reccl.tracking import SERVED
from reccl.tracking.signature import describe_requests

HISTORIES = {"amy": [10, 22, 34, 7777], "u007": [13, 25], "zed": [7777], "u011": []}
NEW_ITEMS = {"item": [9001, 9002], "group": ["g1", "g2"], "tags": [["t1"], ["t2", "t3"]], "size": [1.0, None]}
KINDS = {
    "svd": Svd(dimension=8),
    "ease": Ease(l2=20),
    "filter": GraphFilter(rank=8),
    "blend": Blend(parts={"vectors": Svd(dimension=8), "items": Ease(l2=20), "own": PersonalPopularity()}),
}


def recommender_of(model: Model, data: Dataset) -> reccl.Recommender:
    return reccl.Recommender(model, TrainingRecord("name: planted", {}, {}, pl.DataFrame(), data.item_table))


@pytest.fixture(scope="module", params=KINDS)
def scored(request: pytest.FixtureRequest, planted_dataset: Dataset) -> reccl.Recommender:
    """A model that places new users in each of the ways there are."""
    settings: ScorerSettings = KINDS[request.param]
    return recommender_of(
        Model.of(settings.build(planted_dataset.build_graph(), None), planted_dataset), planted_dataset
    )


@pytest.fixture(scope="module")
def whole(towered: Model, planted_dataset: Dataset) -> reccl.Recommender:
    """With towers, and so with new users and items by their features."""
    return recommender_of(towered, planted_dataset)


def ask(recommender: reccl.Recommender, rows: list[dict[str, Any]], **params: Any) -> pl.DataFrame:
    """What a client reads."""
    answer = Service(recommender).answer(pd.DataFrame(rows), params)
    return pl.DataFrame(json.loads(json.dumps(answer.to_dict(orient="records"))), infer_schema_length=None)


def assert_same(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """Lists are the same, scores to float rounding; the order of users is the client's."""
    typed = found.cast({"score": pl.Float32, "rank": pl.Int32})
    assert_frame_equal(typed.sort("user", "rank"), expected.sort("user", "rank"), rel_tol=1e-4, abs_tol=1e-5)


def as_pairs(lists: dict[str, list[int]]) -> pl.DataFrame:
    pairs = [{"user": user, "item": item} for user, items in lists.items() for item in items]
    return pl.DataFrame(pairs, schema={"user": pl.String, "item": pl.Int64})


def as_rows(name: str, lists: dict[str, list[int]], *others: str) -> list[dict[str, Any]]:
    return [{"user": user, name: items} for user, items in lists.items()] + [{"user": user} for user in others]


@pytest.mark.filterwarnings("ignore::UserWarning")
class TestLists:
    def test_everybody_as_they_were_trained(self, scored: reccl.Recommender) -> None:
        found = ask(scored, [{"user": user} for user in reversed(scored.user_ids.to_list())], k=6)
        assert_same(found, scored.recommend(k=6))
        assert found["user"][0] == scored.user_ids[-1]

    def test_histories_place_new_users_and_move_known_ones(self, scored: reccl.Recommender) -> None:
        rows = as_rows("history", HISTORIES, "u003", "stranger")
        expected = scored.recommend([row["user"] for row in rows], k=9, history=as_pairs(HISTORIES))
        assert_same(ask(scored, rows, k=9), expected)
        assert dict(expected.select("user", "source").rows()) == {
            **{"amy": "fold_in", "u007": "fold_in", "zed": "popularity"},
            **{"u011": "model", "u003": "model", "stranger": "popularity"},
        }

    def test_seen_items_are_listed_where_asked_for(self, scored: reccl.Recommender) -> None:
        rows = as_rows("history", HISTORIES)
        expected = scored.recommend(list(HISTORIES), k=9, history=as_pairs(HISTORIES), include_seen=True)
        assert_same(ask(scored, rows, k=9, include_seen=True), expected)

    def test_features_place_new_users(self, whole: reccl.Recommender, planted_users: pl.DataFrame) -> None:
        """Alone and beside a history; one of them has none."""
        new = planted_users.head(2).with_columns(user=pl.Series(["amy", "bob"]))
        rows = [{"user": row.pop("user"), "features": row} for row in new.to_dicts()]
        rows[0]["history"] = [13, 25]
        rows.append({"user": "cid"})
        expected = whole.recommend(["amy", "bob", "cid"], k=8, new_users=new, history=as_pairs({"amy": [13, 25]}))
        assert_same(ask(whole, rows, k=8), expected)
        assert expected["source"].unique(maintain_order=True).to_list() == ["fold_in", "content", "popularity"]

    @pytest.mark.parametrize("rules", [{}, {"new_item_share": 0.2}, {"new_item_boost": 0.5}], ids=str)
    def test_new_items_join_the_candidates_and_count_in_histories(
        self, whole: reccl.Recommender, rules: dict[str, float]
    ) -> None:
        rows = as_rows("history", {"amy": [9001, 13], "u002": [9002]}, "u001")
        more = {
            "rules": reccl.Rules(**rules),
            "new_items": pl.DataFrame(NEW_ITEMS),
            "history": as_pairs({"amy": [9001, 13], "u002": [9002]}),
        }
        expected = whole.recommend(["amy", "u002", "u001"], k=60, item_columns=["size", "tags"], **more)
        found = ask(whole, rows, k=60, item_columns=["size", "tags"], new_items=NEW_ITEMS, rules=rules)
        assert_same(found, expected)
        assert found.filter(item=9002)["size"].unique().to_list() == [None]

    def test_one_service_answers_about_old_and_new_items_in_turn(self, whole: reccl.Recommender) -> None:
        service, table = Service(whole), pd.DataFrame({"user": ["u001"]})
        plain = service.answer(table, {"k": 120})
        for item in (9001, 9002):
            new = {name: [values[item - 9001]] for name, values in NEW_ITEMS.items()}
            both = [service.answer(table, {"k": 121, "new_items": new}) for _ in range(2)]
            assert both[0].equals(both[1])
            assert set(both[0]["item"]) - set(plain["item"]) == {item}
        assert service.answer(table, {"k": 120}).equals(plain)


@pytest.mark.filterwarnings("ignore::UserWarning")
class TestRules:
    @pytest.mark.parametrize(
        ("asked", "rules"),
        [
            ({"where": "size > 1 and 't2' in tags"}, {"where": "size > 1 and 't2' in tags"}),
            ({"allow": [10, 13, 16, 19, 22, 9999]}, {"allow": [10, 13, 16, 19, 22]}),
            ({"deny": [10, 13, 9999]}, {"deny": [10, 13]}),
            ({"deny": [9999]}, {}),
            ({"at_most": {"group": 2}}, {"at_most": {"group": 2}}),
            ({"mmr": {"weight": 0.5, "by": "tags"}}, {"diversity": reccl.Mmr(0.5, "tags")}),
            ({"mmr": {}}, {"diversity": reccl.Mmr()}),
            ({"calibrate": {"by": "group"}}, {"diversity": reccl.Calibrated("group")}),
        ],
        ids=str,
    )
    def test_they_are_those_of_python(
        self, whole: reccl.Recommender, asked: dict[str, Any], rules: dict[str, Any]
    ) -> None:
        rows = as_rows("history", {"amy": [10, 22]}, "u003", "u004", "stranger")
        users = [row["user"] for row in rows]
        expected = whole.recommend(users, k=6, history=as_pairs({"amy": [10, 22]}), rules=reccl.Rules(**rules))
        assert_same(ask(whole, rows, k=6, rules=asked), expected)

    def test_exclusions_and_candidates_of_users(self, whole: reccl.Recommender) -> None:
        candidates = {"u003": [10, 13, 16, 40], "u004": [22, 25], "u007": [7777], "amy": [22]}
        exclude = {"u003": [13], "u005": [100, 103], "bob": [10, 13]}
        users = ["u003", "u004", "u005", "u006", "u007", "amy", "bob"]
        rows = [{"user": user, "candidates": candidates.get(user), "exclude": exclude.get(user)} for user in users]
        rules = reccl.Rules(candidates=as_pairs(candidates), exclude=as_pairs(exclude))
        expected = whole.recommend(users, k=150, rules=rules)
        assert_same(ask(whole, rows, k=150), expected)
        assert "u007" not in set(expected["user"])
        assert expected.filter(user="amy")["item"].to_list() == [22]
        assert not {10, 13} & set(expected.filter(user="bob")["item"])

    def test_they_hold_for_users_of_whom_nothing_is_known(self, whole: reccl.Recommender) -> None:
        first = ask(whole, [{"user": "amy"}], k=5)["item"].to_list()
        found = ask(
            whole, [{"user": "amy", "exclude": first[:2]}, {"user": "bob", "candidates": [*first[3:], 7777]}], k=3
        )
        assert found.filter(user="amy")["item"][0] == first[2]
        assert set(found.filter(user="bob")["item"]) == set(first[3:])  # in any order, where they are as popular

    def test_a_user_whose_candidates_are_all_unknown_gets_none_of_the_others(self, whole: reccl.Recommender) -> None:
        rows = [{"user": "u003", "candidates": [7777]}, {"user": "u004", "candidates": []}, {"user": "u005"}]
        assert ask(whole, rows, k=2)["user"].unique().to_list() == ["u005"]
        assert ask(whole, [{"user": "u005"}], rules={"allow": []}).is_empty()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_explanations_are_those_of_explain_and_add_up_to_the_score(scored: reccl.Recommender) -> None:
    rows = as_rows("history", {"amy": [10, 22, 34], "u007": [13]}, "u003", "stranger")
    found = ask(scored, rows, k=2, explain=2)
    for row in found.iter_rows(named=True):
        told = row["explanation"]
        shown = sum(one["contribution"] for one in told["contributions"])
        assert shown + told["others"] + told["rest"] == pytest.approx(row["score"], rel=1e-4, abs=1e-4)
        if row["user"] == "stranger":
            assert not told["contributions"]
            continue
        history = as_pairs({"amy": [10, 22, 34], "u007": [13]})
        own = scored.explain(row["user"], row["item"], history=history)
        assert told["exact"] == own.exact
        parts = [one["contribution"] for one in told["contributions"]]
        assert parts == pytest.approx(own.contributions["contribution"].head(2).to_list(), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("rows", "params", "said"),
    [
        ([{"usr": "u003"}], {}, "no column 'user'"),
        ([{"user": None}], {}, "row 1 of the request has no user id"),
        ([{"user": "a", "histroy": [10]}], {}, "no column 'histroy'; did you mean 'history'?"),
        ([{"user": "a", "history": 10}], {}, "history of user 'a' is 10: give a list of ids of items"),
        ([{"user": "a", "history": ["ten"]}], {}, "item id 'ten' is not Int64"),
        ([{"user": "a", "history": ["\ud800"]}], {}, "half of a character"),
        ([{"user": "a", "features": {"group": "\ud800"}}], {}, "features cannot be read as a table"),
        ([{"user": "a", "history": [1.5]}], {}, "item id 1.5 is not Int64"),
        ([{"user": "a", "exclude": [True]}], {}, "item id True: an id is text or a number"),
        ([{"user": "a", "exclude": [[10]]}], {}, "an id is text or a number"),
        ([{"user": "a", "history": [10**40]}], {}, "is not Int64"),
        ([{"user": "a", "features": ["g1"]}], {}, "give an object"),
        ([{"user": "a", "features": {"grop": "g1"}}], {}, "none of the features"),
        ([{"user": "a"}, {"user": "a", "features": {"group": "g1"}}] * 2, {}, "has user 'a' twice"),
        ([{"user": "a"}], {"kk": 3}, "unknown key 'kk'"),
        ([{"user": "a"}], {"k": 0}, "k: input should be greater than or equal to 1"),
        ([{"user": "a"}], {"k": 10**7}, "k"),
        ([{"user": "a"}], {"item_columns": ["titel"]}, "no column 'titel'"),
        ([{"user": "a"}], {"rules": {"where": "size >"}}, "where 'size >'"),
        ([{"user": "a"}], {"rules": {"where": 3}}, "rules.where"),
        ([{"user": "a"}], {"rules": {"allow": "10"}}, "rules.allow"),
        ([{"user": "a"}], {"rules": {"deny": ["ten"]}}, "item id 'ten' is not Int64"),
        ([{"user": "a"}], {"rules": {"at_most": {"colour": 1}}}, "no column 'colour'"),
        ([{"user": "a"}], {"rules": {"at_most": {"group": 0}}}, "at_most group=0"),
        ([{"user": "a"}], {"rules": {"mmr": {}, "calibrate": {"by": "group"}}}, "choose one"),
        ([{"user": "a"}], {"new_items": {"item": [1, 2], "size": [1.0]}}, "new_items cannot be read as a table"),
        ([{"user": "a"}], {"new_items": {"size": [1.0]}}, "no column 'item'"),
        ([{"user": "a"}], {"new_items": {"item": 9001}}, "new_items.item"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_one_line(
    whole: reccl.Recommender, rows: list[dict[str, Any]], params: dict[str, Any], said: str
) -> None:
    with pytest.raises((DataError, ConfigError)) as failure:
        Service(whole).answer(pd.DataFrame(rows), params)
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)


def test_nobody_gets_an_empty_table(whole: reccl.Recommender) -> None:
    found = Service(whole).answer(pd.DataFrame({"user": []}), {})
    assert found.columns.to_list() == ["user", "item", "score", "rank", "source"]
    assert found.empty


def test_mlflow_lets_through_all_that_a_request_may_hold(whole: reccl.Recommender, tmp_path: Path) -> None:
    whole.save(tmp_path / "model")
    signature, script = describe_requests(tmp_path / "model"), import_file(SERVED)
    params = {spec.name: spec for spec in signature.params}
    assert tuple(signature.inputs.input_names()) == script.COLUMNS == COLUMNS
    assert tuple(params) == script.PARAMETERS == tuple(Parameters.model_fields)
    assert {one.name for one in params["rules"].dtype.properties} == set(RuleSettings.model_fields)
    of_python = {one.name for one in fields(reccl.Rules)} - {"diversity", "exclude", "candidates"}  # columns, the two
    assert set(RuleSettings.model_fields) == of_python | {"mmr", "calibrate"}
    assert {one.name for one in params["new_items"].dtype.properties} >= set(NEW_ITEMS)
    for name, spec in params.items():
        assert (
            getattr(Parameters.read({name: spec.default}), name) == getattr(Parameters(), name) or spec.default is False
        )


def test_threads_get_what_they_asked_for(whole: reccl.Recommender) -> None:
    """Each its own users and new items, all at once, as a server's threads do."""
    service = Service(whole)
    asked = [
        (pd.DataFrame({"user": [f"u{place:03}", f"new{place}"], "history": [None, [10 + 3 * place]]}), params)
        for place in range(24)
        for params in ({"k": 5, "explain": 1}, {"k": 121, "new_items": {"item": [9000 + place], "group": ["g1"]}})
    ]
    alone = [service.answer(table, params) for table, params in asked]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda each: service.answer(*each), asked))
    for one, other in zip(alone, together, strict=True):
        pd.testing.assert_frame_equal(one, other)
