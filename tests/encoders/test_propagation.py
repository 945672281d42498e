"""Rows of weighted sums of layers, and the one backward pass, are what torch's own lookups give."""

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding, normalize

from reccl.data.batches import iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import LightGCN
from reccl.encoders.propagation import Propagation
from reccl.losses import InfoNCE
from reccl.training import L2, Contrast, CrossLayer, Objective, Ranking
from reccl.training.fit import sum_losses
from reccl.views import EdgeDrop, LayerNoise, Noise, Plain, View

N, D, USERS = 30, 4, 12


MATRICES = [torch.rand(N, N, generator=torch.Generator().manual_seed(7 + hop)) / N for hop in range(2)]


def start() -> Tensor:
    return torch.randn(N, D, generator=torch.Generator().manual_seed(0), requires_grad=True)


def hops() -> list[Callable[[Tensor], Tensor]]:
    return [lambda x, matrix=matrix: matrix @ x.tanh() for matrix in MATRICES]


def lookups() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(N - USERS, size, generator=generator) for size in ((50,), (7, 3), (0,), (1,))]


def added(x: Tensor, rows: Tensor | None) -> Tensor:
    """A noise that knows a row by its number."""
    return x.add_((torch.arange(N) if rows is None else rows)[:, None] / N)


@pytest.mark.parametrize("weights", [(1 / 3, 1 / 3, 1 / 3), (0.0, 0.5, 0.5), (0.2, 0.4, 0.4), (0.0, 1.0, 0.0)])
@pytest.mark.parametrize("everything", [False, True], ids=["rows", "rows and all"])
@pytest.mark.parametrize("noise", [None, added], ids=["plain", "noisy"])
def test_rows_and_gradients_are_those_of_torch(
    weights: tuple[float, ...], everything: bool, noise: LayerNoise | None
) -> None:
    found = []
    for own in (False, True):
        leaf = start()
        if own:
            propagation = Propagation(leaf, hops(), [noise, noise])
            items, first = (propagation.rows_of(w, USERS, N - USERS) for w in (weights, (0.0, 1.0, 0.0)))
        else:
            tables = [leaf]
            for hop in hops():
                x = hop(tables[-1])
                tables.append(x if noise is None else x + noise(torch.zeros(N, D), None))
            whole = sum(weight * table for weight, table in zip(weights, tables, strict=True))[USERS:]
            items = lambda rows, whole=whole: whole if rows is None else embedding(rows, whole)  # noqa: E731
            first = lambda rows, table=tables[1][USERS:]: embedding(rows, table)  # noqa: E731
        found_rows = [items(rows) for rows in lookups()] + ([items(None)] if everything else [])
        found_rows.append(first(lookups()[0]))
        sum((answer.sin() * (place + 1)).sum() for place, answer in enumerate(found_rows)).backward()
        found.append([*found_rows, leaf.grad])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_the_backward_pass_may_run_twice_and_in_parts() -> None:
    leaf = start()
    side = Propagation(leaf, hops()).rows_of((1.0, 1.0, 1.0), 0, N)
    one, two = (side(torch.tensor(rows)).square().sum() for rows in ([1, 2], [2, 3]))
    parts = [torch.autograd.grad(part, leaf, retain_graph=True)[0] for part in (one, two)]
    for _ in range(2):
        both = torch.autograd.grad(one + two, leaf, retain_graph=True)[0]
        torch.testing.assert_close(both, parts[0] + parts[1])


def test_what_was_not_looked_up_has_no_gradient() -> None:
    leaf = start()
    side = Propagation(leaf, hops()).rows_of((0.0, 0.0, 0.0), 0, N)
    side(torch.tensor([1])).sum().backward()
    assert not leaf.grad.any()


def test_hops_run_when_they_are_needed_with_gradients_as_they_were_at_the_start() -> None:
    calls = []

    def hop(x: Tensor) -> Tensor:
        calls.append(torch.is_grad_enabled())
        return 2 * x

    with torch.no_grad():
        frozen = Propagation(start(), [hop]).rows_of((1.0, 1.0), 0, N)
    assert calls == []
    assert not frozen(torch.tensor([0])).requires_grad
    frozen(None)
    assert calls == [False]


def test_rows_that_are_looked_up_without_gradients_have_none() -> None:
    side = Propagation(start(), hops()).rows_of((1.0, 1.0, 1.0), 0, N)
    with torch.no_grad():
        assert not side(torch.tensor([0])).requires_grad
        assert not side(None).requires_grad
    assert side(torch.tensor([0])).requires_grad


def test_tables_are_freed_with_what_was_made_of_them() -> None:
    gc.collect()
    gc.disable()
    try:
        for back in (True, False):
            propagation = Propagation(start(), hops())
            value = propagation.rows_of((1.0, 1.0, 1.0), 0, N)(torch.tensor([1])).sum()
            if back:
                value.backward()
            tables = [weakref.ref(table) for step in propagation.state.steps for table in step]
            del propagation, value
            assert [table() for table in tables] == [None] * 4
    finally:
        gc.enable()


def in_plain_torch(nodes: Tensor, view: View, initial_weight: float) -> tuple[Tensor, Tensor]:
    """LightGCN's mean of two layers and its first layer, whole tables: [N, D], [N, D]."""
    x, matrix, layers = nodes, view.matrices[0].matrix.to_dense(), []
    for _ in range(2):
        x = matrix @ x
        if view.noise_sampler is not None:
            x = x + (view.noise_sampler()(x.detach().clone(), None) - x.detach())
        layers.append(x)
    return (initial_weight * nodes + layers[0] + layers[1]) / (2 + initial_weight), layers[0]


def info_nce_in_plain_torch(x: Tensor, y: Tensor, same: Tensor) -> Tensor:
    """Rows of x against rows of y, [n, D] each; `same` [n] ids whose likes are no negatives of each other."""
    logits = normalize(x) @ normalize(y).T / 0.2  # [n, n]
    hidden = (same[:, None] == same[None, :]) & ~torch.eye(len(same), dtype=torch.bool)
    return cross_entropy(logits.masked_fill(hidden, -torch.inf), torch.arange(len(same)))


@pytest.mark.parametrize("method", ["sgl", "simgcl", "xsimgcl"])
def test_a_step_has_the_losses_and_gradients_of_plain_torch(
    planted_graph: Graph, planted_dataset: Dataset, method: str
) -> None:
    view, loss, users = (
        EdgeDrop(rate=0.2) if method == "sgl" else Noise(length=0.1),
        InfoNCE(temperature=0.2),
        planted_graph.num_users,
    )
    contrast = (
        CrossLayer(weight=1, view=view, loss=loss)
        if method == "xsimgcl"
        else Contrast(weight=1, first=view, second=view, loss=loss)
    )
    ranking = Ranking(loss=loss, view=view if method == "xsimgcl" else Plain())
    generator = torch.Generator().manual_seed(0)
    objective = Objective({"ranking": ranking, "contrast": contrast, "l2": L2(weight=0.5)}, planted_graph, generator)
    objective.sample_views()
    settings = LightGCN(dimension=D, layers=2, initial_weight=1.0 if method == "sgl" else 0.0)
    encoder = settings.build(planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(1))
    batch = next(iterate_batches(planted_graph, 64, torch.Generator().manual_seed(3)))
    drawn = generator.get_state()
    values = objective(encoder, batch)
    sum_losses(values).backward()

    generator.set_state(drawn)
    nodes = encoder.nodes.detach().clone().requires_grad_()
    tables = {}
    for shown in (objective.views["ranking"][0], *objective.views["contrast"]):
        if shown not in tables:
            if shown.noise_sampler is not None:  # as at the epoch's first call
                shown.noise_sampler.starts.manual_seed(shown.noise_sampler.seed)
            tables[shown] = in_plain_torch(nodes, shown, settings.initial_weight)
    ranked, first = tables[objective.views["ranking"][0]][0], tables[objective.views["contrast"][0]][0]
    second = tables[objective.views["contrast"][-1]][1 if method == "xsimgcl" else 0]
    ends = batch.user, users + batch.item
    expected = {
        "ranking": info_nce_in_plain_torch(ranked[ends[0]], ranked[ends[1]], batch.item),
        "contrast": sum(
            info_nce_in_plain_torch(first[rows], second[rows], rows) for rows in (end.unique() for end in ends)
        ),
        "l2": 0.5 * sum(nodes[rows].square().sum() for rows in ends) / (2 * len(batch)),
    }
    sum(expected.values()).backward()
    for name, value in expected.items():
        torch.testing.assert_close(values[name], value, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(encoder.nodes.grad, nodes.grad, rtol=1e-4, atol=1e-5)


class Closed:
    """A matrix that nobody may propagation over."""

    edges = torch.empty(2, 0)

    def __matmul__(self, x: Tensor) -> Tensor:
        raise AssertionError("a hop")


def test_initial_embeddings_run_no_hop(planted_graph: Graph, planted_dataset: Dataset) -> None:
    encoder = LightGCN(dimension=D).build(
        planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(1)
    )
    embeddings = encoder(View((Closed(),)))
    rows = torch.tensor([2, 0])
    assert torch.equal(embeddings.initial_items(rows), encoder.nodes[planted_graph.num_users + rows])
    for asked in (embeddings.users, embeddings.layers[0].items):
        with pytest.raises(AssertionError, match="a hop"):
            asked(rows)


def test_noise_is_sampled_when_a_view_is_encoded_whatever_is_looked_up_first(
    planted_graph: Graph, planted_dataset: Dataset
) -> None:
    encoder = LightGCN(dimension=D).build(
        planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(1)
    )
    found = []
    for turned in (False, True):
        generator = torch.Generator().manual_seed(0)
        encoded = [encoder(Noise().sample(planted_graph, generator)) for _ in range(2)]
        first, second = (each.users(None) for each in (encoded[::-1] if turned else encoded))
        found.append((second, first) if turned else (first, second))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert not torch.equal(*found[0])
