"""The benchmark of large catalogs makes up the catalog that it says, and measures ways that learn its clusters."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = import_module("large_catalog")
    monkeypatch.setitem(module.BY_USER, "batch_size", 2048)
    return module


def test_drawn_candidates_learn_the_clusters_of_a_made_up_catalog(benchmark: ModuleType) -> None:
    experiment = benchmark.experiment_of("1,024 drawn", 10_000, seed=0)
    made_up = benchmark.make_up(10_000, benchmark.Sizes(users=3000, rows=20, held_out=3, measured=500), seed=0)
    found = benchmark.measure(experiment, made_up.data, [0.0, 3.0])
    bounds = benchmark.measure_bounds(made_up, experiment)
    popular, best = (bounds[name].means()["recall_at_20"] for name in ("most popular", "likeliest to be drawn"))
    before, after = (each.means()["recall_at_20"] for each in found.quality)
    assert found.items == 10_000
    assert found.seconds >= 3.0
    assert before < 0.01, "a list of 20 items at random has a recall of .002"
    assert popular < after < best


def test_the_likeliest_items_are_those_that_are_drawn_most(benchmark: ModuleType) -> None:
    """Of every measured user, by the probability of each item: 40 clusters, .3 for each of three, .1 for all."""
    made_up = benchmark.make_up(20_000, benchmark.Sizes(users=3000, rows=20, held_out=3, measured=100), seed=0)
    evaluation = benchmark.experiment_of("all", 20_000, 0).evaluation
    evaluator = benchmark.Evaluator.of(made_up.data, "validation", evaluation, groups=False)
    lists, near = made_up.best_lists(evaluator.users, evaluator.seen, 20), 1 / np.arange(1, 501) ** 0.8
    for user, likeliest in zip(evaluator.users.tolist(), lists.tolist(), strict=True):
        probability = np.empty(20_000)
        for cluster, items in enumerate(made_up.items):
            probability[items] = (0.3 * (made_up.clusters[user] == cluster).sum() + 0.1 / 40) * near / near.sum()
        probability[evaluator.seen.item[evaluator.seen.start[user] : evaluator.seen.start[user + 1]]] = 0
        assert np.allclose(probability[likeliest], np.sort(probability)[::-1][:20])
