"""A trained model is the same to the last byte, whatever stands in the test rows."""

from dataclasses import replace

import polars as pl
import pytest
import torch

from reccl.config import Experiment, validate
from reccl.data.dataset import Dataset, build
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables
from reccl.data.splits import ColdItems
from reccl.fitting import learn
from reccl.recommend import Model

FIXED = {"scale": 1.0, "shift": 0.0}
"""Where they are chosen, it is by validation lists, in which the test's items stand as candidates."""
LIGHTGCN = {"encoder": {"kind": "lightgcn", "dimension": 8}}
MODELS = {
    "ids": {**LIGHTGCN, "cold_start": None},
    "two towers": {"encoder": {"kind": "two_tower", "dimension": 8, "hidden": [8]}},
    "content by regression": {**LIGHTGCN, "cold_start": FIXED},
    "content by neighbors": {**LIGHTGCN, "cold_start": {**FIXED, "items": {"kind": "content_neighbors"}}},
}
Saved = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def data(planted: pl.DataFrame, planted_users: pl.DataFrame, planted_items: pl.DataFrame) -> Dataset:
    """The planted world with three in ten items cold."""
    tables = Tables(Funnel.read(planted.lazy()), planted_users.lazy(), planted_items.lazy())
    return build(tables, ColdItems(cold=0.3))


@pytest.fixture(scope="module", params=MODELS)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    """A short training of each model."""
    ranking = {"kind": "ranking", "loss": {"kind": "info_nce", "temperature": 0.2}}
    raw = {
        "name": request.param,
        "data": {"pipeline": "table", "interactions": "unread.csv"},
        **MODELS[request.param],
        "objective": {"ranking": ranking},
        "training": {"epochs": 2, "batch_size": 512, "metric": "harmonic/ndcg_at_10"},
    }
    return validate(raw, (), {}, "test")


@pytest.fixture(scope="module")
def model(experiment: Experiment, data: Dataset) -> Saved:
    return trained(experiment, data)


def trained(experiment: Experiment, data: Dataset) -> Saved:
    """Everything that is saved of a model."""
    learned = learn(experiment, data, torch.device("cpu"))
    model = Model.of(learned.scorer, data, learned.towers)
    towers = {"users": model.towers.users, "items": model.towers.items}
    placing = {f"{side}/{name}": of for side, tower in towers.items() if tower for name, of in tower.tensors().items()}
    return {**model.scorer.tensors(), **placing}


def same(one: Saved, other: Saved) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_training_twice_gives_the_same_bytes(experiment: Experiment, data: Dataset, model: Saved) -> None:
    assert same(trained(experiment, data), model)


def test_other_test_rows_leave_the_model_as_it_is(experiment: Experiment, data: Dataset, model: Saved) -> None:
    shuffled = data.test.with_columns(pl.col("item").shuffle(seed=1))
    assert not shuffled.equals(data.test)
    assert same(trained(experiment, replace(data, test=shuffled)), model)
    assert same(trained(experiment, replace(data, test=data.test.clear())), model)


def test_other_training_rows_do_not(experiment: Experiment, data: Dataset, model: Saved) -> None:
    shuffled = data.train.with_columns(pl.col("item").shuffle(seed=1))
    assert not same(trained(experiment, replace(data, train=shuffled)), model)


def test_features_of_items_of_the_test_alone_change_no_other_vector(
    experiment: Experiment, data: Dataset, model: Saved
) -> None:
    rows = pl.int_range(data.item_table.height, eager=True)
    alone = rows.is_in(data.test["item"].implode()) & ~rows.is_in(data.train["item"].implode())
    alone &= ~rows.is_in(data.validation["item"].implode())
    assert alone.sum() > 5
    turned = data.item_table.reverse()
    changed = data.item_table.select(
        pl.when(alone).then(turned[name]).otherwise(pl.col(name)).alias(name) for name in turned.columns
    )
    changed = changed.with_columns(pl.when(alone).then(pl.lit("never seen")).otherwise("group").alias("group"))
    found = trained(experiment, replace(data, item_table=changed))
    assert same(*({name: of for name, of in saved.items() if name != "item_embeddings"} for saved in (found, model)))
    kept = torch.from_numpy((~alone).to_numpy(writable=True))
    assert torch.equal(found["item_embeddings"][kept], model["item_embeddings"][kept])
    assert torch.equal(found["item_embeddings"][~kept], model["item_embeddings"][~kept]) == (experiment.name == "ids")
