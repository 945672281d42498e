"""A folder with the planted world as a CSV file, and a config over it that is trained in a moment."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from reccl.config import Experiment, load

CONFIG = """\
# A small shop.
# reccl train --config planted.yaml
name: planted
data: {pipeline: table, interactions: buys.csv, timestamp: timestamp}
encoder: {kind: lightgcn, dimension: 8, layers: 1}
objective:
  ranking: {kind: ranking, loss: {kind: info_nce, temperature: 0.2}}
training: {epochs: 4, batch_size: 700, learning_rate: 0.02, refit: true, best_on_test: true, checkpoint_seconds: 0}
evaluation: {cutoffs: [10]}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame, inside) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("shop")
    planted.write_csv(place / "buys.csv")
    (place / "planted.yaml").write_text(CONFIG)
    with inside(place):
        yield place


@pytest.fixture(scope="module")
def experiment(shop: Path) -> Experiment:
    return load("planted.yaml")
