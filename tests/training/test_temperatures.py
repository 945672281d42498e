"""Temperatures: learned, scheduled, or read off the scores as Adap-tau does."""

import math

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Encoder
from reccl.losses import InfoNCE, NPair, Pairs, SameIdMask, Triplet, chunks
from reccl.training import Contrast, Objective, Ranking, TermSettings, Training, fit
from reccl.training.temperatures import (
    Adaptive,
    AnyTemperature,
    CosineStatistics,
    Learnable,
    Scheduled,
    TemperatureInput,
    TemperatureSettings,
)
from reccl.training.temperatures.cosine_statistics import measure_interactions, measure_two_views
from reccl.training.temperatures.modules.adaptive import anchor_losses, temperature_factors
from reccl.views import Plain

ROOM = AnyTemperature
B, M, D = 5, 7, 4


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pairs_of(anchors: int = B) -> Pairs:
    mask = SameIdMask(torch.arange(anchors), torch.arange(M))
    return Pairs(drawn(anchors, D, seed=1), drawn(anchors, D, seed=2), drawn(M, D, seed=3), mask)


def inputs(
    anchor: torch.Tensor, *, pairs: Pairs | None = None, separation: float = 0.5, log_odds: float = 4.0, progress=0.0
) -> TemperatureInput:
    return TemperatureInput(
        pairs or pairs_of(len(anchor)),
        anchor,
        "users",
        lambda: CosineStatistics(torch.tensor(separation), log_odds),
        progress,
    )


def objective_of(graph: Graph, term: TermSettings) -> Objective:
    return Objective({"only": term}, graph, torch.Generator().manual_seed(0))


def trained(graph: Graph, encoder: Encoder, term: TermSettings, **training: object) -> Objective:
    objective = objective_of(graph, term)
    how = Training(**{"epochs": 4, "batch_size": 700, "learning_rate": 0.01, **training})
    fit(encoder, objective, graph, how, seed=0)
    return objective


class TestContract:
    def test_builds_from_defaults_and_survives_its_own_dump(self, part: type[TemperatureSettings]) -> None:
        room = TypeAdapter(AnyTemperature)
        made = room.validate_python({"kind": part().kind})
        assert made == part()
        assert room.validate_python(room.dump_python(made, mode="json")) == made

    def test_refuses_keys_that_do_not_exist(self, part: type[TemperatureSettings]) -> None:
        with pytest.raises(ValidationError, match="unknown key 'valeu'"):
            part.model_validate({"valeu": 1})

    def test_is_above_zero_for_one_anchor_and_for_all(
        self, part: type[TemperatureSettings], planted_graph: Graph
    ) -> None:
        made = part().build(planted_graph)
        for anchor in (torch.tensor([3]), torch.arange(B)):
            for progress in (0.0, 0.5, 1.0):
                made.begin_epoch()
                found = made(inputs(anchor, progress=progress))
                assert found.shape in ((), anchor.shape)
                assert found.min() > 0

    def test_trains_in_every_term_that_takes_one(
        self, part: type[TemperatureSettings], planted_graph: Graph, encoder: Encoder
    ) -> None:
        for term in (Ranking(temperature=part()), Contrast(temperature=part())):
            before = encoder.nodes.detach().clone()
            trained(planted_graph, encoder, term, epochs=2)
            assert encoder.nodes.isfinite().all()
            assert not torch.equal(before, encoder.nodes)


class TestLearnable:
    def test_starts_at_its_initial_value_and_ends_above_the_floor_however_low_it_is_pushed(
        self, planted_graph: Graph
    ) -> None:
        made = Learnable(initial=0.3, floor=0.03).build(planted_graph)
        assert made(inputs(torch.arange(B))).item() == pytest.approx(0.3)
        pushed = torch.optim.SGD(made.parameters(), lr=100)
        for _ in range(5):
            pushed.zero_grad()
            made(inputs(torch.arange(B))).backward()
            pushed.step()
        assert 0.03 - 1e-6 < made(inputs(torch.arange(B))).item() < 0.05

    def test_its_gradient_is_the_slope_of_the_term(self, planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
        objective = objective_of(planted_graph, Ranking(temperature=Learnable(initial=0.4, floor=0.1)))
        objective.sample_views()
        objective(encoder, batch)["only"].backward()
        (log,) = objective.term_modules.parameters()
        values = []
        for moved in (0.01, -0.01):
            loss = InfoNCE(temperature=0.1 + math.exp(math.log(0.3) + moved))
            objective_moved = objective_of(planted_graph, Ranking(loss=loss))
            objective_moved.sample_views()
            values.append(objective_moved(encoder, batch)["only"].item())
        assert log.grad.item() == pytest.approx((values[0] - values[1]) / 0.02, rel=1e-2)

    def test_is_trained_with_the_encoder_and_does_not_decay(self, planted_graph: Graph, encoder: Encoder) -> None:
        objective = trained(planted_graph, encoder, Ranking(temperature=Learnable(initial=0.5)))
        assert abs(next(objective.term_modules.parameters()).item() - math.log(0.49)) > 0.01
        frozen = trained(
            planted_graph,
            encoder,
            Ranking(temperature=Learnable(initial=0.5)),
            optimizer="adamw",
            weight_decay=0.9,
            learning_rate=1e-12,
        )
        assert next(frozen.term_modules.parameters()).item() == pytest.approx(math.log(0.49))

    def test_an_initial_value_at_the_floor_is_refused(self) -> None:
        with pytest.raises(ValidationError, match=r"initial 0\.1 must be above floor 0\.1"):
            Learnable(initial=0.1, floor=0.1)


class TestScheduled:
    @pytest.mark.parametrize(
        ("shape", "middle"),
        [("linear", [0.7, 0.5, 0.3]), ("cosine", [0.78284, 0.5, 0.21716])],
    )
    def test_goes_from_first_to_last(self, shape: str, middle: list[float], planted_graph: Graph) -> None:
        made = Scheduled(first=0.9, last=0.1, shape=shape).build(planted_graph)
        found = [made(inputs(torch.arange(B), progress=share / 4)).item() for share in range(5)]
        assert found == pytest.approx([0.9, *middle, 0.1], rel=1e-4)

    def test_an_epoch_has_one_temperature_and_the_last_of_all_epochs_has_the_last(
        self, planted_graph: Graph, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = []

        def told(loss: InfoNCE, pairs: Pairs) -> torch.Tensor:
            seen.append(pairs.temperature.item())
            return loss.compute(pairs)

        monkeypatch.setattr(InfoNCE, "__call__", told)
        trained(planted_graph, encoder, Ranking(temperature=Scheduled(first=0.4, last=0.1)))
        assert seen == pytest.approx(np.repeat([0.4, 0.3, 0.2, 0.1], 4))


class TestSpread:
    def test_of_interactions_is_the_mean_cosine_of_edges_above_that_of_all_pairs(
        self, planted_graph: Graph, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reccl.training.temperatures.cosine_statistics.EDGES", 999)
        embeddings = encoder(Plain().sample(planted_graph, torch.Generator()))
        users, items = (side(None).detach().double().numpy() for side in (embeddings.users, embeddings.items))
        cosines = (users / np.linalg.norm(users, axis=1, keepdims=True)) @ (
            items / np.linalg.norm(items, axis=1, keepdims=True)
        ).T
        near = np.mean([cosines[u, i] for u, i in zip(planted_graph.user, planted_graph.item, strict=True)])
        found = measure_interactions(planted_graph, embeddings.users, embeddings.items)
        assert found.separation.item() == pytest.approx(near - cosines.mean(), rel=1e-4)
        assert found.log_odds == pytest.approx(np.log(cosines.size / (2 * len(planted_graph.user))))
        assert not found.separation.requires_grad

    def test_of_nodes_takes_each_node_with_itself_for_its_positive(self) -> None:
        x, y = torch.eye(6), torch.eye(6).roll(1, 0)
        found = measure_two_views(lambda _: x, lambda _: x)
        assert found.separation.item() == pytest.approx(1 - 1 / 6)
        assert found.log_odds == pytest.approx(math.log(3))
        assert measure_two_views(lambda _: x, lambda _: y).separation.item() == pytest.approx(-1 / 6)


class TestAdaptive:
    def test_without_persons_it_is_chens_closed_form(self, planted_graph: Graph) -> None:
        made = Adaptive(personal=False, warmup=0).build(planted_graph)
        assert made(inputs(torch.arange(B), separation=0.6, log_odds=5.0)).item() == pytest.approx(0.6 / 5)

    def test_untrained_embeddings_are_not_measured(self, planted_graph: Graph) -> None:
        made = Adaptive(personal=False, warmup=2).build(planted_graph)
        found = []
        for _ in range(4):
            made.begin_epoch()
            found.append(made(inputs(torch.arange(B), separation=0.2)).item())
        assert found == pytest.approx([0.7 / 4, 0.7 / 4, 0.2 / 4, 0.2 / 4])

    def test_is_measured_once_an_epoch_on_either_side(self, planted_graph: Graph) -> None:
        made, calls = Adaptive(warmup=0).build(planted_graph), []

        def statistics() -> CosineStatistics:
            calls.append(1)
            return CosineStatistics(torch.tensor(0.5), 4.0)

        for _ in range(2):
            made.begin_epoch()
            for side in ("users", "items", "users", "items"):
                made(TemperatureInput(pairs_of(), torch.arange(B), side, statistics, 0.0))
        assert len(calls) == 4

    @pytest.mark.parametrize("separation", [-0.3, 0.0, 1e-9, 2.0])
    def test_stays_in_its_range(self, planted_graph: Graph, separation: float) -> None:
        made = Adaptive(warmup=0, lowest=0.05, highest=0.4).build(planted_graph)
        for log_odds in (-1.0, 0.0, 1.0, 9.0):
            made.begin_epoch()
            found = made(inputs(torch.arange(B), separation=separation, log_odds=log_odds))
            assert found.min() >= 0.05 - 1e-6
            assert found.max() <= 0.4 + 1e-6

    @pytest.mark.parametrize("most", [1, 3 * M, 1 << 20])
    def test_hardness_is_the_loss_at_temperature_one(self, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chunks, "LOGITS", most)
        pairs = pairs_of()

        def cosine(x: torch.Tensor, y: torch.Tensor) -> float:
            a, b = x.double().numpy(), y.double().numpy()
            return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

        slow = [
            np.log(sum(np.exp(cosine(pairs.anchor[b], pairs.negatives[j])) for j in range(M) if j != b) / M)
            - cosine(pairs.anchor[b], pairs.positive[b])
            for b in range(B)
        ]
        assert anchor_losses(pairs).tolist() == pytest.approx(slow, rel=1e-5)

    @pytest.mark.parametrize("evenness", [0.05, 1.0])
    def test_factors_are_lamberts(self, evenness: float) -> None:
        sums, counts = torch.tensor([2.0, 9.0, 5.0, 0.0, 1.0]), torch.tensor([2.0, 3.0, 4.0, 0.0, 1.0])
        means = np.array([1.0, 3.0, 1.25, 1.0])

        def slow(loss: float) -> float:
            wanted = max((loss - means.mean()) / evenness, -1 / np.e)
            low, high = -1.0, 50.0
            for _ in range(200):
                middle = (low + high) / 2
                low, high = (middle, high) if middle * np.exp(middle) < wanted else (low, middle)
            return np.exp(low)

        expected = [slow(means[0]), slow(means[1]), slow(means[2]), 1.0, slow(means[3])]
        assert temperature_factors(sums, counts, evenness).tolist() == pytest.approx(expected, rel=1e-3)

    def test_nobody_seen_leaves_everybody_alike(self) -> None:
        assert temperature_factors(torch.zeros(3), torch.zeros(3), 1.0).tolist() == [1, 1, 1]

    def test_who_loses_more_than_others_gets_a_higher_temperature_in_the_next_epoch(self, planted_graph: Graph) -> None:
        made = Adaptive(warmup=0, evenness=0.1).build(planted_graph)
        pairs = pairs_of()
        same = Pairs(pairs.anchor, pairs.anchor, pairs.negatives, pairs.mask)
        apart = Pairs(pairs.anchor, -pairs.anchor, pairs.negatives, pairs.mask)
        made.begin_epoch()
        first = made(inputs(torch.arange(B), pairs=same, log_odds=5.0))
        made(inputs(torch.arange(B, 2 * B), pairs=apart, log_odds=5.0))
        assert first.tolist() == pytest.approx([0.1] * B)
        made.begin_epoch()
        near, far, new = (made(inputs(torch.arange(start, start + B), log_odds=5.0)) for start in (0, B, 2 * B))
        assert near.max() < 0.1 < far.min()
        assert new.tolist() == pytest.approx([0.1] * B)
        assert near.min() > 0

    def test_an_epoch_forgets_the_one_before(self, planted_graph: Graph) -> None:
        made = Adaptive().build(planted_graph)
        made.begin_epoch()
        made(inputs(torch.arange(B)))
        made.begin_epoch()
        assert len(made.users_factor.unique()) > 1
        made.begin_epoch()
        assert (made.users_factor == 1).all()

    def test_a_batch_of_one_has_no_negatives_and_changes_nothing(self, planted_graph: Graph) -> None:
        made = Adaptive(evenness=0.1).build(planted_graph)
        x = drawn(1, D)
        alone = Pairs(x, x, x, SameIdMask(torch.zeros(1), torch.zeros(1)))
        made.begin_epoch()
        assert made(inputs(torch.tensor([3]), pairs=alone)).isfinite().all()
        made.begin_epoch()
        assert (made.users_factor == 1).all()

    def test_users_of_a_trained_ranking_have_temperatures_of_their_own(
        self, planted_graph: Graph, encoder: Encoder
    ) -> None:
        objective = trained(planted_graph, encoder, Ranking(temperature=Adaptive(), symmetric=True))
        held = objective.modules_of("only")["temperature"]
        for factor in (held.users_factor, held.items_factor):
            assert factor.std() > 0.01
            assert factor.min() >= math.exp(-1) - 1e-6
        assert 0.03 < held.users_common < 1

    def test_gives_no_gradient_to_what_it_is_read_off(
        self, planted_graph: Graph, encoder: Encoder, batch: Batch
    ) -> None:
        objective = objective_of(planted_graph, Ranking(temperature=Adaptive(warmup=0, personal=False)))
        objective.begin_epoch(0)
        objective(encoder, batch)["only"].backward()
        found, encoder.nodes.grad = encoder.nodes.grad, None
        number = objective.modules_of("only")["temperature"].users_common.item()
        fixed = objective_of(planted_graph, Ranking(loss=InfoNCE(temperature=number)))
        fixed.sample_views()
        fixed(encoder, batch)["only"].backward()
        torch.testing.assert_close(found, encoder.nodes.grad)

    def test_a_range_upside_down_is_refused(self) -> None:
        with pytest.raises(ValidationError, match=r"lowest 0\.5 must not be above highest 0\.4"):
            Adaptive(lowest=0.5, highest=0.4)


class TestAgreement:
    def test_a_loss_without_temperature_refuses_one(self) -> None:
        with pytest.raises(ValidationError, match="loss 'triplet' has no temperature: leave the term's"):
            Ranking(loss=Triplet(), temperature=Learnable())

    def test_an_adaptive_temperature_wants_cosines(self) -> None:
        with pytest.raises(ValidationError, match="set similarity=cosine in the loss 'info_nce'"):
            Ranking(loss=InfoNCE(similarity="dot"), temperature=Adaptive())

    def test_a_loss_without_a_number_of_its_own_takes_a_given_one(
        self, planted_graph: Graph, encoder: Encoder, batch: Batch
    ) -> None:
        objective = objective_of(planted_graph, Ranking(loss=NPair(), temperature=Learnable(initial=1.5)))
        objective.sample_views()
        objective(encoder, batch)["only"].backward()
        (log,) = objective.term_modules.parameters()
        assert log.grad.abs() > 0
