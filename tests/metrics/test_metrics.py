"""Metrics equal their textbook definitions, list by list, and keep to their bounds."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reccl.metrics import PER_USER, coverage

List = tuple[list[int], int]  # hits by rank, and how many items are relevant


def slow_recall(hits: list[int], relevant: int) -> float:
    return sum(hits) / relevant


def slow_capped_recall(hits: list[int], relevant: int) -> float:
    return sum(hits) / min(relevant, len(hits))


def slow_precision(hits: list[int], relevant: int) -> float:
    return sum(hits) / len(hits)


def slow_hit_rate(hits: list[int], relevant: int) -> float:
    return float(any(hits))


def slow_ndcg(hits: list[int], relevant: int) -> float:
    def gain(ranked: list[int]) -> float:
        return sum(hit / math.log2(rank + 1) for rank, hit in enumerate(ranked, 1))

    best = [1] * min(relevant, len(hits))
    return gain(hits) / gain(best)


def slow_map(hits: list[int], relevant: int) -> float:
    precisions = [sum(hits[:rank]) / rank for rank, hit in enumerate(hits, 1) if hit]
    return sum(precisions) / min(relevant, len(hits))


def slow_mrr(hits: list[int], relevant: int) -> float:
    return next((1 / rank for rank, hit in enumerate(hits, 1) if hit), 0.0)


SLOW: dict[str, Callable[[list[int], int], float]] = {
    "recall": slow_recall,
    "capped_recall": slow_capped_recall,
    "precision": slow_precision,
    "ndcg": slow_ndcg,
    "hit_rate": slow_hit_rate,
    "map": slow_map,
    "mrr": slow_mrr,
}


@st.composite
def lists(draw: st.DrawFn) -> list[List]:
    """Lists of one length; at least as many items are relevant as are hit."""
    length = draw(st.integers(1, 12))
    drawn = draw(st.lists(st.lists(st.integers(0, 1), min_size=length, max_size=length), min_size=1, max_size=5))
    return [(hits, draw(st.integers(max(1, sum(hits)), 30))) for hits in drawn]


def measured(name: str, cases: list[List]) -> list[float]:
    hits = torch.tensor([hits for hits, _ in cases], dtype=torch.float64)
    return PER_USER[name](hits, torch.tensor([relevant for _, relevant in cases])).tolist()


def test_every_metric_has_its_reference() -> None:
    assert SLOW.keys() == PER_USER.keys()


@pytest.mark.parametrize("name", SLOW)
@given(cases=lists())
def test_equals_its_definition(name: str, cases: list[List]) -> None:
    assert measured(name, cases) == pytest.approx([SLOW[name](*case) for case in cases], abs=1e-12)


@pytest.mark.parametrize("name", SLOW)
@given(cases=lists())
def test_lies_between_nothing_and_one_and_is_zero_without_a_hit(name: str, cases: list[List]) -> None:
    for (hits, _), value in zip(cases, measured(name, cases), strict=True):
        assert 0 <= value <= 1 + 1e-12
        assert (value == 0) == (not any(hits))


@pytest.mark.parametrize("name", SLOW)
@given(cases=lists())
def test_a_hit_moved_up_never_costs(name: str, cases: list[List]) -> None:
    up = [(sorted(hits, reverse=True), relevant) for hits, relevant in cases]
    assert all(better >= value - 1e-12 for better, value in zip(measured(name, up), measured(name, cases), strict=True))


@pytest.mark.parametrize("name", [name for name in SLOW if name != "recall"])
def test_a_list_of_hits_alone_reaches_one_however_much_is_relevant(name: str) -> None:
    assert measured(name, [([1, 1, 1], 3), ([1, 1, 1], 50)]) == pytest.approx([1, 1])


def test_an_ideal_but_longer_list_reaches_one() -> None:
    for name in ("recall", "ndcg", "map", "mrr", "hit_rate"):
        assert measured(name, [([1, 1, 0, 0], 2)]) == pytest.approx([1]), name


def test_coverage_counts_items_that_are_in_any_list_and_no_empty_place() -> None:
    assert coverage(torch.tensor([[0, 1], [1, 4], [-1, -1]]), 6) == 0.5
    assert coverage(torch.tensor([[-1]]), 6) == 0
