"""Claims say what the data supports, data set by data set, and nothing else."""

import numpy as np
import polars as pl
import pytest

from reccl.evaluation.bootstrap import compare_methods
from reccl.evaluation.resplits import draw_over_splits
from reccl.studies.claims import ABOVE, Measured, make_claims


def table(values: object) -> pl.DataFrame:
    numbers = np.asarray(values, dtype=float)
    return pl.DataFrame({"user": range(len(numbers)), "value": numbers})


BASE = np.tile([0.2, 0.4], 300)
NOISE = np.random.default_rng(1).normal(0, 0.2, 600)
"""Far larger than its mean is from 0."""


def test_a_claim_counts_data_sets_and_gives_the_mean_effect_by_hand() -> None:
    # a is 10 % above b on one, 20 % on two, and differs by noise on three: (.1 + .2 + r) / 3
    noisy = BASE + NOISE
    measured = {
        ("one", "a"): Measured([[table(1.1 * BASE)]]),
        ("two", "a"): Measured([[table(1.2 * BASE)]]),
        ("three", "a"): Measured([[table(noisy)]]),
        **{(name, "b"): Measured([[table(BASE)]]) for name in ("one", "two", "three")},
    }
    (claim,) = make_claims(measured, [("b", "a")], ["one", "two", "three"])
    r = noisy.mean() / BASE.mean() - 1
    assert (claim.first, claim.second) == ("a", "b")
    assert claim.effect.relative == pytest.approx((0.1 + 0.2 + r) / 3)
    assert claim.on(ABOVE) == ["one", "two"]
    spread = claim.effect.high - claim.effect.low  # of the third alone, a third of its interval
    third = claim.findings["three"].difference
    assert spread == pytest.approx((third.high - third.low) / 3, rel=0.05)
    head, _, effect = claim.sentence().partition("; ")
    assert head == "a above b on 2 of 3 data sets (one, two), undecided on 1 (three)"
    assert effect == f"effect {claim.effect.describe()}"
    assert "*" not in claim.sentence()


def test_p_values_are_adjusted_for_all_pairs_on_all_data_sets() -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, 600)
    slight = BASE + 0.1 * (noise - noise.mean()) / noise.std() + 2.4 * 0.1 / np.sqrt(600)  # 2.4 standard errors
    alone = compare_methods([table(slight)], [table(BASE)])
    assert 0.005 < alone.p < 0.05
    measured = {("one", name): Measured([[table(BASE)]]) for name in ("b", "c", "d", "e")}
    measured["one", "a"] = Measured([[table(slight)]])
    (claim,) = make_claims({key: measured[key] for key in (("one", "a"), ("one", "b"))}, [("a", "b")], ["one"])
    assert claim.sentence().startswith("a above b on one; effect +")
    several = make_claims(measured, [("a", name) for name in ("b", "c", "d", "e")] * 3, ["one"])
    assert all("does not say which is better on 1 data set" in each.sentence() for each in several)


def test_what_failed_is_not_compared_and_says_why() -> None:
    measured = {
        ("one", "a"): Measured([[table(1.1 * BASE)]]),
        ("one", "b"): Measured([[table(BASE)]]),
        ("two", "a"): "failed: out of memory",
        ("two", "b"): Measured([[table(BASE)]]),
    }
    (claim,) = make_claims(measured, [("a", "b")], ["one", "two"])
    assert claim.sentence().startswith("a above b on 1 of 2 data sets (one), not compared on 1 (two); effect")
    assert claim.missing == {"two": "a failed: out of memory"}
    (none,) = make_claims(measured, [("a", "b")], ["two"])
    assert none.sentence() == "b and a are not compared: a failed: out of memory".replace("b and a", "a and b")
    assert none.effect is None


def test_both_directions_of_a_pair_say_the_same() -> None:
    high = table(1.25 * BASE + NOISE / 9)
    measured = {("one", "a"): Measured([[table(BASE)]]), ("one", "b"): Measured([[high]])}
    forth, back = (make_claims(measured, [pair], ["one"])[0] for pair in (("a", "b"), ("b", "a")))
    assert (forth.first, back.first) == ("b", "b")
    assert forth.effect.relative == pytest.approx(back.effect.relative)
    assert (forth.effect.low, forth.effect.high) == (back.effect.low, back.effect.high)


def test_the_effect_on_one_data_set_is_its_interval_also_where_splits_disagree() -> None:
    factors = (0.5, 0.9)  # two splits, one degree of freedom: draws of a / b go far below zero
    runs = {name: [[table(f * BASE)] for f in by] for name, by in (("a", factors), ("b", (3.0, 3.3)))}
    measured = {("one", name): Measured(tables, 0.25) for name, tables in runs.items()}
    for pair in (("a", "b"), ("b", "a")):
        (claim,) = make_claims(measured, [pair], ["one"])
        found = claim.findings["one"].difference
        assert claim.first == "b"
        assert (claim.effect.low, claim.effect.high) == (found.low, found.high)
        assert found.low < found.relative < found.high


def test_splits_that_disagree_widen_the_interval_and_splits_that_agree_do_not() -> None:
    random = np.random.default_rng(5)
    bases = [table(BASE + random.normal(0, 0.01, 600)) for _ in range(3)]

    def gain(factors: list[float]) -> tuple[float, float]:
        pairs = zip(bases, factors, strict=True)
        ours = [[pl.DataFrame({"user": base["user"], "value": base["value"] * f})] for base, f in pairs]
        found, _ = draw_over_splits(ours, [[base] for base in bases], test_share=1 / 3)
        assert found.relative == pytest.approx(0.1, abs=1e-3)
        return found.high - found.low, found.p

    (narrow, sure), (wide, unsure) = gain([1.1, 1.1, 1.1]), gain([0.9, 1.1, 1.3])
    assert narrow < 0.01 < 1 < wide  # t of 2 degrees of freedom, times sqrt(.04 (1/3 + 1/3))
    assert wide == pytest.approx(2 * 4.303 * np.sqrt(0.04 * (1 / 3 + 1 / 3)), rel=0.1)
    assert sure < 0.01 < 0.05 < unsure


def test_users_of_some_splits_count_in_those() -> None:
    one, two = table(BASE), pl.DataFrame({"user": range(300, 900), "value": BASE})
    better = [[each.with_columns(pl.col("value") * 1.1)] for each in (one, two)]
    found, _ = draw_over_splits(better, [[one], [two]], test_share=0.25)
    assert (found.users, round(found.relative, 6), found.better) == (900, 0.1, 1.0)


@pytest.mark.parametrize("splits", [3, 5])
def test_the_interval_over_splits_holds_what_it_promises(splits: int) -> None:
    random, inside, number = np.random.default_rng(11), 0, 150
    for _ in range(number):  # users and splits both matter; the splits are independent, so q = 0
        user = random.normal(0, 0.1, 200)
        ours, theirs = [], []
        for _ in range(splits):
            base = 0.5 + random.normal(0, 0.1, 200)
            moved = base + user + random.normal(0, 0.02) + random.normal(0, 0.1, 200)
            ours.append([table(moved)])
            theirs.append([table(base)])
        found, _ = draw_over_splits(ours, theirs, 0.0)
        inside += found.low <= 0 <= found.high
    assert 0.9 <= inside / number <= 1.0
