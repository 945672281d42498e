"""Nodes that are trained on keep the base's embeddings; the others are placed by their features."""

from dataclasses import replace
from typing import get_args

import polars as pl
import pytest
import torch
from pydantic import ValidationError

from reccl.data.dataset import Dataset
from reccl.data.features import FeatureSchema
from reccl.data.graph import Graph
from reccl.encoders import AnyEncoder, ContentAligned, EncoderSettings, LightGCN, MatrixFactorization, TwoTower
from reccl.scorers import EmbeddingScorer
from reccl.views import Plain


@pytest.fixture
def cold(planted_dataset: Dataset) -> Dataset:
    """Item 7 and user 3 are not trained on."""
    train = planted_dataset.train.filter((pl.col("item") != 7) & (pl.col("user") != 3))
    return replace(planted_dataset, train=train)


def built(settings: EncoderSettings, data: Dataset):
    graph = Graph.from_interactions(data.train, 200, 120)
    encoder = settings.build(graph, data.build_feature_tables(), torch.Generator().manual_seed(0))
    return encoder, Plain().sample(graph, torch.Generator()), graph


def test_its_base_may_be_any_other_encoder_of_the_index() -> None:
    kinds = {part.model_fields["kind"].default for part in get_args(get_args(AnyEncoder)[0])}
    assert len(kinds) > 5
    for kind in kinds - {"content_aligned"}:
        assert ContentAligned.model_validate({"base": {"kind": kind}}).base.kind == kind
    with pytest.raises(ValidationError, match="cannot be its own base"):
        ContentAligned(base=ContentAligned())


@pytest.mark.parametrize("base", [LightGCN(), MatrixFactorization(), TwoTower()], ids=lambda base: base.kind)
def test_trained_nodes_are_the_bases_and_untrained_ones_the_towers(cold: Dataset, base: EncoderSettings) -> None:
    encoder, view, _ = built(ContentAligned(base=base, dimension=8), cold)
    found = encoder.eval()(view)
    own, graph = encoder.base(view), encoder.items.matrix
    trained = torch.arange(120) != 7
    torch.testing.assert_close(found.items(None)[trained], own.items(None)[trained])
    torch.testing.assert_close(found.items(None)[7], encoder.items.network(graph[7]))
    torch.testing.assert_close(found.users(torch.tensor([3]))[0], encoder.users.network(encoder.users.matrix[3]))


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_its_towers_place_a_table_where_the_scorer_has_the_untrained_nodes(cold: Dataset, similarity: str) -> None:
    encoder, view, graph = built(ContentAligned(dimension=8), cold)
    found, settings = encoder.eval()(view), EmbeddingScorer(similarity=similarity)
    scorer, towers = settings.build(graph, found), settings.towers(found)
    torch.testing.assert_close(towers.items.embed(cold.item_table[7]), scorer.item_embeddings[7:8])
    torch.testing.assert_close(towers.users.embed(cold.user_table[3]), scorer.user_embeddings[3:4])


def test_in_training_a_share_of_the_trained_nodes_is_placed_by_features(cold: Dataset) -> None:
    encoder, view, _ = built(ContentAligned(dimension=8, replaced=0.5, dropout=0), cold)
    found = encoder(view)
    by_features = (found.items(None) == found.content_only.items(None)).all(1)
    assert 30 < by_features.sum() < 90
    assert torch.equal(found.items(None)[~by_features], found.graph_only.items(None)[~by_features])


def test_a_side_without_features_keeps_the_base(planted_dataset: Dataset) -> None:
    bare = replace(planted_dataset, user_table=None)
    encoder, view, _ = built(ContentAligned(dimension=8), bare)
    found = encoder.eval()(view)
    assert found.towers.users is None
    assert found.content_only.users is None
    assert torch.equal(found.users(None), encoder.base(view).users(None))


def test_two_towers_give_untrained_nodes_no_part_of_their_ids(cold: Dataset) -> None:
    encoder, view, _ = built(TwoTower(dimension=8), cold)
    before = encoder(view).items(None)
    with torch.no_grad():
        encoder.items.ids.add_(1)
    moved = (encoder(view).items(None) != before).any(1)
    assert moved.sum() == 119
    assert not moved[7]


def test_two_towers_drop_ids_in_training_alone(cold: Dataset) -> None:
    encoder, view, _ = built(TwoTower(dimension=8, hidden=(), id_dropout=1.0), cold)
    told = encoder(view).items(None)
    with torch.no_grad():
        encoder.items.ids.add_(1)
    assert torch.equal(encoder(view).items(None), told)
    assert not torch.equal(encoder.eval()(view).items(None), told)


SCHEMAS = {
    "inferred": {},
    "others": {
        "group": {"kind": "categorical", "unknown": True, "min_count": 25},
        "tags": {"kind": "multi_hot", "normalize": False},
        "size": {"kind": "bins", "number": 3},
    },
    "prefix": {"group": {"kind": "prefix", "length": 2}, "tags": {"kind": "multi_hot", "normalize": "length"}},
    "numbers": {"group": None, "tags": None},
}


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("hidden", [(), (7, 5)], ids=["linear", "deep"])
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_two_towers_place_a_table_where_the_scorer_has_the_untrained_nodes(
    cold: Dataset, schema: dict, hidden: tuple[int, ...], similarity: str
) -> None:
    features = FeatureSchema.model_validate({"users": schema, "items": schema})
    data = replace(cold, features=features)
    encoder, view, graph = built(TwoTower(dimension=8, hidden=hidden, feature_dimension=3), data)
    with torch.no_grad():
        for bias in (layer.bias for tower in (encoder.users, encoder.items) for layer in tower.network[::2]):
            bias.normal_()
    found, settings = encoder.eval()(view), EmbeddingScorer(similarity=similarity)
    scorer, towers = settings.build(graph, found), settings.towers(found)
    torch.testing.assert_close(towers.items.embed(cold.item_table[7]), scorer.item_embeddings[7:8])
    torch.testing.assert_close(towers.users.embed(cold.user_table[3]), scorer.user_embeddings[3:4])
    encoder.users.trained[:], encoder.items.trained[:] = False, False
    unknown = settings.build(graph, encoder(view))
    torch.testing.assert_close(towers.items.embed(cold.item_table), unknown.item_embeddings)
    torch.testing.assert_close(towers.users.embed(cold.user_table), unknown.user_embeddings)


def test_two_towers_place_what_is_missing_or_new_as_unknown(cold: Dataset) -> None:
    encoder, view, _ = built(TwoTower(dimension=8, user_features=("group", "tags")), cold)
    tower = encoder.eval()(view).towers.users
    strange = pl.DataFrame({"group": ["g99", None], "tags": [["t99"], []]})
    made = tower.embed(strange)
    inputs = torch.cat([torch.zeros(8), encoder.users.words[0][0], torch.zeros(16)])
    torch.testing.assert_close(made, encoder.users.network(inputs).expand(2, -1))
    assert encoder.train()(view).towers.users is None


def test_two_towers_without_features_place_nobody(cold: Dataset) -> None:
    encoder, view, _ = built(TwoTower(dimension=8, item_features=()), cold)
    towers = encoder.eval()(view).towers
    assert towers.items is None
    assert towers.users is not None
