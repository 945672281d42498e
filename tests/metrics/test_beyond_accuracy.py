"""The metrics beyond accuracy are those of slow, obvious loops."""

from itertools import combinations
from math import log, log2

import numpy as np
import pytest
import torch

from reccl.metrics.beyond_accuracy import (
    average_popularity,
    gini,
    intra_list_diversity,
    miscalibration,
    novelty,
    popularity_lift,
    serendipity,
)

USERS, ITEMS, K = 12, 9, 4


@pytest.fixture
def draws() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def lists(draws: np.random.Generator) -> torch.Tensor:
    """Lists of different items, the last of them short, one empty."""
    rows = np.stack([draws.permutation(ITEMS)[:K] for _ in range(USERS)])
    rows[2, 2:], rows[5, 1:], rows[7] = -1, -1, -1
    return torch.from_numpy(rows)


@pytest.fixture
def popularity(draws: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(draws.integers(0, 20, ITEMS)).float()


def own(lists: torch.Tensor) -> list[list[int]]:
    return [[item for item in row if item >= 0] for row in lists.tolist()]


def test_novelty_and_popularity_are_means_over_the_list(lists: torch.Tensor, popularity: torch.Tensor) -> None:
    bits = [[-log2(max(1.0, float(popularity[i])) / 30) for i in row] for row in own(lists)]
    assert novelty(lists, popularity, 30).tolist() == pytest.approx([np.mean(row) if row else 0 for row in bits])
    users = [[float(popularity[i]) for i in row] for row in own(lists)]
    assert average_popularity(lists, popularity).tolist() == pytest.approx([np.mean(r) if r else 0 for r in users])


def test_popularity_lift_compares_with_what_users_have(lists: torch.Tensor, popularity: torch.Tensor) -> None:
    past = torch.linspace(1, 9, USERS).double()
    past[0] = torch.nan
    counted = [user for user, row in enumerate(own(lists)) if row and user != 0]
    listed = np.mean([np.mean([float(popularity[i]) for i in own(lists)[user]]) for user in counted])
    before = np.mean([float(past[user]) for user in counted])
    assert popularity_lift(lists, popularity, past) == pytest.approx((listed - before) / before)


def test_the_gini_index_is_half_the_mean_difference_over_the_mean(lists: torch.Tensor) -> None:
    counts = [sum(row.count(item) for row in own(lists)) for item in range(ITEMS)]
    difference = np.mean([abs(a - b) for a in counts for b in counts])
    assert gini(lists, ITEMS) == pytest.approx(difference / (2 * np.mean(counts)))


def test_diversity_is_the_mean_distance_of_pairs(lists: torch.Tensor, draws: np.random.Generator) -> None:
    vectors = torch.nn.functional.normalize(torch.from_numpy(draws.normal(size=(ITEMS, 3))), dim=1)
    vectors[4] = 0
    expected = [
        np.mean([1 - float(vectors[a] @ vectors[b]) for a, b in combinations(row, 2)]) if len(row) > 1 else 0.0
        for row in own(lists)
    ]
    assert intra_list_diversity(lists, vectors).tolist() == pytest.approx(expected)


def test_serendipity_counts_relevant_items_that_were_not_to_be_expected(lists: torch.Tensor) -> None:
    hits, expected = torch.zeros(USERS, K), torch.zeros(USERS, K, dtype=torch.bool)
    hits[0, :3], expected[0, 1] = 1, True
    assert serendipity(lists, hits, expected).tolist() == [0.5] + [0.0] * (USERS - 1)


def test_miscalibration_is_the_divergence_of_shares(lists: torch.Tensor, draws: np.random.Generator) -> None:
    shares = torch.from_numpy(draws.dirichlet(np.ones(3), ITEMS))
    target = torch.from_numpy(draws.dirichlet(np.ones(3), USERS)) * 7
    target[1] = 0
    found = miscalibration(lists, shares, target)
    for user, row in enumerate(own(lists)):
        if user == 1:
            assert found[user].isnan()
            continue
        p = (target[user] / target[user].sum()).tolist()
        q = shares[row].mean(0).tolist() if row else [0.0] * 3
        assert float(found[user]) == pytest.approx(
            sum(a * log(a / (0.99 * b + 0.01 * a)) for a, b in zip(p, q, strict=True))
        )
