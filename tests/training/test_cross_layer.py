"""XSimGCL's term contrasts a node's final embedding with its own early one, in one pass."""

import pytest
import torch

from reccl.data.batches import iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import EncoderSettings, LightGCN, MatrixFactorization
from reccl.errors import TrainingError
from reccl.losses import InfoNCE
from reccl.training import CrossLayer, Objective
from reccl.views import Plain


def value(term: CrossLayer, encoder: EncoderSettings, data: Dataset, graph: Graph) -> torch.Tensor:
    objective = Objective({"cross": term}, graph, torch.Generator().manual_seed(0))
    objective.sample_views()
    built = encoder.build(graph, data.build_feature_tables(), torch.Generator().manual_seed(0))
    return objective(built, next(iterate_batches(graph, 64, torch.Generator().manual_seed(3))))["cross"]


def test_is_info_nce_between_the_final_and_the_early_layer(planted_dataset: Dataset, planted_graph: Graph) -> None:
    term = CrossLayer(weight=1.0, layer=1, view=Plain(), loss=InfoNCE(temperature=0.2))
    got = value(term, LightGCN(dimension=8, layers=2), planted_dataset, planted_graph)
    built = LightGCN(dimension=8, layers=2).build(
        planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(0)
    )
    x0 = built.nodes.detach()
    dense = planted_graph.adjacency.matrix.to_dense()
    x1, x2 = dense @ x0, dense @ dense @ x0
    final = (x0 + x1 + x2) / 3
    batch = next(iterate_batches(planted_graph, 64, torch.Generator().manual_seed(3)))
    expected = 0.0
    for nodes in (batch.user.unique(), planted_graph.num_users + batch.item.unique()):
        a, b = (torch.nn.functional.normalize(table[nodes], dim=1) for table in (final, x1))
        logits = a @ b.T / 0.2
        expected += torch.nn.functional.cross_entropy(logits, torch.arange(len(nodes)))
    assert torch.isclose(got, expected, atol=1e-5)


def test_says_so_where_the_encoder_has_no_such_layer(planted_dataset: Dataset, planted_graph: Graph) -> None:
    for encoder in (MatrixFactorization(dimension=8), LightGCN(dimension=8, layers=1)):
        with pytest.raises(TrainingError, match="uses layer 2"):
            value(CrossLayer(layer=2), encoder, planted_dataset, planted_graph)
