"""New users, new items and new interactions get lists from a trained model, which itself is never touched."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

from reccl.cold_start import ColdStart, embed_cold_nodes
from reccl.config import loads
from reccl.data.dataset import Dataset, build
from reccl.data.graph import Graph
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.pipelines import import_file
from reccl.data.ingest.tables import Tables
from reccl.data.splits import ColdItems
from reccl.encoders.tower import Towers
from reccl.errors import DataError
from reccl.fitting import learn
from reccl.recommend import Model, extend_model, load, recommend, save
from reccl.scorers import Ease, GraphFilter, ScorerSettings, Svd
from reccl.tracking import SERVED

Frame = pl.DataFrame


def lists(
    model: Model, users: list[str] | None = None, k: int = 10, *, include_seen: bool = False, **new: object
) -> Frame:
    wanted = None if users is None else pl.Series(users)
    return pl.concat(recommend(extend_model(model, **new), wanted, k, include_seen=include_seen))  # type: ignore[arg-type]


def block(item: pl.Expr) -> pl.Expr:
    """The planted block of an item of the planted world."""
    return (item - 10) // 3 % 4


def bought(user: str, of: int, number: int = 3) -> Frame:
    """A user's first items of one block."""
    return Frame({"user": [user] * number, "item": [10 + 3 * (4 * place + of) for place in range(number)]})


@pytest.fixture
def looks(planted_users: Frame) -> Callable[[str, str], Frame]:
    """The features of a planted user under another name."""
    return lambda like, name: planted_users.filter(user=like).with_columns(user=pl.lit(name))


@pytest.fixture
def bytes_of(tmp_path: Path) -> Callable[[Model], bytes]:
    def written(model: Model) -> bytes:
        save(model, tmp_path / "model")
        return b"".join(path.read_bytes() for path in sorted((tmp_path / "model").iterdir()))

    return written


class TestNewUsers:
    def test_a_few_interactions_give_lists_of_the_same_kind_without_the_items_themselves(self, towered: Model) -> None:
        for of in range(4):
            table = lists(towered, ["new"], history=bought("new", of))
            assert table["source"].unique().to_list() == ["fold_in"]
            assert table.filter(block(pl.col("item")) == of).height >= 9
            assert table.join(bought("new", of), on="item").is_empty()

    def test_seen_items_are_listed_where_asked_for(self, towered: Model) -> None:
        table = lists(towered, ["new"], history=bought("new", 1), include_seen=True)
        assert table.join(bought("new", 1), on="item").height == 3

    def test_features_alone_give_lists_by_content(self, towered: Model, planted_users: Frame, looks) -> None:
        hits = 0
        for user in range(20):
            table = lists(towered, ["new"], new_users=looks(f"u{user:03}", "new"))
            assert table["source"].unique().to_list() == ["content"]
            hits += table.filter(block(pl.col("item")) == user % 4).height
        assert hits > 120  # of 200, one feature in ten lying; by chance 50

    def test_features_and_interactions_together_follow_the_interactions(self, towered: Model, looks) -> None:
        """Features of one block, purchases in another."""
        both = lists(towered, ["new"], new_users=looks("u000", "new"), history=bought("new", 1, 8), k=20)
        content = lists(towered, ["new"], new_users=looks("u000", "new"), k=20)
        assert both["source"].unique().to_list() == ["fold_in"]
        own = block(pl.col("item")) == 1
        assert both.filter(own).height > content.filter(own).height
        assert not both.equals(lists(towered, ["new"], history=bought("new", 1, 8), k=20))

    def test_all_means_old_and_new_ones_and_asking_picks_some(self, towered: Model, looks) -> None:
        new_nodes = {"new_users": looks("u000", "zed"), "history": bought("amy", 0)}
        table = lists(towered, **new_nodes)
        assert table["user"].unique(maintain_order=True).to_list() == [*towered.user_ids.ids, "amy", "zed"]
        some = lists(towered, ["zed", "u003", "who", "amy"], **new_nodes)
        sources = dict(some.select("user", "source").unique(maintain_order=True).rows())
        assert sources == {"u003": "model", "amy": "fold_in", "zed": "content", "who": "popularity"}

    def test_a_new_user_about_whom_nothing_is_known_is_listed_by_popularity(self, towered: Model) -> None:
        table = lists(towered, ["new"], new_users=Frame({"user": ["new"]}))
        assert table.drop("user").equals(lists(towered, ["stranger"]).drop("user"))

    def test_seen_items_are_hidden_even_where_they_tell_nothing_about_the_user(self, towered: Model) -> None:
        """An item of the test part alone has no trained embedding, but stays out of the list."""
        bare = replace(towered, towers=Towers(), known=towered.known.resize(200, 120))
        gone = bare.known.item != 5
        counts = torch.zeros(200, dtype=torch.long).index_add_(
            0, torch.repeat_interleave(torch.arange(200), bare.known.counts), gone.long()
        )
        start = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
        bare = replace(bare, known=replace(bare.known, start=start, item=bare.known.item[gone]))
        item = bare.item_ids.ids[5]
        table = lists(bare, ["new"], k=1000, history=Frame({"user": ["new"], "item": [item]}))
        assert table["source"].unique().to_list() == ["popularity"]
        assert table.height == 119
        assert item not in table["item"]


class TestNewItems:
    def test_they_join_the_lists_of_the_users_whom_they_suit(self, towered: Model, planted_items: Frame) -> None:
        ids = planted_items["item"][:40]
        fresh = planted_items.head(40).with_columns(item=ids + 1000)
        table = lists(towered, k=40, new_items=fresh).filter(pl.col("item") > 1000)
        assert table["source"].unique().to_list() == ["content"]
        own = block(pl.col("item") - 1000) == pl.col("user").str.slice(1).cast(int) % 4
        assert table.filter(own).height > 0.6 * table.height
        assert table["item"].n_unique() > 20

    def test_a_twin_of_an_item_scores_as_its_tower_says(self, towered: Model, planted_items: Frame) -> None:
        assert towered.towers.items is not None
        twin = planted_items.filter(item=10).with_columns(item=pl.lit(9999, pl.Int64))
        table = lists(towered, ["u007"], k=1000, new_items=twin).filter(item=9999)
        right = towered.towers.items.embed(twin.drop("item"))[0] @ towered.scorer.user_embeddings[7]
        assert table["score"].item() == pytest.approx(float(right), rel=1e-4)

    def test_an_item_in_a_history_embeds_its_user(self, towered: Model, planted_items: Frame) -> None:
        twin = planted_items.filter(item=13).with_columns(item=pl.lit(9999, pl.Int64))
        rows = Frame({"user": ["new"], "item": [9999]})
        table = lists(towered, ["new"], new_items=twin, history=rows)
        assert table["source"].unique().to_list() == ["fold_in"]
        assert 9999 not in table["item"]

    def test_lists_of_old_items_keep_their_order_among_them(self, towered: Model, planted_items: Frame) -> None:
        fresh = planted_items.head(5).with_columns(pl.col("item") + 1000)
        table = lists(towered, k=1000, new_items=fresh).filter(pl.col("item") < 1000)
        assert table.select("user", "item").equals(lists(towered, k=1000).select("user", "item"))


class TestKnownUsers:
    def test_new_interactions_move_the_list_and_are_hidden(self, towered: Model) -> None:
        history = bought("u000", 1, 6)
        table = lists(towered, ["u000"], history=history)
        assert table["source"].unique().to_list() == ["fold_in"]
        own = block(pl.col("item")) == 1
        assert table.filter(own).height > lists(towered, ["u000"]).filter(own).height
        assert table.join(history, on="item").is_empty()

    def test_everybody_else_keeps_the_list(self, towered: Model, looks) -> None:
        table = lists(towered, history=bought("u000", 1), new_users=looks("u001", "new"))
        old = lists(towered)
        kept = pl.col("user").is_in(["u000", "new"]).not_()
        assert table.filter(kept).equals(old.filter(kept))
        assert not table.filter(user="u000").equals(old.filter(user="u000"))


def test_nothing_new_gives_the_same_lists_and_no_copy(towered: Model) -> None:
    empty = Frame(schema={"user": pl.String, "item": pl.Int64})
    assert lists(towered, history=empty).equals(lists(towered))


def test_the_model_is_the_same_to_the_byte_afterwards(
    towered: Model, planted_items: Frame, looks, bytes_of: Callable[[Model], bytes]
) -> None:
    before = bytes_of(towered)
    fresh = planted_items.head(5).with_columns(pl.col("item") + 1000)
    history = pl.concat([bought("u000", 1), bought("new", 2)])
    lists(towered, new_users=looks("u003", "new"), new_items=fresh, history=history)
    assert bytes_of(towered) == before


def test_a_model_from_disk_takes_new_nodes_as_before(
    towered: Model, planted_items: Frame, looks, tmp_path: Path
) -> None:
    fresh = planted_items.head(5).with_columns(pl.col("item") + 1000)
    new_nodes = {"new_users": looks("u003", "new"), "new_items": fresh, "history": bought("new", 2)}
    save(towered, tmp_path / "model")
    assert_frame_equal(lists(load(tmp_path / "model"), **new_nodes), lists(towered, **new_nodes))  # to float rounding


def test_the_served_model_makes_the_same_lists_and_leaves_towers_alone(towered: Model, tmp_path: Path) -> None:
    save(towered, tmp_path / "model")
    served = import_file(SERVED).PlainLists(tmp_path / "model")
    table = served.answer(pd.DataFrame({"user": towered.user_ids.ids.to_list()}), {"k": 10})
    assert table["item"].to_list() == lists(towered)["item"].to_list()
    assert table["source"].to_list() == lists(towered)["source"].to_list()
    with pytest.raises(ValueError, match="kk needs reccl on the server"):
        served.answer(pd.DataFrame({"user": towered.user_ids.ids.to_list()}), {"kk": 10})


class TestScorersOfHistories:
    @pytest.fixture
    def ease(self, planted_dataset: Dataset) -> Model:
        data = planted_dataset
        return Model.of(Ease().build(Graph.from_interactions(data.merge_validation().train, 200, 120), None), data)

    def test_a_few_interactions_give_lists_of_the_same_kind(self, ease: Model) -> None:
        for of in range(4):
            table = lists(ease, ["new"], history=bought("new", of))
            assert table["source"].unique().to_list() == ["fold_in"]
            assert table.filter(block(pl.col("item")) == of).height >= 9

    def test_a_known_user_is_ranked_by_old_and_new_items_together(self, ease: Model) -> None:
        table = lists(ease, ["u000"], history=bought("u000", 1, 6))
        own = block(pl.col("item")) == 1
        assert table.filter(own).height > lists(ease, ["u000"]).filter(own).height

    def test_items_that_it_has_already_are_no_new_ones(self, ease: Model, planted_items: Frame) -> None:
        notes: list[str] = []
        assert lists(ease, new_items=planted_items.head(5), log=notes.append).equals(lists(ease))
        assert notes == ["5 of 5 new items are known to the model and stay as they were trained"]


@pytest.mark.parametrize(
    "settings",
    [Svd(dimension=8), Ease(), GraphFilter(rank=8), GraphFilter(weight=0)],
    ids=["svd", "ease", "graph_filter", "two_hops"],
)
class TestContent:
    """Models whose cold items and cold users were embedded from features at the end of training."""

    @pytest.fixture
    def cold(self, settings: ScorerSettings, planted: Frame, planted_users: Frame, planted_items: Frame) -> Model:
        """Every tenth item and no user is cold."""
        tables = Tables(Funnel.read(planted.lazy()), planted_users.lazy(), planted_items.lazy())
        data = build(tables, ColdItems(cold=0.1))
        graph = Graph.from_interactions(data.train, 200, 120)
        features, cold_start = data.build_feature_tables(), ColdStart(target_scorer=Svd(dimension=8))
        done = embed_cold_nodes(cold_start, settings.builder(graph), features, None, None, 0)
        return Model.of(done.scorer, data, done.towers)

    def test_a_twin_of_a_cold_item_is_scored_like_it(self, cold: Model, planted_items: Frame) -> None:
        trained = torch.bincount(cold.known.item, minlength=120) > 0
        strange = cold.item_ids.ids.filter(pl.Series((~trained).numpy())).to_list()
        assert strange
        item = strange[0]
        twin = planted_items.filter(item=item).with_columns(item=pl.lit(9999, pl.Int64))
        table = lists(cold, k=1000, new_items=twin)
        both = table.filter(item=item).join(table.filter(item=9999), on="user")
        assert both.height == 200
        assert both["score"].to_list() == pytest.approx(both["score_right"].to_list(), rel=1e-3, abs=1e-3)
        old = lists(cold, k=1000)
        kept = table.filter(pl.col("item") != 9999)
        same = kept.join(old, on=["user", "item"])  # in an order that rounding may change where scores are equal
        assert same.height == kept.height == old.height
        assert same["score"].to_list() == pytest.approx(same["score_right"].to_list(), rel=1e-4, abs=1e-5)
        assert set(table.filter(source="content")["item"]) == {*strange, 9999}

    def test_a_new_user_of_a_few_items_gets_old_and_new_items_of_their_block(
        self, cold: Model, planted_items: Frame
    ) -> None:
        fresh = planted_items.with_columns(pl.col("item") + 1200)
        table = lists(cold, ["new"], k=240, new_items=fresh, history=bought("new", 2, 5))
        old, new = table.filter(pl.col("item") < 1000), table.filter(pl.col("item") > 1000)
        assert old.head(10).filter(block(pl.col("item")) == 2).height >= 8
        assert new.head(10).filter(block(pl.col("item") - 1200) == 2).height >= 8
        assert (old.height, new.height) == (115, 120)

    def test_features_and_items_of_a_new_user_agree(self, cold: Model, looks) -> None:
        table = lists(cold, ["new"], new_users=looks("u002", "new"), history=bought("new", 2, 5))
        assert table.filter(block(pl.col("item")) == 2).height >= 8


@pytest.fixture(scope="module")
def trained(planted_dataset: Dataset) -> Model:
    """A run of two towers."""
    experiment = loads(
        """
        name: towers
        data: {pipeline: table, interactions: none.csv}
        encoder: {kind: two_tower, dimension: 16, hidden: [16], feature_dimension: 4, id_dropout: 0.5}
        objective: {ranking: {kind: full_softmax}}
        scorer: {kind: embedding, similarity: cosine}
        training: {epochs: 15, batch_size: 512, learning_rate: 0.01}
        """
    )
    learned = learn(experiment, planted_dataset, torch.device("cpu"))
    return Model.of(learned.scorer, planted_dataset, learned.towers)


class TestTwoTowers:
    """A run of two towers serves new_nodes through the towers that it trained."""

    def test_new_users_get_lists_of_their_block_by_content(self, trained: Model, looks) -> None:
        hits = 0
        for user in range(20):
            table = lists(trained, ["new"], new_users=looks(f"u{user:03}", "new"))
            assert table["source"].unique().to_list() == ["content"]
            hits += table.filter(block(pl.col("item")) == user % 4).height
        assert hits > 120  # of 200, by chance 50

    def test_new_items_join_the_lists_of_their_block(self, trained: Model, planted_items: Frame) -> None:
        fresh = planted_items.with_columns(pl.col("item") + 1200)
        table = lists(trained, k=240, new_items=fresh).filter(pl.col("item") > 1000)
        first = table.group_by("user", maintain_order=True).head(10)
        assert first["source"].unique().to_list() == ["content"]
        own = block(pl.col("item") - 1200) == pl.col("user").str.slice(1).cast(int) % 4
        assert first.filter(own).height > 0.6 * first.height

    def test_they_do_so_from_disk(self, trained: Model, planted_items: Frame, looks, tmp_path: Path) -> None:
        new_nodes = {"new_users": looks("u003", "new"), "new_items": planted_items.with_columns(pl.col("item") + 1200)}
        save(trained, tmp_path / "model")
        assert lists(load(tmp_path / "model"), **new_nodes).equals(lists(trained, **new_nodes))


class TestNotes:
    @pytest.fixture
    def notes(self) -> list[str]:
        return []

    def test_missing_columns_count_as_missing_values(self, towered: Model, looks, notes: list[str]) -> None:
        partial = looks("u001", "new").rename({"size": "sizes"}).drop("tags")
        lists(towered, ["new"], new_users=partial, log=notes.append)
        assert notes == [
            "the table of new users has no column 'tags'; it counts as missing",
            "the table of new users has no column 'size'; it counts as missing; did you mean 'sizes'?",
        ]
        empty = looks("u001", "new").with_columns(
            pl.lit(None, pl.List(pl.String)).alias("tags"), pl.lit(None, pl.Float64).alias("size")
        )
        same = lists(towered, ["new"], new_users=empty)
        assert lists(towered, ["new"], new_users=partial)["item"].to_list() == same["item"].to_list()

    def test_known_nodes_stay_as_they_were_trained(self, towered: Model, looks, notes: list[str]) -> None:
        table = pl.concat([looks("u001", "new"), looks("u001", "u002")])
        found = lists(towered, ["u002"], new_users=table, log=notes.append)
        assert notes == ["1 of 2 new users are known to the model and stay as they were trained"]
        assert found.equals(lists(towered, ["u002"]))

    def test_unknown_items_of_a_history_are_counted(self, towered: Model, notes: list[str]) -> None:
        rows = pl.concat([bought("new", 1), Frame({"user": ["new", "new", None], "item": [7777, 8888, 10]})])
        table = lists(towered, ["new"], history=rows, log=notes.append)
        assert notes == [
            "1 of 6 rows of the history have no user or no item id: left out",
            "2 of 6 rows of the history name items that are not known: left out",
        ]
        assert table.equals(lists(towered, ["new"], history=bought("new", 1)))

    def test_features_without_a_tower_are_not_used(self, towered: Model, looks, notes: list[str]) -> None:
        table = lists(replace(towered, towers=Towers()), ["new"], new_users=looks("u001", "new"), log=notes.append)
        assert notes == [
            "features of new users are not used: "
            "it was trained without features of users; train again with data.users=FILE"
        ]
        assert table["source"].unique().to_list() == ["popularity"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("tables", "line"),
        [
            ({"new_users": Frame({"usr": ["a"]})}, "table of new users has no column 'user'; did you mean 'usr'"),
            ({"new_users": Frame({"user": ["a", None]})}, "row 2 of the table of new users has no user id"),
            (
                {"new_users": Frame({"user": ["a", "b", "a"]})},
                "table of new users has user 'a' twice; give each one row",
            ),
            ({"new_users": Frame({"user": ["a"], "x": [1]})}, "has none of the features"),
            (
                {"new_items": Frame({"item": ["film"]})},
                "item id 'film' in the table of new items is not Int64, as this",
            ),
            ({"new_items": Frame({"item": [1.5]})}, "item id 1.5 in the table of new items is not Int64"),
            ({"new_items": Frame({"item": [7777]})}, "has none of the features"),
            ({"history": Frame({"user": ["a"]})}, "the history has no column 'item'; the columns there are: user"),
            ({"history": Frame({"user": ["a"], "item": ["x"]})}, "item id 'x' in the history is not Int64"),
            ({"history": Frame({"user": [True], "item": [10]})}, "user id True in the history is not String"),
        ],
    )
    def test_a_table_that_means_nothing_is_one_line(self, towered: Model, tables: dict, line: str) -> None:
        with pytest.raises(DataError, match=line) as refused:
            extend_model(towered, **tables)
        assert "\n" not in str(refused.value)

    def test_new_items_need_a_tower(self, model: Model, planted_items: Frame) -> None:
        with pytest.raises(DataError, match="this model embeds no new items: it was trained without features of items"):
            extend_model(model, new_items=planted_items.with_columns(pl.col("item") + 1000))
