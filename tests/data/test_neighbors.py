"""Sampled entries of a matrix's rows: whole rows where they are short, right on average where they are long."""

import pytest
import torch
from torch import Tensor

from reccl.data.graph import Graph
from reccl.data.neighbors import SampledRows, sample_rows


def dense(sampled: SampledRows, columns: int) -> Tensor:
    """[n, columns] with the sampled entries."""
    table = torch.zeros(len(sampled.nodes), columns).index_put((torch.arange(len(sampled.nodes)), sampled.nodes), ONE)
    return sampled @ table


ONE = torch.tensor(1.0)


def drawn(graph: Graph, number: int, seed: int = 0) -> Tensor:
    rows = torch.arange(graph.num_nodes)
    sampled = sample_rows(graph.adjacency.matrix, rows, number, torch.Generator().manual_seed(seed))
    return dense(sampled, graph.num_nodes)


def test_rows_that_are_short_enough_are_whole(planted_graph: Graph) -> None:
    whole = planted_graph.adjacency.matrix.to_dense()
    most = int((whole > 0).sum(1).max())
    assert torch.equal(drawn(planted_graph, most), whole)


def test_long_rows_have_that_many_draws_and_no_entry_of_another(planted_graph: Graph) -> None:
    whole = planted_graph.adjacency.matrix.to_dense()
    found, degree = drawn(planted_graph, 3), (whole > 0).sum(1)
    assert not (found[whole == 0]).any()
    draws = (found / whole).nan_to_num(0) / torch.where(degree > 3, degree / 3, 1)[:, None]  # times each was drawn
    assert torch.allclose(draws.sum(1), degree.clamp(max=3).float(), atol=1e-4)


def test_every_entry_is_right_on_average(planted_graph: Graph) -> None:
    whole, times = planted_graph.adjacency.matrix.to_dense(), 2000
    mean = torch.stack([drawn(planted_graph, 4, seed) for seed in range(times)]).mean(0)
    longest = int((whole > 0).sum(1).max())
    deviation = whole * (longest / 4 / times) ** 0.5  # at most: a count of draws of probability 4 / d, times d / 4
    assert ((mean - whole).abs() <= 6 * deviation + 1e-6).all()
    assert (mean - whole).abs().max() > 0


def test_the_seed_decides(planted_graph: Graph) -> None:
    assert torch.equal(drawn(planted_graph, 2, seed=1), drawn(planted_graph, 2, seed=1))
    assert not torch.equal(drawn(planted_graph, 2, seed=1), drawn(planted_graph, 2, seed=2))


def test_a_sum_varies_no_more_than_with_replacement(planted_graph: Graph) -> None:
    matrix, rows = planted_graph.adjacency.matrix, torch.tensor([planted_graph.num_users])
    x = torch.randn(planted_graph.num_nodes, 1, generator=torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(0)
    sums = torch.stack([(s := sample_rows(matrix, rows, 5, generator)) @ x[s.nodes] for _ in range(3000)])
    entries = matrix.to_dense()[rows[0]] * x[:, 0]
    entries = entries[matrix.to_dense()[rows[0]] > 0]
    with_replacement = len(entries) ** 2 / 5 * entries.var(correction=0)
    assert sums.var() <= 1.1 * with_replacement
    assert sums.mean() == pytest.approx(float(entries.sum()), abs=5 * float(with_replacement / 3000) ** 0.5)


def test_rows_without_entries_are_zero_and_there_may_be_none_at_all() -> None:
    matrix = torch.sparse_csr_tensor([0, 0, 1], [0], [2.0], (2, 2))
    generator = torch.Generator()
    assert dense(sample_rows(matrix, torch.tensor([0, 1, 0]), 1, generator), 2).tolist() == [[0, 0], [2, 0], [0, 0]]
    assert (sample_rows(matrix, torch.tensor([0]), 4, generator) @ torch.zeros(0, 3)).tolist() == [[0, 0, 0]]


def test_rows_and_columns_can_be_scaled(planted_graph: Graph) -> None:
    rows = torch.tensor([0, 201, 5])
    sampled = sample_rows(planted_graph.adjacency.matrix, rows, 3, torch.Generator().manual_seed(0))
    of_row, of_column = torch.rand(3) + 1, torch.rand(planted_graph.num_nodes) + 1
    scaled = sampled.scale_rows(of_row).scale_columns(of_column[sampled.nodes])
    expected = of_row[:, None] * dense(sampled, planted_graph.num_nodes) * of_column
    assert torch.allclose(dense(scaled, planted_graph.num_nodes), expected)
