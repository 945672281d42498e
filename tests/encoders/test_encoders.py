"""Encoders give the papers' embeddings, the same for some rows as for all, from their generator alone."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from reccl.data.dataset import Dataset
from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import AnyEncoder, Embeddings, Encoder, EncoderSettings, LightGCN, MatrixFactorization, TwoTower
from reccl.encoders.initialization import Normal, Xavier
from reccl.errors import DataError
from reccl.views import EdgeDrop, View

ROOM = AnyEncoder


def built(settings: EncoderSettings, graph: Graph, features: FeatureTables, seed: int = 0) -> Encoder:
    return settings.build(graph, features, torch.Generator().manual_seed(seed))


def dense(graph: Graph) -> np.ndarray:
    """The adjacency matrix of zeros and ones."""
    edge = np.zeros((graph.num_nodes, graph.num_nodes))
    edge[graph.user, graph.num_users + graph.item] = 1
    return edge + edge.T


def tables(embeddings: Embeddings) -> dict[str, torch.Tensor]:
    names = ("users", "items", "initial_users", "initial_items")
    return {name: getattr(embeddings, name)(None) for name in names}


class TestContract:
    def test_builds_from_defaults_and_survives_its_own_dump(self, part: type[EncoderSettings]) -> None:
        room = TypeAdapter(AnyEncoder)
        made = room.validate_python({"kind": part().kind})
        assert made == part()
        assert room.validate_python(room.dump_python(made, mode="json")) == made

    def test_refuses_keys_that_do_not_exist(self, part: type[EncoderSettings]) -> None:
        with pytest.raises(ValidationError, match="unknown key 'dimensions'; did you mean 'dimension'"):
            part.model_validate({"dimensions": 8})

    def test_gives_finite_embeddings_of_its_dimension_for_every_node(
        self, part: type[EncoderSettings], planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        embeddings = built(part(dimension=12), planted_graph, features)(view)
        assert embeddings.users(None).shape == (200, 12)
        assert embeddings.items(None).shape == (120, 12)
        assert all(table.isfinite().all() for table in tables(embeddings).values())

    def test_the_rows_asked_for_equal_those_of_all(
        self, part: type[EncoderSettings], planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        embeddings = built(part(), planted_graph, features).eval()(view)
        for name, table in tables(embeddings).items():
            for rows in (
                torch.tensor([5, 0, 5, 99]),
                torch.tensor([[1, 2, 3], [3, 7, 1]]),
                torch.tensor([], dtype=int),
            ):
                torch.testing.assert_close(getattr(embeddings, name)(rows), table[rows], msg=f"{name} at {rows.shape}")

    def test_every_parameter_has_a_finite_gradient(
        self, part: type[EncoderSettings], planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        encoder = built(part(), planted_graph, features)
        embeddings = encoder(view)
        (embeddings.users(None).square().sum() + embeddings.items(None).square().sum()).backward()
        for name, parameter in encoder.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name

    def test_starts_from_its_generator_alone(
        self, part: type[EncoderSettings], planted_graph: Graph, features: FeatureTables
    ) -> None:
        torch.manual_seed(1)
        first = built(part(), planted_graph, features).state_dict()
        torch.manual_seed(2)
        again, other = (built(part(), planted_graph, features, seed).state_dict() for seed in (0, 1))
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not all(torch.equal(first[name], other[name]) for name in first)

    def test_its_state_makes_another_one_equal(
        self, part: type[EncoderSettings], planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        one, other = (built(part(), planted_graph, features, seed).eval() for seed in (0, 1))
        other.load_state_dict(one.state_dict())
        for left, right in zip(tables(one(view)).values(), tables(other(view)).values(), strict=True):
            assert torch.equal(left, right)


class TestLightGCN:
    @pytest.mark.parametrize("layers", [0, 1, 3])
    @pytest.mark.parametrize("initial_weight", [0.0, 0.5, 1.0])
    def test_equals_the_papers_equation_in_dense_matrices(
        self, planted_graph: Graph, features: FeatureTables, view: View, layers: int, initial_weight: float
    ) -> None:
        encoder = built(LightGCN(dimension=8, layers=layers, initial_weight=initial_weight), planted_graph, features)
        edge = dense(planted_graph)
        scale = np.diag(edge.sum(1) ** -0.5)
        start = encoder.state_dict()["nodes"].double().numpy()
        hops = [np.linalg.matrix_power(scale @ edge @ scale, layer) @ start for layer in range(layers + 1)]
        weights = [initial_weight, *[1.0] * layers] if layers else [1.0]
        expected = sum(weight * hop for weight, hop in zip(weights, hops, strict=True)) / sum(weights)
        embeddings = encoder(view)
        found = torch.cat([embeddings.users(None), embeddings.items(None)]).detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize(("receiver", "sender"), [(0.6, -0.1), (0.5, 0.0), (1.0, 0.5)])
    @pytest.mark.parametrize("unit_norm", [False, True])
    def test_with_free_exponents_it_equals_lightgcn_plus_plus_in_dense_matrices(
        self,
        planted_graph: Graph,
        features: FeatureTables,
        view: View,
        receiver: float,
        sender: float,
        unit_norm: bool,
    ) -> None:
        gamma, layers = 0.2, 2
        settings = LightGCN(
            dimension=8,
            layers=layers,
            initial_weight=layers * gamma / (1 - gamma),
            receiver_exponent=receiver,
            sender_exponent=sender,
            unit_norm=unit_norm,
        )
        encoder = built(settings, planted_graph, features)
        edge = dense(planted_graph)
        degree = edge.sum(1, keepdims=True)
        start = hop = encoder.state_dict()["nodes"].double().numpy()
        hops = []
        for _ in range(layers):
            sent = hop / np.linalg.norm(hop, axis=1, keepdims=True) if unit_norm else hop
            hop = degree**-receiver * (edge @ (degree**-sender * sent))
            hops.append(hop)
        expected = gamma * start + (1 - gamma) * np.mean(hops, 0)
        embeddings = encoder(view)
        found = torch.cat([embeddings.users(None), embeddings.items(None)]).detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert encoder.state_dict().keys() == {"nodes"}

    def test_by_default_nothing_is_rescaled(self, planted_graph: Graph, features: FeatureTables, view: View) -> None:
        encoder = built(LightGCN(layers=1, initial_weight=0), planted_graph, features)
        once = view.propagate(encoder.state_dict()["nodes"], 0)
        assert torch.equal(encoder(view).users(None), once[:200])

    def test_the_initial_rows_are_layer_zero(self, planted_graph: Graph, features: FeatureTables, view: View) -> None:
        encoder = built(LightGCN(), planted_graph, features)
        embeddings = encoder(view)
        initial = torch.cat([embeddings.initial_users(None), embeddings.initial_items(None)])
        assert torch.equal(initial, encoder.state_dict()["nodes"])

    def test_another_view_gives_other_embeddings(
        self, planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        encoder = built(LightGCN(), planted_graph, features)
        dropped = EdgeDrop(rate=0.3).sample(planted_graph, torch.Generator().manual_seed(0))
        assert not torch.allclose(encoder(view).users(None), encoder(dropped).users(None))


class TestMatrixFactorization:
    def test_embeddings_are_the_parameters(self, planted_graph: Graph, features: FeatureTables, view: View) -> None:
        encoder = built(MatrixFactorization(), planted_graph, features)
        found = tables(encoder(view))
        assert found["users"] is found["initial_users"] is encoder.users
        assert found["items"] is found["initial_items"] is encoder.items


class TestTwoTower:
    def test_equals_the_perceptron_over_ids_features_and_numbers(
        self, planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        encoder = built(TwoTower(dimension=6, hidden=(5,), feature_dimension=3), planted_graph, features)
        tower, known = encoder.users, features.encode_users()
        codes, bags = known.categories["group"][0], known.lists["tags"][0]
        ids, group, tags, first, first_bias, second, second_bias = (
            dict(tower.named_parameters())[name].detach().numpy()
            for name in (
                *("ids", "words.0", "words.1"),
                *("network.0.weight", "network.0.bias", "network.2.weight", "network.2.bias"),
            )
        )
        expected = []
        for user in range(planted_graph.num_users):
            words = [tags[word] for word in bags[user].tolist() if word]
            mean = np.mean(words, 0) if words else np.zeros(3)
            inputs = np.concatenate([ids[user], group[codes[user]], mean, known.numbers[user].numpy()])
            inside = np.maximum(first @ inputs + first_bias, 0)
            expected.append(ids[user] + second @ inside + second_bias)
        found = encoder(view).users(None).detach().numpy()
        np.testing.assert_allclose(found, np.stack(expected), rtol=1e-4, atol=1e-5)

    def test_without_tables_it_has_ids_alone(self, planted_graph: Graph, planted_dataset: Dataset, view: View) -> None:
        bare = replace(planted_dataset, user_table=None, item_table=None)
        encoder = built(TwoTower(dimension=6, hidden=()), planted_graph, bare.build_feature_tables())
        assert encoder(view).items(None).shape == (120, 6)
        assert sum(parameter.numel() for parameter in encoder.items.parameters()) == 120 * 6 + 6 * 6 + 6

    def test_takes_the_columns_it_is_told(self, planted_graph: Graph, features: FeatureTables) -> None:
        encoder = built(TwoTower(user_features=("group",), item_features=()), planted_graph, features)
        assert (len(encoder.users.words), encoder.users.numbers) == (1, None)
        assert (len(encoder.items.words), encoder.items.numbers) == (0, None)
        with pytest.raises(DataError, match="no feature 'groups'; did you mean 'group'"):
            built(TwoTower(user_features=("groups",)), planted_graph, features)

    @pytest.mark.parametrize("name", ["type", "items", "release.year", "numbers", "keys", "größe"])
    def test_a_column_may_have_any_name(
        self, planted_graph: Graph, planted_dataset: Dataset, view: View, name: str
    ) -> None:
        table = planted_dataset.item_table.rename({"group": name, "tags": f"{name}s"})
        data = replace(planted_dataset, item_table=table)
        assert built(TwoTower(), planted_graph, data.build_feature_tables())(view).items(None).isfinite().all()

    def test_dropout_works_in_training_alone(self, planted_graph: Graph, features: FeatureTables, view: View) -> None:
        encoder = built(TwoTower(dropout=0.5), planted_graph, features)
        assert not torch.equal(encoder(view).users(None), encoder(view).users(None))
        encoder.eval()
        assert torch.equal(encoder(view).users(None), encoder(view).users(None))

    def test_a_node_never_trained_on_is_placed_by_its_features(
        self, planted_graph: Graph, planted_dataset: Dataset, view: View
    ) -> None:
        cold = planted_dataset.train.filter(pl.col("item") != 7)
        data = replace(planted_dataset, train=cold)
        encoder = built(TwoTower(), Graph.from_interactions(cold, 200, 120), data.build_feature_tables())
        encoder(view).items(torch.tensor([7])).sum().backward()
        assert encoder.items.network[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("dimension", [8, 64])
def test_initial_tables_have_the_spread_they_say(dimension: int) -> None:
    generator = torch.Generator().manual_seed(0)
    normal = Normal(deviation=0.3).sample_table(4000, dimension, generator)
    assert normal.mean().item() == pytest.approx(0, abs=0.01)
    assert normal.std().item() == pytest.approx(0.3, rel=0.02)
    xavier, bound = Xavier().sample_table(4000, dimension, generator), (6 / (4000 + dimension)) ** 0.5
    assert xavier.abs().max() <= bound
    assert xavier.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
