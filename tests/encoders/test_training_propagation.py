"""Propagations of training steps: those of the full one where nothing is left out, right on average elsewhere."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from reccl.config import load, resolve
from reccl.data.batches import Batch, iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import ContentAligned, Encoder, LightGCN
from reccl.encoders.propagations import Cached, Full, Sampled
from reccl.errors import ConfigError, TrainingError
from reccl.losses import BPR, InfoNCE
from reccl.negatives import Uniform
from reccl.training import L2, FullSoftmax, Objective, Ranking, Training, fit
from reccl.training.fit import sum_losses
from reccl.views import EdgeDrop, Noise, View

PLUS = {"receiver_exponent": 0.6, "sender_exponent": -0.1, "initial_weight": 0.5}


def built(graph: Graph, features: FeatureTables, propagation: Cached | Full | Sampled, **more: Any) -> Encoder:
    settings = LightGCN(**{"dimension": 8, "layers": 2, "propagation": propagation} | more)
    return settings.build(graph, features, torch.Generator().manual_seed(0))


def batches(graph: Graph, size: int = 128) -> list[Batch]:
    return list(iterate_batches(graph, size, torch.Generator().manual_seed(1)))


def move(encoder: Encoder, seed: int) -> None:
    """A step of some optimizer."""
    with torch.no_grad():
        noise = torch.randn(encoder.nodes.shape, generator=torch.Generator().manual_seed(seed))
        encoder.nodes += 0.3 * noise


def rows_and_gradient(encoder: Encoder, view: View, batch: Batch) -> tuple[Tensor, Tensor]:
    """Embeddings [2B, D] of a batch's users and items, and the gradient of a linear function of them and of layer 0."""
    embeddings = encoder(view)
    found = torch.cat([embeddings.users(batch.user), embeddings.items(batch.item)])
    initial = torch.cat([embeddings.initial_users(batch.user), embeddings.initial_items(batch.item)])
    factor = torch.randn(found.shape, generator=torch.Generator().manual_seed(5))
    (gradient,) = torch.autograd.grad((found * factor + 0.1 * initial * factor).sum(), encoder.nodes)
    return found.detach(), gradient


@pytest.mark.parametrize(
    "propagation",
    [
        Cached(refresh=1),
        Sampled(neighbors=(10_000,)),
        Sampled(neighbors=(1,), refresh=1),
        Sampled(neighbors=(10_000, 10_000), refresh=3),
    ],
    ids=lambda part: f"{part}",
)
@pytest.mark.parametrize("more", [{}, PLUS, {"layers": 3}, {"layers": 0}], ids=["mean", "plus", "three", "none"])
class TestWhereNothingIsLeftOut:
    def test_values_and_gradients_are_those_of_full_propagation(
        self, propagation: Cached | Sampled, more: dict, planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        full, other = (built(planted_graph, features, kind, **more) for kind in (Full(), propagation))
        for seed, batch in enumerate(batches(planted_graph)[:4]):
            expected, got = (rows_and_gradient(encoder, view, batch) for encoder in (full, other))
            for one, two in zip(expected, got, strict=True):
                torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-5)
            for encoder in (full, other):
                move(encoder, seed)


class TestCached:
    def test_between_refreshes_the_own_row_is_live_and_the_neighbors_are_not(
        self, planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        encoder, matrix = built(planted_graph, features, Cached(refresh=3)), planted_graph.adjacency.matrix.to_dense()
        weight, start = 1 / 3, encoder.nodes.detach().clone()
        for step, batch in enumerate(batches(planted_graph)[:6]):
            if step == 3:
                start = encoder.nodes.detach().clone()
            nodes = torch.cat([batch.user, planted_graph.num_users + batch.item])
            behind = weight * (matrix @ start + matrix @ (matrix @ start))
            expected = (weight * encoder.nodes + behind)[nodes].detach()
            found, gradient = rows_and_gradient(encoder, view, batch)
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            if step not in (0, 3):
                outside = torch.ones(len(start), dtype=torch.bool)
                outside[nodes] = False
                assert not gradient[outside].any()
            move(encoder, step)

    def test_every_gradient_reaches_the_neighbors_once_by_the_next_refresh(
        self, planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        cached, full = (built(planted_graph, features, kind) for kind in (Cached(refresh=3), Full()))
        sums = [
            sum(rows_and_gradient(encoder, view, batch)[1] for batch in batches(planted_graph)[:7])
            for encoder in (cached, full)
        ]  # of a linear function, so that stale values give the same gradient
        torch.testing.assert_close(*sums, rtol=1e-4, atol=1e-5)

    def test_all_rows_are_the_same_as_each(self, planted_graph: Graph, features: FeatureTables, view: View) -> None:
        encoder = built(planted_graph, features, Cached(refresh=2))
        encoder(view)
        move(encoder, 0)
        embeddings = encoder(view)
        torch.testing.assert_close(embeddings.items(None), embeddings.items(torch.arange(planted_graph.num_items)))

    def test_a_new_epoch_begins_with_a_refresh(self, planted_graph: Graph, features: FeatureTables, view: View) -> None:
        encoder = built(planted_graph, features, Cached(refresh=100))
        encoder(view)
        move(encoder, 0)
        stale = encoder(view).users(None)
        encoder.train()
        assert not torch.allclose(encoder(view).users(None), stale)


class TestSampled:
    @pytest.mark.parametrize("refresh", [None, 2])
    @pytest.mark.parametrize("more", [{}, PLUS], ids=["mean", "plus"])
    def test_the_means_of_values_and_gradients_are_those_of_full_propagation(
        self, refresh: int | None, more: dict, planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        full = built(planted_graph, features, Full(), **more)
        sampled = built(planted_graph, features, Sampled(neighbors=(3, 2), refresh=refresh), **more)
        batch, found = batches(planted_graph, 16)[0], []
        for _ in range(400):
            if refresh:  # a refresh with other parameters, then what changed is sampled
                sampled.load_state_dict({"nodes": 0.5 * full.nodes.detach().flip(0)})
                rows_and_gradient(sampled, view, batch)
                sampled.load_state_dict(full.state_dict())
            found.append(rows_and_gradient(sampled, view, batch))
        for draws, expected in zip(
            map(torch.stack, zip(*found, strict=True)), rows_and_gradient(full, view, batch), strict=True
        ):
            error = draws.std(0) / len(draws) ** 0.5
            off = (draws.mean(0) - expected).abs() / (error + 1e-4)
            assert (draws.std(0) > 0).any()
            assert off.square().mean() < 1.3  # about 1 where the means are right
            assert off.max() < 6

    def test_a_refresh_makes_it_vary_less(self, planted_graph: Graph, features: FeatureTables, view: View) -> None:
        batch, spread = batches(planted_graph)[0], []
        for refresh in (None, 200):
            encoder = built(planted_graph, features, Sampled(neighbors=(2,), refresh=refresh))
            rows_and_gradient(encoder, view, batch)
            with torch.no_grad():
                encoder.nodes *= 1.1
            found = torch.stack([rows_and_gradient(encoder, view, batch)[0] for _ in range(30)])
            spread.append(float(found.var(0).mean()))
        assert spread[1] == pytest.approx(spread[0] * (0.1 / 1.1) ** 2, rel=0.2)

    def test_the_seed_decides(self, planted_graph: Graph, features: FeatureTables, view: View) -> None:
        batch = batches(planted_graph)[0]
        one, two = (rows_and_gradient(built(planted_graph, features, Sampled()), view, batch) for _ in range(2))
        assert torch.equal(one[0], two[0])
        assert torch.equal(one[1], two[1])

    def test_a_step_takes_no_more_entries_than_it_says(
        self, planted_graph: Graph, features: FeatureTables, view: View, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from reccl.encoders.modules import lightgcn

        taken = []

        def count(*given: Any) -> Any:
            sampled = sample(*given)
            taken.append(len(sampled.value))
            return sampled

        sample = lightgcn.sample_rows
        monkeypatch.setattr(lightgcn, "sample_rows", count)
        encoder = built(planted_graph, features, Sampled(neighbors=(3, 2)))
        encoder(view).users(torch.tensor([4, 4, 9]))
        assert taken == [2 * 3, taken[1]]
        assert taken[1] <= 2 * 3 * 2


@pytest.mark.parametrize("propagation", [Cached(refresh=4), Sampled(), Sampled(refresh=4)], ids=lambda part: f"{part}")
class TestTraining:
    def test_what_is_ranked_is_propagated_in_full(
        self, propagation: Cached | Sampled, planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        encoder, full = (built(planted_graph, features, kind) for kind in (propagation, Full()))
        encoder(view)
        move(encoder, 0)
        full.load_state_dict(encoder.state_dict())
        with torch.no_grad():
            assert torch.equal(encoder(view).users(None), full(view).users(None))
        assert torch.equal(encoder.eval()(view).items(None), full(view).items(None))

    @pytest.mark.parametrize(
        "ranking",
        [
            Ranking(loss=InfoNCE(temperature=0.2)),
            Ranking(loss=BPR(), negatives=Uniform(number=2)),
            FullSoftmax(candidates=40),
        ],
        ids=["in batch", "bpr", "full softmax"],
    )
    def test_it_learns_the_planted_blocks(
        self, propagation: Cached | Sampled, ranking: Any, planted_graph: Graph, features: FeatureTables, view: View
    ) -> None:
        def train() -> tuple[Encoder, list[Mapping[str, float]]]:
            encoder = built(planted_graph, features, propagation, dimension=16)
            objective = Objective({"ranking": ranking, "l2": L2()}, planted_graph, torch.Generator().manual_seed(0))
            settings = Training(epochs=6, batch_size=256, learning_rate=0.02, patience=None)
            fitted = fit(encoder, objective, planted_graph, settings, seed=0)
            return encoder, [epoch.losses for epoch in fitted.history]

        encoder, losses = train()
        with torch.no_grad():
            embeddings = encoder(view)
            best = (embeddings.users(None) @ embeddings.items(None).T).topk(5).indices  # [U, 5]
        block = best % 4 == torch.arange(planted_graph.num_users)[:, None] % 4
        assert block.float().mean() > 0.85
        assert losses[-1]["ranking"] < losses[0]["ranking"]
        assert train()[1] == losses


REFUSED = [
    ("objective.ranking.view.kind=edge_drop", r"objective\.ranking \(view edge_drop\)"),
    ("objective.ranking={kind: full_softmax}", r"objective\.ranking \(no candidates\)"),
    ("objective.ranking.queue=64", r"objective\.ranking \(a queue\)"),
    ("objective.contrast={kind: contrast}", r"objective\.contrast \(contrast\)"),
    ("objective.layers={kind: cross_layer}", r"objective\.layers \(cross_layer\)"),
]


class TestRefusal:
    @pytest.mark.parametrize(("change", "message"), REFUSED)
    @pytest.mark.parametrize("kind", ["cached", "sampled"])
    def test_terms_that_need_more_than_rows_are_named(self, kind: str, change: str, message: str) -> None:
        load("gowalla", [change])
        with pytest.raises(
            ConfigError, match=f"encoder.propagation.kind={kind} goes with .*{message}: set encoder"
        ) as e:
            load("gowalla", [change, f"encoder.propagation.kind={kind}"])
        assert "\n" not in str(e.value)

    def test_a_norm_is_not_linear(self) -> None:
        load("gowalla", ["encoder.unit_norm=true", "encoder.propagation.kind=cached"])
        with pytest.raises(ConfigError, match="unit_norm is not linear"):
            load("gowalla", ["encoder.unit_norm=true", "encoder.propagation.kind=sampled"])

    def test_several_processes_are_refused(self) -> None:
        from reccl.processes import check_processes

        experiment = load("gowalla", ["encoder.propagation.kind=cached"])
        with pytest.raises(ConfigError, match=r"encoder \(encoder.propagation.kind=cached\) cannot be trained by 2"):
            check_processes(experiment, 2)

    def test_content_aligned_refuses_it_as_a_base(self) -> None:
        with pytest.raises(ValueError, match=r"set base\.propagation\.kind=full"):
            ContentAligned(base=LightGCN(propagation=Sampled()))

    def test_a_pilots_candidates_are_checked_too(self) -> None:
        candidate = {"encoder.propagation.kind": "sampled", "objective.ranking.view.kind": "edge_drop"}
        with pytest.raises(ConfigError, match="view edge_drop"):
            resolve("gowalla", {"pilot": {"candidates": {"quick": candidate}}})

    @pytest.mark.parametrize("settings", [EdgeDrop(), Noise()], ids=["edges", "noise"])
    def test_a_view_in_a_loop_of_ones_own_is_refused_or_sampled_as_it_is(
        self, settings: Any, planted_graph: Graph, features: FeatureTables
    ) -> None:
        encoder, seen = built(planted_graph, features, Sampled()), settings.sample(planted_graph, torch.Generator())
        if isinstance(settings, Noise):
            with pytest.raises(TrainingError, match=r"encoder\.propagation\.kind=full"):
                encoder(seen)
        else:
            assert encoder(seen).users(torch.tensor([0])).shape == (1, 8)


def test_training_goes_on_where_it_stopped(
    planted_dataset: Dataset, planted_graph: Graph, features: FeatureTables
) -> None:
    from reccl.training.state import TrainingState

    def state(epochs: int, start: tuple | None = None) -> TrainingState:
        encoder = built(planted_graph, features, Sampled(refresh=5))
        objective = Objective({"ranking": Ranking()}, planted_graph, torch.Generator().manual_seed(0))
        settings = Training(epochs=4, batch_size=256, patience=None)
        made = TrainingState(encoder, objective, settings, 0, len(batches(planted_graph, 256)))
        if start:
            made.restore(*start)
        for number in range(epochs):
            objective.begin_epoch(number / 3)
            encoder.train()
            for batch in iterate_batches(planted_graph, 256, made.order):
                made.optimizer.zero_grad()
                sum_losses(objective(encoder, batch)).backward()
                made.optimizer.step()
                made.schedule.step()
        return made

    halfway = state(2)
    tensors, values = halfway.capture()
    kept = {name: tensor.clone() for name, tensor in tensors.items()}
    resumed, whole = state(2, (kept, values)), state(4)
    assert torch.equal(resumed.learned["encoder"].nodes, whole.learned["encoder"].nodes)
