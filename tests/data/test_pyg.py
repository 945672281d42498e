"""The graph as PyG's HeteroData has the same edges and the features of the tables."""

from dataclasses import replace

import pytest
import torch

from reccl.data.dataset import Dataset

pytest.importorskip("torch_geometric")

from reccl.data.pyg import to_pyg_hetero


def test_it_has_the_training_edges_both_ways_sorted_by_row(planted_dataset: Dataset) -> None:
    made, graph = to_pyg_hetero(planted_dataset), planted_dataset.build_graph()
    forth, back = made["user", "rates", "item"].edge_index, made["item", "rated_by", "user"].edge_index
    assert torch.equal(forth.as_tensor(), torch.stack([graph.user, graph.item]).long())
    assert set(zip(*forth.tolist(), strict=True)) == {(user, item) for item, user in zip(*back.tolist(), strict=True)}
    assert (back[0].diff() >= 0).all()
    for edges in (forth, back):
        edges.validate()
    assert made.num_nodes == graph.num_nodes


def test_its_x_holds_numbers_categories_and_lists_of_every_node(planted_dataset: Dataset) -> None:
    made, features = to_pyg_hetero(planted_dataset), planted_dataset.build_feature_tables().encode_items()
    codes, size = features.categories["group"]
    _, words = features.lists["tags"]
    assert made["item"].x.shape == (120, 1 + size - 1 + words - 1)
    assert torch.equal(made["item"].x[:, :1], features.numbers)
    assert torch.equal(made["item"].x[:, 1:size].argmax(1) + 1, codes)


def test_nodes_without_features_are_counted_alone(planted_dataset: Dataset) -> None:
    made = to_pyg_hetero(replace(planted_dataset, user_table=None))
    assert "x" not in made["user"]
    assert made["user"].num_nodes == 200
