"""PyG: the training graph as a torch_geometric HeteroData, for models that are written against it."""

from typing import TYPE_CHECKING

import torch

from reccl.data.dataset import Dataset
from reccl.data.features import EncodedFeatures

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData


def to_pyg_hetero(data: Dataset) -> "HeteroData":
    """Node types `user` and `item`, edges `(user, rates, item)` and their reverse, from training rows only.

    Edge indices are `EdgeIndex` tensors sorted by row, so that PyG's fast sparse products apply. `x` holds the numbers,
    one-hot categories and multi-hot lists of each node where there are features; `num_nodes` is set either way. Edges
    have `edge_weight` where interactions have weights.
    """
    from torch_geometric import EdgeIndex
    from torch_geometric.data import HeteroData

    graph, tables, made = data.build_graph(), data.build_feature_tables(), HeteroData()
    sides = (("user", graph.num_users, tables.encode_users()), ("item", graph.num_items, tables.encode_items()))
    for name, count, features in sides:
        made[name].num_nodes = count
        if (x := to_dense(features)) is not None:
            made[name].x = x
    forth = torch.stack([graph.user, graph.item]).long()  # [2, E] sorted by user
    back = forth.flip(0)[:, graph.item_order]  # [2, E] sorted by item
    sizes = (graph.num_users, graph.num_items)
    made["user", "rates", "item"].edge_index = EdgeIndex(forth, sparse_size=sizes, sort_order="row")
    made["item", "rated_by", "user"].edge_index = EdgeIndex(back, sparse_size=sizes[::-1], sort_order="row")
    if graph.edge_weight is not None:
        made["user", "rates", "item"].edge_weight = graph.edge_weight
        made["item", "rated_by", "user"].edge_weight = graph.edge_weight[graph.item_order]
    return made


def to_dense(features: EncodedFeatures) -> torch.Tensor | None:
    """All features of n nodes side by side, [n, F]; None where there are none."""
    parts = [] if features.numbers is None else [features.numbers]
    for codes, size in features.categories.values():
        parts.append(torch.nn.functional.one_hot(codes, size)[:, 1:].float())  # [n, size - 1]; 0 is unknown
    for codes, size in features.lists.values():
        bag = torch.zeros(len(codes), size).scatter_(1, codes, 1.0)  # [n, size]
        parts.append(bag[:, 1:])
    return torch.cat(parts, 1) if parts else None
