"""The benchmark of large catalogs makes up the catalog that it says, and measures ways that learn its clusters."""

from argparse import Namespace
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_drawn_candidates_learn_the_clusters_of_a_made_up_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    benchmark = import_module("large_catalog")
    monkeypatch.setattr(benchmark, "USERS", 3000)
    monkeypatch.setattr(benchmark, "MEASURED", 500)
    monkeypatch.setitem(benchmark.BY_USER, "batch_size", 2048)
    row = benchmark.measure("1,024 drawn", Namespace(items=2000, epochs=12, seconds=None, seed=0))
    items, name, *_, epochs, _, recall = row.strip("| ").split(" | ")
    assert (items, name) == ("2,000", "1,024 drawn")
    assert 11.5 < float(epochs) < 12.5
    assert float(recall) > 0.05, "a list of 20 items at random has a recall of .01"
