"""Every term about interactions counts one of weight w as w interactions, and says where it does not."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
import torch

from reccl import Dataset, train
from reccl.config import Experiment, validate
from reccl.data.batches import Batch, iterate_batches
from reccl.data.graph import Graph
from reccl.encoders import Encoder
from reccl.fitting import learn, note_unweighted
from reccl.losses import BPR, InfoNCE
from reccl.negatives import InBatch, Uniform
from reccl.training import Objective
from reccl.training.terms import (
    FullSoftmax,
    ItemItem,
    NeighborhoodAggregation,
    Ranking,
    ResidualSoftmax,
    SoftmaxAtK,
    TermSettings,
    UserItem,
)

TERMS: list[TermSettings] = [
    FullSoftmax(),
    FullSoftmax(known="masked", reverse=0.5),
    FullSoftmax(user_exponent=0.5),
    ItemItem(),
    NeighborhoodAggregation(),
    Ranking(loss=InfoNCE(), negatives=Uniform(number=20, shared=True)),
    Ranking(loss=BPR(), negatives=Uniform(number=20, shared=True)),
    ResidualSoftmax(),
    SoftmaxAtK(negatives=Uniform(number=20, shared=True)),
]


def value(term: TermSettings, encoder: Encoder, graph: Graph, batch: Batch) -> float:
    objective = Objective({"term": term}, graph, torch.Generator().manual_seed(1))
    objective.sample_views()
    objective.generator.manual_seed(2)
    return float(objective(encoder, batch)["term"].detach())


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.kind)
def test_a_weight_is_so_many_rows_of_the_batch(
    term: TermSettings, encoder: Encoder, planted_graph: Graph, batch: Batch
) -> None:
    weight = 1 + torch.arange(len(batch)) % 4
    place = torch.repeat_interleave(torch.arange(len(batch)), weight)
    repeated = Batch(batch.user[place], batch.item[place])
    found = value(term, encoder, planted_graph, replace(batch, weight=weight.float()))
    assert found == pytest.approx(value(term, encoder, planted_graph, repeated), rel=1e-4)
    assert found != pytest.approx(value(term, encoder, planted_graph, batch), rel=1e-6)


def test_users_of_equal_share_have_their_weights_divided_by_the_sum(encoder: Encoder, batch: Batch) -> None:
    rows = pl.DataFrame({"user": [0, 0, 1], "item": [0, 1, 2], "weight": [3.0, 1.0, 8.0]})
    graph = Graph.from_interactions(rows, 200, 120)
    whole = Batch(graph.user, graph.item, graph.edge_weight)
    each = [value(FullSoftmax(), encoder, graph, Batch(graph.user[[n]], graph.item[[n]])) for n in range(3)]
    expected = (0.75 * each[0] + 0.25 * each[1] + each[2]) / 2
    assert value(FullSoftmax(user_exponent=1), encoder, graph, whole) == pytest.approx(expected, rel=1e-5)


def test_ultragcn_s_degrees_are_sums_of_weights(encoder: Encoder) -> None:
    rows = pl.DataFrame({"user": [0, 0, 1], "item": [0, 1, 1]})
    plain = Graph.from_interactions(rows, 200, 120)
    heavy = Graph.from_interactions(rows.with_columns(weight=pl.lit(4.0)), 200, 120)
    batch = Batch(plain.user, plain.item)
    assert value(UserItem(), encoder, plain, batch) != value(UserItem(), encoder, heavy, batch)


def test_batches_carry_the_weights_of_their_edges() -> None:
    rows = pl.DataFrame({"user": [0, 0, 1], "item": [0, 1, 2], "weight": [3.0, 1.0, 8.0]})
    graph = Graph.from_interactions(rows, 2, 3)
    for batch_by in ("interaction", "user"):
        (batch,) = iterate_batches(graph, 8, torch.Generator().manual_seed(0), batch_by)
        assert dict(zip(batch.item.tolist(), batch.weight.tolist(), strict=True)) == {0: 3, 1: 1, 2: 8}


MODELS: dict[str, dict[str, Any]] = {
    "lightgcn": {"kind": "lightgcn", "dimension": 8},
    "lightgcn++": {"kind": "lightgcn", "dimension": 8, "receiver_exponent": 0.6, "sender_exponent": -0.1},
    "spectral": {"kind": "matrix_factorization", "dimension": 8, "initialization": {"kind": "spectral"}},
}


def experiment(**sections: Any) -> Experiment:
    raw = {
        "name": "weights",
        "data": {"pipeline": "table", "interactions": "unread.csv"},
        "encoder": MODELS["lightgcn"],
        "objective": {
            "ranking": {"kind": "ranking", "loss": {"kind": "bpr"}, "negatives": {"kind": "uniform"}},
            "contrast": {"kind": "contrast"},
        },
        "training": {"epochs": 2, "batch_size": 512},
        **sections,
    }
    return validate(raw, (), {}, "test")


@pytest.mark.parametrize("encoder", MODELS.values(), ids=MODELS)
def test_weights_of_one_train_the_same_model_to_the_bit_and_others_do_not(
    encoder: dict[str, Any], planted_dataset: Dataset
) -> None:
    def trained(weight: pl.Expr | None) -> torch.Tensor:
        data = planted_dataset
        if weight is not None:
            data = replace(
                data,
                train=data.train.with_columns(weight=weight),
                validation=data.validation.with_columns(weight=weight),
            )
        return learn(experiment(encoder=encoder), data, torch.device("cpu")).scorer.user_embeddings

    plain = trained(None)
    assert torch.equal(plain, trained(pl.lit(1.0)))
    assert not torch.equal(plain, trained(1.0 + pl.col("item") % 3))


def test_parts_that_do_not_use_weights_are_named_in_one_line(planted: pl.DataFrame) -> None:
    weighed = planted.with_columns(n=1 + pl.col("item") % 3)
    data = Dataset.from_frame(weighed, weight="n")
    assert note_unweighted(experiment(), data) == []
    ranking = {"kind": "ranking", "loss": {"kind": "vicreg"}, "negatives": {"kind": InBatch().kind}}
    ignoring = experiment(encoder={"kind": "convolution", "dimension": 8}, objective={"pairs": ranking})
    assert note_unweighted(ignoring, data) == [
        "note: weights are not used by encoder convolution, objective.pairs (loss vicreg)"
    ]
    assert note_unweighted(ignoring, Dataset.from_frame(planted)) == []


def test_where_strength_is_the_taste_weights_find_it() -> None:
    """Everybody looks at 40 items at random, and buys what is of the own block: ten times as heavy, and held out."""
    random, rows = torch.Generator().manual_seed(0), []
    for user in range(200):
        seen = torch.randperm(120, generator=random)[:40].tolist()
        rows += [(user, item, "buy" if item % 4 == user % 4 else "view") for item in seen]
    log = pl.DataFrame(rows, schema=["user", "item", "event"], orient="row")
    events = {"column": "event", "weights": {"view": 1, "buy": 10}, "targets": ["buy"]}
    config = {"name": "ease", "scorer": {"kind": "ease", "l2": 20}}
    heavy, light = (
        train(config, data=Dataset.from_frame(log, events={**events, "weights": weights})).metrics["test"]
        for weights in ({"view": 1, "buy": 10}, {"view": 1, "buy": 1})
    )
    assert heavy["ndcg_at_10"] > 2 * light["ndcg_at_10"] > 0
