"""The interval of two methods holds the truth as often as it says, over users and over seeds."""

import numpy as np
import polars as pl
import pytest

from reccl.evaluation.bootstrap import adjust_holm, compare_methods
from reccl.evaluation.paired import compare_paired


def table(values: np.ndarray, first: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"user": np.arange(first, first + len(values)), "value": values})


def coverage(pairs: int, users: int, seeds: int, spread: float, seed: int) -> float:
    """How often the interval holds 0, of methods that differ by chance: of users and, by `spread`, of seeds."""
    random, held = np.random.default_rng(seed), 0
    for _ in range(pairs):
        taste = random.beta(0.5, 2, users)

        def run(taste: np.ndarray = taste) -> pl.DataFrame:
            level = np.exp(spread * random.normal())
            return table(np.clip(taste * level + random.normal(0, 0.15, users) * (taste > 0.02), 0, None))

        found = compare_methods([run() for _ in range(seeds)], [run() for _ in range(seeds)], seed=held)
        held += found.low <= 0 <= found.high
    return held / pairs


def test_with_one_run_each_it_is_about_students_paired_interval() -> None:
    random = np.random.default_rng(1)
    baseline = random.random(400)
    ours = np.clip(baseline * 1.1 + random.normal(0, 0.2, 400), 0, None)
    found, exact = compare_methods([table(ours)], [table(baseline)]), compare_paired(table(ours), table(baseline))
    assert found.relative == pytest.approx(exact.relative)
    width = exact.high - exact.low
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.05 * width)


def test_null_pairs_are_covered_over_users_quick() -> None:
    assert 0.90 <= coverage(100, 200, 1, 0.0, seed=0) <= 0.99


def test_seeds_that_differ_are_a_second_source_of_chance() -> None:
    assert 0.90 <= coverage(60, 200, 3, 0.1, seed=1) <= 1.0
    random = np.random.default_rng(0)
    levels = random.normal(1, 0.1, (2, 3))
    ours, baseline = ([table(np.full(300, level) + random.normal(0, 0.01, 300)) for level in side] for side in levels)
    apart, pooled = compare_methods(ours, baseline), compare_methods(ours[:1], baseline[:1])
    assert apart.high - apart.low > 20 * (pooled.high - pooled.low)
    assert apart.seeds == 3


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "spread", "least", "most"), [(1, 0.0, 0.94, 0.96), (3, 0.04, 0.94, 0.975)])
def test_500_null_pairs_are_covered(seeds: int, spread: float, least: float, most: float) -> None:
    found = [coverage(500, 400, seeds, spread, seed) for seed in range(4)]
    assert least <= np.mean(found) <= most, found


def test_many_users_are_drawn_in_groups_and_the_interval_is_the_same() -> None:
    random = np.random.default_rng(3)
    baseline = random.random(30_000)
    ours = baseline + random.normal(0.01, 0.3, 30_000)
    found, exact = compare_methods([table(ours)], [table(baseline)]), compare_paired(table(ours), table(baseline))
    width = exact.high - exact.low
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.08 * width)


def test_users_are_matched_whatever_their_order_and_the_others_left_out() -> None:
    random = np.random.default_rng(4)
    one, other = table(random.random(50)), table(random.random(50), first=10)
    found = compare_methods([one], [other])
    assert found.users == 40
    assert compare_methods([one.sample(fraction=1, shuffle=True, seed=1)], [other.reverse()]) == found


def test_what_won_and_lost_is_counted() -> None:
    found = compare_methods([table(np.array([2.0, 1.0, 1.0, 0.0]))], [table(np.array([1.0, 1.0, 0.5, 0.5]))])
    assert (found.better, found.worse) == (0.5, 0.25)


def test_equal_values_are_no_evidence() -> None:
    same = table(np.random.default_rng(5).random(30))
    found = compare_methods([same], [same])
    assert (found.relative, found.low, found.high, found.p, found.effect) == (0, 0, 0, 1, 0)


@pytest.mark.parametrize("baseline", [table(np.zeros(5)), table(np.ones(1)), table(np.ones(5), first=100)])
def test_what_cannot_be_compared_is_none(baseline: pl.DataFrame) -> None:
    assert compare_methods([table(np.ones(5))], [baseline]) is None


def test_holm_multiplies_the_smallest_most_and_never_swaps_two() -> None:
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([0.9, 0.8]) == [1.0, 1.0]
    assert adjust_holm([]) == []
