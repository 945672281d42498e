"""Weights of interactions: read, summed within a part, faded by age, and never a trace of a held-out row in them."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from reccl import ConfigError, DataError, Dataset
from reccl.data.graph import Graph
from reccl.data.ingest.steps import filter_k_core

DAY = 24 * 60 * 60
TEMPORAL = {"kind": "temporal", "test": 0.25, "validation": 0.2}
EVENTS = {"column": "event", "weights": {"view": 1, "cart": 3, "buy": 10}}
LOG = pl.DataFrame(
    {
        "user": [1, 1, 1, 2, 2, 2, 3, 3],
        "item": [7, 7, 8, 7, 8, 8, 7, 9],
        "timestamp": [0, DAY, 2 * DAY, 0, DAY, 3 * DAY, DAY, 4 * DAY],
        "event": ["view", "buy", "view", "view", "buy", "buy", "cart", "buy"],
        "n": [1, 2, 3, 1, 1, 1, 1, 5],
    }
)


def made(rows: pl.DataFrame = LOG, split: Any = TEMPORAL, **keys: Any) -> Dataset:
    return Dataset.from_frame(rows, timestamp="timestamp", split=split, **keys)


def weights(data: Dataset, part: str = "train") -> dict[tuple[int, int], float]:
    rows = data.to_frame(part)
    return dict(zip(rows.select("user", "item").rows(), rows["weight"], strict=True))


class TestRepeatedPairs:
    def test_weights_are_summed_within_a_part(self) -> None:
        data = made(weight="n")
        assert weights(data) == {(1, 7): 3, (2, 7): 1, (2, 8): 1, (3, 7): 1}
        assert weights(data, "test") == {(2, 8): 1, (3, 9): 5}  # 2 and 8 are in training, and come again
        assert [count.rows for count in data.counts][-1] == 7

    def test_rows_are_counted(self) -> None:
        assert weights(made(duplicates="count")) == {(1, 7): 2, (2, 7): 1, (2, 8): 1, (3, 7): 1}

    def test_without_weights_the_last_row_is_kept_as_ever(self) -> None:
        data = made()
        assert "weight" not in data.train.columns
        assert data.fingerprint == made(duplicates="last").fingerprint
        assert data.build_graph().edge_weight is None

    def test_one_row_keeps_its_own_weight_where_it_is_asked_for(self) -> None:
        assert weights(made(weight="n", duplicates="last"))[1, 7] == 2
        assert weights(made(weight="n", duplicates="first"))[1, 7] == 1

    def test_a_random_split_keeps_the_rows_of_a_pair_together(self) -> None:
        repeated = pl.concat([LOG] * 9).with_columns(pl.int_range(pl.len()).alias("timestamp"))
        data = made(repeated, split={"kind": "random_per_user", "test": 0.4}, weight="n")
        pairs = [set(data.part(part).select("user", "item").rows()) for part in ("train", "validation", "test")]
        assert sum(map(len, pairs)) == len(set().union(*pairs)) == 6
        total = sum(data.part(part)["weight"].sum() for part in ("train", "validation", "test"))
        assert total == 9 * LOG["n"].sum()

    def test_a_core_counts_distinct_pairs(self) -> None:
        rows = pl.LazyFrame({"user": [1, 1, 1, 2, 2], "item": [7, 7, 7, 7, 8]})
        assert filter_k_core(user=2, repeats=True)(rows).collect().rows() == [(2, 7), (2, 8)]
        assert filter_k_core(user=2)(rows).collect().height == 5

    def test_a_count_beside_weights_is_refused(self) -> None:
        with pytest.raises(DataError, match="with weight or events set duplicates: sum"):
            made(weight="n", duplicates="count")


class TestEvents:
    def test_kinds_have_weights_which_multiply_a_column_of_weights(self) -> None:
        assert weights(made(events=EVENTS)) == {(1, 7): 11, (2, 7): 1, (2, 8): 10, (3, 7): 3}
        assert weights(made(events=EVENTS, weight="n"))[1, 7] == 21

    def test_an_unknown_kind_is_an_error_with_its_row_or_dropped_with_a_count(self) -> None:
        few = {"column": "event", "weights": {"view": 1, "buy": 10}}
        with pytest.raises(DataError, match=r"event 'cart' in row 7 \(user 3, item 7\).*set events.unknown: drop"):
            made(events=few)
        data = made(events={**few, "unknown": "drop"})
        assert ("events with a weight", 7) in [(count.step, count.rows) for count in data.counts]

    def test_a_missing_kind_is_an_unknown_one(self) -> None:
        with pytest.raises(DataError, match=r"event None in row 1 "):
            made(LOG.with_columns(pl.when(pl.col("event") != "view").then("event")), events=EVENTS)

    def test_only_targets_are_held_out_and_every_kind_is_trained_on(self) -> None:
        data = made(events={**EVENTS, "targets": ["buy"]})
        assert weights(data) == {(1, 7): 11, (2, 7): 1, (2, 8): 10, (3, 7): 3}
        assert data.validation.is_empty()  # a view
        assert set(weights(data, "test")) == {(2, 8), (3, 9)}

    @pytest.mark.parametrize(
        ("events", "message"),
        [
            ({"column": "evnt", "weights": {"view": 1}}, "no column 'evnt'; did you mean 'event'.*set events.column"),
            ({"column": "event", "weights": {"view": 0}}, "events.weights.view: input should be greater than 0"),
            ({"column": "event", "weights": {}}, "events.weights: "),
            ({**EVENTS, "targets": ["by"]}, "target 'by' is no kind of event with a weight; did you mean 'buy'"),
        ],
    )
    def test_what_makes_no_sense_is_one_line(self, events: dict[str, Any], message: str) -> None:
        with pytest.raises((ConfigError, DataError), match=message):
            made(events=events)


class TestBadWeights:
    @pytest.mark.parametrize("bad", [0.0, -1.0, float("inf"), float("nan"), None])
    def test_a_weight_that_is_no_number_above_zero_is_an_error_with_its_row(self, bad: float | None) -> None:
        rows = LOG.with_columns(pl.Series("n", [1, 2, bad, 1, 1, 1, 1, 1], dtype=pl.Float64))
        with pytest.raises(DataError, match=r"weight .* in row 3 \(user 1, item 8\) is not a number above 0"):
            made(rows, weight="n")

    def test_text_is_read_and_refused_likewise(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.csv"
        path.write_text("user,item,n\na,x,2\na,y,many\n")
        with pytest.raises(DataError, match=r"weight 'many' in row 2 \(user 'a', item 'y'\)"):
            Dataset.from_frame(path, weight="n")

    def test_weights_of_a_pipeline_of_ones_own_are_checked_too(self) -> None:
        from reccl.data.dataset import build
        from reccl.data.ingest.funnel import Funnel
        from reccl.data.ingest.tables import Tables

        rows = LOG.select("user", "item", weight=pl.lit(-1.0))
        with pytest.raises(DataError, match=r"column 'weight' holds -1\.0"):
            build(Tables(Funnel.read(rows.lazy())), None)


class TestAge:
    def test_a_weight_halves_with_every_half_life_before_the_newest_training_row(self) -> None:
        assert weights(made(weight="n", half_life=1.0)) == {(1, 7): 2.5, (2, 7): 0.5, (2, 8): 1, (3, 7): 1}

    def test_rows_without_weights_fade_from_one(self) -> None:
        assert weights(made(half_life=2.0)) == pytest.approx({(1, 7): 1, (2, 7): 0.5**0.5, (3, 7): 1})

    def test_validation_rows_that_are_trained_on_fade_all_others_further(self) -> None:
        whole = made(weight="n", half_life=1.0).merge_validation()
        assert weights(whole) == {(1, 7): 1.25, (2, 7): 0.25, (2, 8): 0.5, (3, 7): 0.5, (1, 8): 3}

    def test_very_old_rows_keep_a_weight_above_zero(self) -> None:
        old = LOG.with_columns(pl.col("timestamp") * 10_000)
        assert min(weights(made(old, half_life=0.001)).values()) > 0

    def test_without_times_it_says_so(self) -> None:
        with pytest.raises(DataError, match="half_life needs a time on every row, and this data has none"):
            Dataset.from_frame(LOG, half_life=3)


@pytest.mark.parametrize("keys", [{"weight": "n"}, {"duplicates": "count"}, {"events": EVENTS}, {"half_life": 1.0}])
def test_nothing_of_a_held_out_row_is_in_a_training_row(keys: dict[str, Any]) -> None:
    """The last rows are others in number, time, kind and weight: what is trained on stays the same."""
    cut = {"kind": "temporal", "test": "1970-01-04", "validation": 0}
    late = pl.col("timestamp") >= 3 * DAY
    other = LOG.with_columns(
        pl.when(late).then(100 * pl.col("n")).otherwise("n").alias("n"),
        pl.when(late).then(9 * pl.col("timestamp")).otherwise("timestamp").alias("timestamp"),
        pl.when(late).then(pl.lit("view")).otherwise("event").alias("event"),
    )
    other = pl.concat([other, other.filter(late)])
    first, second = (made(rows, split=cut, **({"duplicates": "sum"} | keys)) for rows in (LOG, other))
    assert weights(first) == weights(second)


class TestScale:
    def test_one_stays_one_and_a_hundred_is_not_a_hundred_times_as_much(self) -> None:
        for scale, expected in (("linear", 3.0), ("log", 2.0), ("sqrt", 3**0.5)):
            graph = made(weight="n", weight_scale=scale).build_graph()
            assert graph.edge_weight.tolist() == pytest.approx([expected, 1, 1, 1])

    def test_they_can_be_left_out_on_the_same_rows(self) -> None:
        heavy, none = made(weight="n"), made(weight="n", weight_scale="none")
        assert none.build_graph().edge_weight is None and none.fingerprint == heavy.fingerprint

    def test_sums_are_scaled_and_not_scales_summed(self) -> None:
        rows = pl.DataFrame({"user": [1, 1, 2], "item": [7, 7, 8], "timestamp": [1, 2, 3], "n": [1, 2, 1]})
        split = {"kind": "temporal", "test": 0, "validation": "1970-01-01T00:00:02"}
        data = made(rows, split=split, weight="n", weight_scale="log")
        assert data.merge_validation().build_graph().edge_weight.tolist() == [2, 1]


class TestGraph:
    def test_weights_of_parallel_edges_are_summed_whatever_the_order(self) -> None:
        rows = pl.DataFrame({"user": [1, 0, 1, 0], "item": [2, 1, 2, 0], "weight": [1.0, 2.0, 3.0, 0.5]})
        graph = Graph.from_interactions(rows, 2, 3)
        assert list(zip(graph.user.tolist(), graph.item.tolist(), graph.edge_weight.tolist(), strict=True)) == [
            (0, 0, 0.5),
            (0, 1, 2.0),
            (1, 2, 4.0),
        ]
        assert graph.user_strength.tolist() == [2.5, 4] and graph.item_strength.tolist() == [0.5, 2, 4]
        assert graph.user_degree.tolist() == [2, 1]

    def test_the_adjacency_holds_weights_over_the_roots_of_their_sums(self, planted_graph: Graph) -> None:
        rows, matrix = weighted_rows(planted_graph)
        graph = Graph.from_interactions(rows, *matrix.shape)
        whole = np.block([[np.zeros((200, 200)), matrix], [matrix.T, np.zeros((120, 120))]])
        root = np.where(whole.sum(1) > 0, whole.sum(1), 1) ** -0.5
        np.testing.assert_allclose(graph.adjacency.matrix.to_dense(), root[:, None] * whole * root, atol=1e-6)
        dropped = torch.arange(len(graph.user)) % 3 == 0
        matrix[graph.user[dropped], graph.item[dropped]] = 0
        whole = np.block([[np.zeros((200, 200)), matrix], [matrix.T, np.zeros((120, 120))]])
        root = np.where(whole.sum(1) > 0, whole.sum(1), 1) ** -0.5
        found = graph.drop_edges(dropped).matrix.to_dense()
        np.testing.assert_allclose(found, root[:, None] * whole * root, atol=1e-6)

    def test_weights_of_one_are_none(self, planted_dataset: Dataset) -> None:
        rows = planted_dataset.train.with_columns(weight=pl.lit(1.0))
        graph, plain = (Graph.from_interactions(each, 200, 120) for each in (rows, planted_dataset.train))
        assert graph.edge_weight is None
        assert torch.equal(graph.adjacency.matrix.values(), plain.adjacency.matrix.values())


def weighted_rows(graph: Graph) -> tuple[pl.DataFrame, np.ndarray]:
    """The graph's edges with whole weights from 1 to 5, and the matrix of these."""
    weight = np.random.default_rng(3).integers(1, 6, len(graph.user)).astype(float)
    matrix = np.zeros((graph.num_users, graph.num_items))
    matrix[graph.user, graph.item] = weight
    return pl.DataFrame({"user": graph.user.numpy(), "item": graph.item.numpy(), "weight": weight}), matrix
