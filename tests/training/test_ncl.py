"""NCL's terms: a node and its even hops, a node and its cluster's center."""

import numpy as np
import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Encoder, EncoderSettings, LightGCN, MatrixFactorization
from reccl.errors import TrainingError
from reccl.losses import InfoNCE
from reccl.training import Objective, TermSettings
from reccl.training.terms import PrototypeContrast, StructuralContrast
from reccl.training.terms.prototype_contrast import Clusters, cluster_nodes


def built(encoder: EncoderSettings, data: Dataset, graph: Graph) -> Encoder:
    return encoder.build(graph, data.build_feature_tables(), torch.Generator().manual_seed(0))


def objective(graph: Graph, term: TermSettings) -> Objective:
    made = Objective({"only": term}, graph, torch.Generator().manual_seed(0))
    made.sample_views()
    return made


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


class TestStructuralContrast:
    def test_is_the_papers_sum_over_the_distinct_nodes_of_the_batch(
        self, planted_dataset: Dataset, planted_graph: Graph, batch: Batch
    ) -> None:
        encoder = built(LightGCN(dimension=8, layers=3), planted_dataset, planted_graph)
        start = encoder.nodes.detach().double().numpy()
        dense = planted_graph.adjacency.matrix.to_dense().double().numpy()
        after = dense @ dense @ start
        sides = []
        for nodes in (batch.user.unique().numpy(), planted_graph.num_users + batch.item.unique().numpy()):
            losses = []
            for node in nodes:
                similar = unit(start[nodes]) @ unit(after[[node]])[0]
                own = unit(start[[node]])[0] @ unit(after[[node]])[0]
                losses.append(-np.log(np.exp(own / 0.2) / np.exp(similar / 0.2).sum()))
            sides.append(np.mean(losses))
        term = StructuralContrast(weight=1.0, loss=InfoNCE(temperature=0.2), item_weight=0.5)
        found = objective(planted_graph, term)(encoder, batch)["only"].item()
        assert found == pytest.approx(sides[0] + 0.5 * sides[1], rel=1e-4)

    def test_says_so_where_the_encoder_has_no_such_layer(
        self, planted_dataset: Dataset, planted_graph: Graph, batch: Batch
    ) -> None:
        for encoder in (MatrixFactorization(dimension=8), LightGCN(dimension=8, layers=3)):
            with pytest.raises(TrainingError, match="uses layer 4"):
                objective(planted_graph, StructuralContrast(hops=4))(
                    built(encoder, planted_dataset, planted_graph), batch
                )

    def test_an_odd_number_of_hops_is_refused(self) -> None:
        with pytest.raises(ValueError, match="multiple of 2"):
            StructuralContrast(hops=3)


class TestPrototypeContrast:
    def test_is_the_papers_softmax_over_centers(
        self, planted_dataset: Dataset, planted_graph: Graph, batch: Batch
    ) -> None:
        encoder = built(MatrixFactorization(dimension=8), planted_dataset, planted_graph)
        step = objective(planted_graph, PrototypeContrast(weight=1.0, clusters=5, temperature=0.3, item_weight=0.5))
        found = step(encoder, batch)["only"].item()
        kept: dict[str, Clusters] = {side: clusters for (_, side), clusters in step.epoch_cache.items()}
        view = step.views["only"][0]
        embeddings, sides = encoder(view), []
        for side, rows, nodes in (
            ("users", embeddings.initial_users, batch.user.unique()),
            ("items", embeddings.initial_items, batch.item.unique()),
        ):
            vectors, centers = unit(rows(nodes).detach().double().numpy()), kept[side].centers.double().numpy()
            losses = [
                -np.log(np.exp(vector @ centers[own] / 0.3) / np.exp(centers @ vector / 0.3).sum())
                for vector, own in zip(vectors, kept[side].assignment[nodes].numpy(), strict=True)
            ]
            sides.append(np.mean(losses))
        assert found == pytest.approx(sides[0] + 0.5 * sides[1], rel=1e-4)

    def test_centers_stay_for_an_epoch_and_are_found_anew_in_the_next(
        self, planted_dataset: Dataset, planted_graph: Graph, batch: Batch
    ) -> None:
        encoder = built(MatrixFactorization(dimension=8), planted_dataset, planted_graph)
        step = objective(planted_graph, PrototypeContrast(clusters=5))
        first = step(encoder, batch)["only"]
        kept = dict(step.epoch_cache)
        assert torch.equal(step(encoder, batch)["only"], first)
        assert all(step.epoch_cache[key] is kept[key] for key in kept)
        step.sample_views()
        step(encoder, batch)
        assert all(step.epoch_cache[key] is not kept[key] for key in kept)

    def test_well_parted_groups_are_found(self) -> None:
        generator = torch.Generator().manual_seed(0)
        group = torch.arange(90) % 3
        table = torch.eye(3)[group] + 0.05 * torch.randn(90, 3, generator=generator)
        found = cluster_nodes(lambda rows: table if rows is None else table[rows], 3, generator)
        assert all(len(found.assignment[group == each].unique()) == 1 for each in range(3))
        torch.testing.assert_close(found.centers.norm(dim=1), torch.ones(3))

    def test_more_clusters_than_nodes_are_as_many_as_nodes(self) -> None:
        table = torch.eye(4)
        found = cluster_nodes(lambda rows: table, 10, torch.Generator().manual_seed(0))
        assert found.centers.shape == (4, 4)
