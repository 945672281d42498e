"""The paired interval holds the truth as often as it says, and is the textbook's where the textbook has one."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from reccl.evaluation.paired import compare_paired


def table(values: np.ndarray, first: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"user": [f"u{first + row}" for row in range(len(values))], "value": values})


def test_against_a_constant_it_is_students_interval_of_the_mean() -> None:
    ours = np.random.default_rng(0).random(30)
    found = compare_paired(table(ours), table(np.full(30, 0.5)))
    low, high = stats.t.interval(0.95, 29, loc=ours.mean(), scale=stats.sem(ours))
    assert (found.low, found.high) == pytest.approx((low / 0.5 - 1, high / 0.5 - 1))
    assert (found.users, found.relative) == (30, pytest.approx(ours.mean() / 0.5 - 1))


def test_it_agrees_with_a_bootstrap_over_users() -> None:
    random = np.random.default_rng(1)
    baseline = random.random(400)
    ours = np.clip(baseline * 1.1 + random.normal(0, 0.2, 400), 0, None)
    drawn = random.integers(0, 400, (4000, 400))
    low, high = np.quantile(ours[drawn].mean(1) / baseline[drawn].mean(1) - 1, [0.025, 0.975])
    found = compare_paired(table(ours), table(baseline))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.1 * (high - low))


def test_it_holds_the_true_difference_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    held = 0
    for _ in range(600):
        baseline = random.gamma(2, 1, 60)
        found = compare_paired(table(1.2 * baseline + random.normal(0, 1, 60)), table(baseline))
        held += found.low < 0.2 < found.high
    assert 0.92 < held / 600 < 0.98


def test_pairing_is_by_user_whatever_their_order_and_the_others_are_left_out() -> None:
    ours, baseline = table(np.arange(1.0, 9.0)), table(np.arange(2.0, 10.0), first=1)
    found = compare_paired(ours, baseline)
    assert found.users == 7
    assert compare_paired(ours.reverse(), baseline.sample(fraction=1, shuffle=True, seed=3)) == found
    assert found.relative == pytest.approx(0)  # u1 .. u7 have the same values in both
    assert found.low == pytest.approx(found.high)


@pytest.mark.parametrize("baseline", [table(np.zeros(5)), table(np.ones(1)), table(np.ones(5), first=100)])
def test_what_cannot_be_compared_is_none(baseline: pl.DataFrame) -> None:
    assert compare_paired(table(np.ones(5)), baseline) is None
