"""Every check of an audit gives the number that was planted, and grades it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp

import reccl
from reccl.auditing import Candidate, Report
from reccl.auditing.candidates import find_agreement
from reccl.auditing.finding import Finding, grade
from reccl.auditing.future_features import correlate_given
from reccl.auditing.k_core import find_k_core
from reccl.auditing.overlap import find_overlap
from reccl.auditing.popularity_shift import find_popularity_shift, measure_distance
from reccl.auditing.time_leaks import cut_by_timeline, find_time_leaks
from reccl.data.dataset import Dataset
from reccl.data.splits import ColdItems, GlobalTimeline, LeaveLastOut, RandomPerUser, StrongGeneralization, Temporal


def by_check(findings) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def of_parts(rows: list[tuple], **options: str) -> Dataset:
    """user, item, time, part."""
    table = pl.DataFrame(rows, schema=["user", "item", "timestamp", "part"], orient="row")
    split = {"kind": "predefined", "validation": 0}
    return Dataset.from_frame(table, timestamp="timestamp", part="part", split=split, **options)


class TestTime:
    def test_shares_are_those_of_a_table_counted_by_hand(self) -> None:
        data = of_parts(
            [
                (1, 1, 10, "train"), (1, 2, 50, "train"), (1, 3, 20, "test"),  # before the user's own last row
                (2, 1, 30, "train"), (2, 2, 40, "test"),  # before another user's last row alone
                (3, 1, 5, "train"), (3, 2, 60, "test"), (3, 3, 50, "test"),  # not before any
            ]
        )  # fmt: skip
        found = by_check(find_time_leaks(data))
        assert found["time, same user"].number == 0.25
        assert found["time, anyone"].number == 0.5
        assert found["time, same user"].severity == "serious"

    def test_a_split_in_time_has_none_and_a_random_one_has_nearly_all(self, planted: pl.DataFrame) -> None:
        clean = [Temporal(), GlobalTimeline()]
        for split in clean:
            found = by_check(find_time_leaks(Dataset.from_frame(planted, timestamp="timestamp", split=split)))
            assert {finding.number for finding in found.values()} == {0.0}
            assert {finding.severity for finding in found.values()} == {"ok"}
        drawn = by_check(find_time_leaks(Dataset.from_frame(planted, timestamp="timestamp", split=RandomPerUser())))
        assert drawn["time, same user"].number > 0.8
        last = by_check(find_time_leaks(Dataset.from_frame(planted, timestamp="timestamp", split=LeaveLastOut())))
        assert last["time, same user"].number == 0
        assert 0.5 < last["time, anyone"].number < 1

    def test_the_timeline_is_of_the_same_rows_with_as_many_for_test(self, planted: pl.DataFrame) -> None:
        data = Dataset.from_frame(planted, timestamp="timestamp", split=RandomPerUser())
        cut = cut_by_timeline(data)
        assert cut.test.height == pytest.approx(data.test.height, abs=1)
        assert sum(cut.part(part).height for part in ("train", "validation", "test")) == planted.height
        assert cut.train["timestamp"].max() < cut.validation["timestamp"].min()

    def test_without_times_nobody_can_say(self, planted: pl.DataFrame) -> None:
        (only,) = find_time_leaks(Dataset.from_frame(planted, split=RandomPerUser()))
        assert (only.number, only.severity) == (None, "note")


class TestOverlap:
    def test_pairs_of_two_parts_are_counted_and_are_serious_only_where_they_are_hits(self) -> None:
        rows = [(1, 1, 1, "train"), (1, 2, 2, "train"), (1, 1, 3, "test"), (1, 3, 4, "test"), (2, 3, 1, "train")]
        data = of_parts(rows, duplicates="count")
        assert by_check(find_overlap(data, "known"))["duplicates, test"].number == 0.5
        assert by_check(find_overlap(data, "known"))["duplicates, test"].severity == "note"
        assert by_check(find_overlap(data, "none"))["duplicates, test"].severity == "serious"

    def test_rows_of_nodes_without_training_rows_are_counted(self, planted: pl.DataFrame) -> None:
        data = Dataset.from_frame(planted, split=ColdItems())
        found = by_check(find_overlap(data, "known"))
        unseen = data.test.filter(~pl.col("item").is_in(data.train["item"].unique().implode()))
        assert found["unseen items"].number == unseen.height / data.test.height
        assert found["unseen items"].severity in ("warning", "serious")
        assert found["unseen users"].severity == "ok"

    def test_users_who_are_folded_in_are_unseen_by_design(self, planted: pl.DataFrame) -> None:
        found = by_check(find_overlap(Dataset.from_frame(planted, split=StrongGeneralization()), "known"))
        assert (found["unseen users"].number, found["unseen users"].severity) == (1.0, "ok")
        assert found["duplicates, test"].number == 0


def test_a_core_taken_before_the_split_is_found_with_the_share_below_it(planted: pl.DataFrame) -> None:
    data = Dataset.from_frame(planted, split=RandomPerUser())
    found = by_check(find_k_core(data))
    assert found["core of users"].number == 1.0  # all have 18 rows, and fewer in training
    assert "fewer than 18 training rows" in found["core of users"].says
    loose = pl.concat([planted, pl.DataFrame({"user": ["new"], "item": [999_999], "timestamp": [1]})])
    found = by_check(find_k_core(Dataset.from_frame(loose, split=RandomPerUser())))
    assert [each.severity for each in found.values()] == ["ok", "ok"]


class TestPopularityShift:
    def test_its_distance_is_scipys(self) -> None:
        random = np.random.default_rng(0)
        one, other = np.sort(random.poisson(5, 300)), np.sort(random.poisson(6, 200))
        assert measure_distance(one, other) == pytest.approx(ks_2samp(one, other).statistic)

    def test_a_validation_part_of_popular_items_is_serious_and_a_drawn_one_is_not(self, planted: pl.DataFrame) -> None:
        data = Dataset.from_frame(planted, split=RandomPerUser(test=0.3, validation=0.3))
        (fair,) = find_popularity_shift(data)
        assert fair.severity in ("ok", "note")
        counts = data.train["item"].value_counts(name="n")
        popular = data.validation.join(counts, on="item").filter(pl.col("n") > pl.col("n").median())
        (shifted,) = find_popularity_shift(replace(data, validation=popular.select(data.validation.columns)))
        assert shifted.severity == "serious"
        assert shifted.number > fair.number


class TestFutureFeatures:
    @pytest.fixture
    def rated(self, planted: pl.DataFrame) -> pl.DataFrame:
        random = np.random.default_rng(3)
        return planted.with_columns(rating=pl.Series(random.integers(1, 6, planted.height)))

    def found(self, rated: pl.DataFrame, column: pl.Expr) -> Finding:
        items = rated.group_by("item").agg(column.alias("x")).sort("item")
        data = Dataset.from_frame(
            rated, timestamp="timestamp", rating="rating", items=items, split=RandomPerUser(test=0.3)
        )
        report = reccl.audit("methods/popularity", data, candidates=[])
        (finding,) = [each for each in report.findings if each.check.startswith("future features")]
        return finding

    @pytest.mark.parametrize(
        ("column", "says"),
        [
            (pl.len(), "is the number of all rows"),
            (pl.col("timestamp").max(), "is the last time of all rows"),
            (1000 * pl.col("timestamp").max(), "is the last time of all rows"),
            (pl.from_epoch(pl.col("timestamp").max()), "is the last time of all rows"),
            (pl.from_epoch(pl.col("timestamp").max()).cast(pl.String), "is the last time of all rows"),
            (pl.col("rating").mean().round(4), "is the mean rating of all rows"),
        ],
    )
    def test_a_statistic_of_all_rows_is_named(self, rated: pl.DataFrame, column: pl.Expr, says: str) -> None:
        finding = self.found(rated, column)
        assert finding.severity == "serious"
        assert says in finding.says
        assert finding.number > 0.9

    def test_a_noisy_copy_of_the_number_of_rows_is_found_by_its_partial_correlation(self, rated: pl.DataFrame) -> None:
        finding = self.found(rated, 3.7 * pl.len().sqrt() + 1)
        assert finding.severity in ("warning", "serious")
        assert finding.unit == "partial rank correlation"

    def test_statistics_of_training_rows_and_honest_columns_pass(self, rated: pl.DataFrame) -> None:
        split = RandomPerUser(test=0.3)
        first = Dataset.from_frame(rated, timestamp="timestamp", rating="rating", split=split)
        trained = first.to_frame("train").group_by("item").agg(x=pl.len(), at=pl.col("timestamp").max())
        items = trained.with_columns(year=1950 + pl.col("item") % 70)
        data = Dataset.from_frame(rated, timestamp="timestamp", rating="rating", items=items, split=split)
        report = reccl.audit("methods/popularity", data, candidates=[])
        assert report["future features, items"].severity == "ok"

    def test_the_partial_correlation_equals_that_of_residuals(self) -> None:
        random = np.random.default_rng(5)
        z = random.permutation(200).astype(float)
        x, y = (np.argsort(np.argsort(z + random.normal(0, 60, 200))).astype(float) for _ in range(2))
        left = [values - np.polyval(np.polyfit(z, values, 1), z) for values in (x, y)]
        assert correlate_given(x, y, z) == pytest.approx(np.corrcoef(left)[0, 1])


class TestAgreement:
    def test_one_order_is_one_and_a_reversed_one_is_serious(self) -> None:
        same = [Candidate(str(n), n / 10, n / 20) for n in range(1, 7)]
        found = by_check(find_agreement(same, "ndcg_at_10"))
        assert (found["agreement"].number, found["agreement"].severity) == (pytest.approx(1), "ok")
        assert (found["regret"].number, found["regret"].severity) == (0, "ok")
        turned = [Candidate(str(n), n / 10, 1 - n / 20) for n in range(1, 7)]
        found = by_check(find_agreement(turned, "ndcg_at_10"))
        assert (found["agreement"].number, found["agreement"].severity) == (pytest.approx(-1), "serious")
        assert found["regret"].number == pytest.approx(1 - 0.7 / 0.95)
        assert "15 of 15 pairs change places" in found["agreement"].says

    def test_few_runs_are_too_few_and_never_more_than_a_note(self) -> None:
        (only,) = find_agreement([Candidate("a", 0.1, 0.2)] * 2, "ndcg_at_10")
        assert only.number is None
        assert "2 recorded runs" in only.says
        turned = [Candidate(str(n), n / 10, 1 - n / 20) for n in range(1, 5)]
        assert by_check(find_agreement(turned, "x"))["agreement"].severity == "note"


def test_grades_are_the_bounds_reached() -> None:
    assert [grade(number, (0.1, 0.2, 0.3)) for number in (0.05, 0.1, 0.25, 1)] == ["ok", "note", "warning", "serious"]


def test_an_audit_in_python_has_every_check_and_says_what_split_it_is(planted: pl.DataFrame) -> None:
    data = Dataset.from_frame(planted, timestamp="timestamp")
    report = reccl.audit("methods/popularity", data, candidates=[], training={"best_on_test": True})
    assert isinstance(report, Report)
    assert report.digest == data.digest.test
    assert report.worst == "serious"
    assert report["test looked at"].severity == "warning"
    assert report["sampled metrics"].number == 1
    assert report["validation"].number == data.validation.height
    assert {"time, same user", "core of users", "agreement"} <= {finding.check for finding in report.findings}
    with_remedy = [finding for finding in report.findings if finding.severity in ("warning", "serious")]
    assert all(finding.remedy for finding in with_remedy)
    bare = replace(data, validation=data.validation.clear())
    assert reccl.audit("methods/popularity", bare, candidates=[])["validation"].severity == "serious"
