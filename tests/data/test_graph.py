"""The graph's sparse products are those of the dense matrix D^-1/2 A D^-1/2 of its distinct edges."""

import polars as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reccl.data.batches import iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.graph import Adjacency, Graph, normalize_adjacency

USERS, ITEMS = 6, 7
edges = st.lists(st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1)), min_size=1, max_size=40)


def graph_of(pairs: list[tuple[int, int]], users: int = USERS, items: int = ITEMS) -> Graph:
    table = pl.DataFrame(pairs, schema={"user": pl.Int32, "item": pl.Int32}, orient="row")
    return Graph.from_interactions(table, users, items)


def slow(pairs: list[tuple[int, int]], users: int = USERS, items: int = ITEMS) -> Tensor:
    """D^-1/2 A D^-1/2, densely; rows of nodes without edges are zero."""
    adjacency = torch.zeros(users + items, users + items)
    for user, item in pairs:
        adjacency[user, users + item] = adjacency[users + item, user] = 1
    degree = adjacency.sum(1)
    scale = torch.where(degree > 0, degree.clamp(min=1) ** -0.5, 0)
    return scale[:, None] * adjacency * scale[None, :]


def dense(adjacency: Adjacency) -> Tensor:
    return adjacency.matrix.to_dense()


@settings(max_examples=50, deadline=None)
@given(edges)
def test_adjacency_equals_the_dense_formula_and_is_symmetric(pairs: list[tuple[int, int]]) -> None:
    matrix = dense(graph_of(pairs).adjacency)
    torch.testing.assert_close(matrix, slow(pairs))
    assert torch.equal(matrix, matrix.T)
    assert torch.equal(matrix, dense(Adjacency(graph_of(pairs).adjacency.transpose, graph_of(pairs).adjacency.matrix)))


@settings(max_examples=50, deadline=None)
@given(edges)
def test_the_whole_adjacency_is_that_of_its_directed_edges_to_the_bit(pairs: list[tuple[int, int]]) -> None:
    graph = graph_of(pairs)
    slowly = normalize_adjacency(graph.row, graph.column, graph.num_nodes).matrix
    for ours, theirs in zip(compressed_rows(graph.adjacency.matrix), compressed_rows(slowly), strict=True):
        assert torch.equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def compressed_rows(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return matrix.crow_indices(), matrix.col_indices(), matrix.values()


@settings(max_examples=50, deadline=None)
@given(edges, st.randoms(use_true_random=False))
def test_parallel_edges_and_the_order_of_rows_change_nothing(pairs: list[tuple[int, int]], random) -> None:
    once, again = graph_of(sorted(set(pairs))), pairs + pairs
    random.shuffle(again)
    many = graph_of(again)
    for name in ("user", "item", "row", "column", "edge"):
        assert torch.equal(getattr(once, name), getattr(many, name))
    assert len(many.user) == len(set(pairs))


@settings(max_examples=50, deadline=None)
@given(edges, st.data())
def test_dropping_edges_equals_building_the_graph_from_those_kept(pairs: list[tuple[int, int]], data) -> None:
    graph = graph_of(pairs)
    dropped = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(graph.user), max_size=len(graph.user))))
    kept = list(zip(graph.user[~dropped].tolist(), graph.item[~dropped].tolist(), strict=True))
    torch.testing.assert_close(dense(graph.drop_edges(dropped)), slow(kept))


@settings(max_examples=25, deadline=None)
@given(edges, st.integers(1, 5))
def test_the_product_and_its_gradient_equal_dense_autograd(pairs: list[tuple[int, int]], dimension: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(USERS + ITEMS, dimension, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    upstream = torch.randn(USERS + ITEMS, dimension)
    adjacency, matrix = graph_of(pairs).adjacency, slow(pairs)
    fast, plain = adjacency @ (adjacency @ x), matrix @ (matrix @ y)
    torch.testing.assert_close(fast, plain)
    (fast * upstream).sum().backward()
    (plain * upstream).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_directed_edges_are_sorted_and_know_the_edge_that_they_are(planted_graph: Graph) -> None:
    graph = planted_graph
    keys = graph.row * graph.num_nodes + graph.column
    assert (keys.diff() > 0).all()
    assert torch.equal(graph.edge.bincount(), torch.full((len(graph.user),), 2))
    ends = torch.stack([graph.user[graph.edge], graph.item[graph.edge] + graph.num_users])
    assert torch.equal(torch.stack([graph.row, graph.column]).sort(0).values, ends)


def test_an_isolated_node_receives_nothing_and_is_no_nan() -> None:
    graph = graph_of([(0, 0)], users=2, items=3)
    out = graph.adjacency @ torch.ones(5, 2)
    assert out.tolist() == [[1, 1], [0, 0], [1, 1], [0, 0], [0, 0]]
    nothing = graph.drop_edges(torch.tensor([True])) @ torch.ones(5, 2)
    assert torch.equal(nothing, torch.zeros(5, 2))


def test_degrees_count_training_rows(planted_dataset: Dataset, planted_graph: Graph) -> None:
    for side, degree in (("user", planted_graph.user_degree), ("item", planted_graph.item_degree)):
        counted = dict(planted_dataset.train.group_by(side).len().rows())
        assert degree.tolist() == [counted.get(node, 0) for node in range(len(degree))]


def test_held_out_rows_are_no_edges(planted_dataset: Dataset, planted_graph: Graph) -> None:
    known = set(zip(planted_graph.user.tolist(), planted_graph.item.tolist(), strict=True))
    assert known == set(planted_dataset.train.select("user", "item").rows())
    assert not known & set(planted_dataset.test.select("user", "item").rows())


@settings(max_examples=50, deadline=None)
@given(edges)
def test_an_edge_is_had_exactly_where_it_was_given(pairs: list[tuple[int, int]]) -> None:
    asked = [[(user, item) in pairs for item in range(ITEMS)] for user in range(USERS)]
    assert graph_of(pairs).has_edge(torch.arange(USERS)[:, None], torch.arange(ITEMS)[None, :]).tolist() == asked


def test_the_normalize_adjacency_adjacency_is_computed_once(planted_graph: Graph) -> None:
    assert planted_graph.adjacency is planted_graph.adjacency
    assert planted_graph.to(torch.device("cpu")) is planted_graph


def test_the_users_of_an_item_are_those_who_have_it(planted_graph: Graph) -> None:
    turned = Graph.from_interactions(
        pl.DataFrame({"user": planted_graph.item.numpy(), "item": planted_graph.user.numpy()}),
        planted_graph.num_items,
        planted_graph.num_users,
    )
    assert torch.equal(planted_graph.item_users.start, turned.user_items.start)
    assert torch.equal(planted_graph.item_users.item, turned.user_items.item)


def test_edges_have_32_bits_and_their_keys_64() -> None:
    rows = pl.DataFrame({"user": [0, 70_000, 99_999], "item": [99_999, 5, 99_998]})
    graph = Graph.from_interactions(rows, 100_000, 100_000)  # 10 ** 10 pairs
    assert {graph.user.dtype, graph.item.dtype, graph.item_order.dtype, graph.row.dtype, graph.edge.dtype} == {
        torch.int32
    }
    asked = torch.tensor([0, 70_000, 99_999, 99_999], dtype=torch.int32), torch.tensor([99_999, 5, 99_998, 99_999])
    assert graph.has_edge(*asked).tolist() == [True, True, True, False]
    assert graph.user_items.item.dtype == torch.int64  # as models store it
    batch = next(iterate_batches(graph, 3, torch.Generator().manual_seed(0)))
    assert batch.user.dtype == batch.item.dtype == torch.int64
