"""A trailing encoder is the exponential mean of the encoder; a queue holds its newest keys, first in, first out."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import AnyEncoder, Encoder, EncoderSettings, LightGCN
from reccl.errors import TrainingError
from reccl.losses import InfoNCE, Pairs, SameIdMask
from reccl.negatives import Mixed, NegativesSettings, Popularity, Uniform
from reccl.training import Callback, Contrast, Objective, Ranking, TermSettings, Training, fit
from reccl.training.momentum import MomentumEncoder
from reccl.training.queue import Queue
from reccl.training.terms import Bootstrap
from reccl.training.terms.ranking import append_queue
from reccl.views import Plain

ROOM = AnyEncoder


class Recorder(Callback):
    """Remembers the encoder's first parameter after every step."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.states = encoder, [copied(encoder)]

    def on_step_end(self) -> None:
        self.states.append(copied(self.encoder))


def copied(encoder: Encoder) -> np.ndarray:
    return next(encoder.parameters()).detach().double().numpy().copy()


def objective_of(graph: Graph, **terms: TermSettings) -> Objective:
    made = Objective(terms, graph, torch.Generator().manual_seed(0))
    made.sample_views()
    return made


def trained(graph: Graph, encoder: Encoder, terms: dict[str, TermSettings], **more: object) -> Objective:
    objective = objective_of(graph, **terms)
    how = Training(epochs=3, batch_size=700, learning_rate=0.05)
    fit(encoder, objective, graph, how, seed=0, **{"callback": Recorder(encoder), **more})
    return objective


class TestMomentumEncoder:
    @pytest.mark.parametrize("momentum", [0.0, 0.9, 0.995])
    def test_equals_the_mean_by_hand_over_all_steps(
        self, momentum: float, planted_graph: Graph, encoder: Encoder
    ) -> None:
        recorder = Recorder(encoder)
        objective = trained(planted_graph, encoder, {"only": Bootstrap(momentum=momentum)}, callback=recorder)
        mean = recorder.states[0]
        for state in recorder.states[1:]:
            mean = momentum * mean + (1 - momentum) * state
        assert len(recorder.states) == 13
        np.testing.assert_allclose(copied(objective.modules_of("only")["target"].encoder), mean, rtol=1e-4, atol=1e-6)

    def test_follows_any_encoder_and_takes_no_gradient(
        self, part: type[EncoderSettings], planted_graph: Graph, planted_dataset: Dataset, batch: Batch
    ) -> None:
        random = torch.Generator().manual_seed(0)
        online = part().build(planted_graph, planted_dataset.build_feature_tables(), random)
        target, view = MomentumEncoder(online, 0.75), Plain().sample(planted_graph, random)
        found = target(view).users(batch.user)
        torch.testing.assert_close(found, online.eval()(view).users(batch.user))
        assert not found.requires_grad
        before = [parameter.clone() for parameter in target.parameters()]
        with torch.no_grad():
            for parameter in online.parameters():
                parameter.add_(1)
        target.after_step(online)
        for old, new in zip(before, target.parameters(), strict=True):
            torch.testing.assert_close(new, old + 0.25)

    def test_is_not_trained_itself(self, planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
        objective = objective_of(planted_graph, only=Contrast(momentum=0.9))
        objective(encoder, batch)["only"].backward()
        assert all(parameter.grad is None for parameter in objective.term_modules.parameters())
        assert encoder.nodes.grad.abs().sum() > 0

    def test_with_equal_encoders_a_contrast_has_the_same_value_but_gradients_of_one_side_only(
        self, planted_graph: Graph, encoder: Encoder, batch: Batch
    ) -> None:
        views = {"first": Plain(), "second": Plain()}
        gradients = []
        for momentum in (None, 0.9):
            encoder.zero_grad()
            loss = objective_of(planted_graph, only=Contrast(momentum=momentum, **views))(encoder, batch)["only"]
            loss.backward()
            gradients.append((loss.item(), encoder.nodes.grad.clone()))
        assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-6)
        assert not torch.allclose(gradients[0][1], gradients[1][1], atol=1e-6)


class TestQueue:
    def queue(self, size: int = 5) -> Queue:
        table = torch.arange(20.0)[:, None].expand(20, 3)
        return Queue(lambda rows: table[rows], 20, size, torch.Generator().manual_seed(0))

    def test_starts_with_keys_of_the_nodes_that_it_names(self) -> None:
        queue = self.queue()
        assert queue.keys[:, 0].tolist() == queue.nodes.tolist()
        assert len(queue.nodes.unique()) > 1

    @pytest.mark.parametrize("sizes", [[2, 2, 2], [5, 5], [1] * 11, [3, 4, 1], [8], [4, 12, 3]])
    def test_is_first_in_first_out(self, sizes: list[int]) -> None:
        queue = self.queue()
        expected = list(zip(queue.keys[:, 0].tolist(), queue.nodes.tolist(), strict=True))
        count = 100
        for size in sizes:
            nodes = torch.arange(count, count + size)
            queue.enqueue_after_step((nodes * 2.0)[:, None].expand(size, 3), nodes)
            queue.after_step(None)
            expected = [*expected, *((2.0 * node, node) for node in range(count, count + size))][-5:]
            count += size
        order = (queue.place + torch.arange(5)) % 5
        found = list(zip(queue.keys[order, 0].tolist(), queue.nodes[order].tolist(), strict=True))
        assert found == expected if max(sizes) <= 5 else sorted(found) == sorted(expected)

    def test_what_a_step_offers_joins_after_it_once(self) -> None:
        queue = self.queue()
        before = queue.nodes.clone()
        queue.enqueue_after_step(torch.ones(2, 3, requires_grad=True) * 2, torch.tensor([100, 101]))
        assert torch.equal(queue.nodes, before)
        queue.after_step(None)
        queue.after_step(None)
        assert (queue.nodes >= 100).sum() == 2
        assert not queue.keys.requires_grad


class TestMoCo:
    def test_a_contrast_adds_the_queues_keys_but_never_a_key_of_the_node_itself(
        self, planted_graph: Graph, encoder: Encoder, batch: Batch
    ) -> None:
        moco = Contrast(weight=1, first=Plain(), second=Plain(), momentum=0.9, queue=300)
        objective = objective_of(planted_graph, only=moco)
        found = objective(encoder, batch)["only"].item()
        parts, expected = objective.modules_of("only"), 0.0
        whole = encoder(Plain().sample(planted_graph, torch.Generator()))
        for nodes, rows, queue in (
            (batch.user.unique(), whole.users, parts["user_keys"]),
            (batch.item.unique(), whole.items, parts["item_keys"]),
        ):
            unit, keys = (torch.nn.functional.normalize(x).detach().double().numpy() for x in (rows(nodes), queue.keys))
            losses = []
            for place, node in enumerate(nodes.tolist()):
                others = [unit[j] @ unit[place] for j in range(len(unit)) if j != place]
                others += [key @ unit[place] for key, of in zip(keys, queue.nodes.tolist(), strict=True) if of != node]
                losses.append(np.log(1 + np.exp((np.array(others) - 1) / 0.2).sum()))
            assert len(set(queue.nodes.tolist()) & set(nodes.tolist())) > 0
            expected += np.mean(losses)
        assert found == pytest.approx(expected, rel=1e-5)

    def test_a_ranking_adds_them_to_the_batchs_items_with_their_chances(
        self, planted_graph: Graph, encoder: Encoder, batch: Batch
    ) -> None:
        loss = InfoNCE(popularity_correction=1.0)
        objective = objective_of(planted_graph, only=Ranking(loss=loss, queue=50))
        found = objective(encoder, batch)["only"].item()
        queue = objective.modules_of("only")["queue"]
        whole = encoder(Plain().sample(planted_graph, torch.Generator()))
        users, items = whole.users(batch.user), whole.items(batch.item)
        log_q = (planted_graph.item_degree / len(planted_graph.user)).log()
        nodes = torch.cat([batch.item, queue.nodes])
        negatives = torch.cat([items, queue.keys])
        expected = loss(Pairs(users, items, negatives, SameIdMask(batch.item, nodes), log_q[batch.item], log_q[nodes]))
        assert found == pytest.approx(expected.item(), rel=1e-6)

    @pytest.mark.parametrize(
        "negatives", [Mixed(number=70), Popularity(number=70, shared=True), Uniform(number=70, shared=True)]
    )
    def test_beside_other_negatives_a_candidates_chance_is_that_of_the_mixture(
        self, negatives: NegativesSettings, planted_graph: Graph, batch: Batch
    ) -> None:
        sample = negatives.sample(batch, planted_graph, torch.Generator().manual_seed(0))
        nodes = torch.zeros(30, dtype=torch.long)
        popularity = planted_graph.item_degree / len(planted_graph.user)
        number = len(sample.items)
        expected = (number * sample.log_q.exp() + 30 * popularity) / (number + 30)
        found = append_queue(sample, nodes, planted_graph)
        torch.testing.assert_close(found.log_q.exp(), expected, check_dtype=False)
        assert found.log_q.exp().sum().item() == pytest.approx(1)

    def test_after_a_step_the_queue_holds_the_batchs_keys(
        self, planted_graph: Graph, encoder: Encoder, batch: Batch
    ) -> None:
        objective = objective_of(planted_graph, only=Ranking(queue=100))
        objective(encoder, batch)
        queue = objective.modules_of("only")["queue"]
        items = objective.modules_of("only")["target"](Plain().sample(planted_graph, torch.Generator())).items(
            batch.item
        )
        objective.after_step(encoder)
        assert torch.equal(queue.nodes[:64], batch.item)
        torch.testing.assert_close(queue.keys[:64], items)

    def test_negatives_of_each_row_alone_refuse_a_queue(
        self, planted_graph: Graph, encoder: Encoder, batch: Batch
    ) -> None:
        with pytest.raises(TrainingError, match=r"use negatives\.kind=in_batch or negatives\.shared=true"):
            objective_of(planted_graph, only=Ranking(negatives=Uniform(), queue=8))(encoder, batch)

    def test_a_queue_without_momentum_is_refused(self) -> None:
        with pytest.raises(ValidationError, match=r"set momentum, 0\.99 for example"):
            Contrast(queue=8)


class TestState:
    TERMS: ClassVar = {
        "items": Ranking(queue=50, temperature={"kind": "learnable"}),
        "my.views": Contrast(momentum=0.9, queue=30, temperature={"kind": "adaptive"}),
    }

    def test_is_restored_with_the_best_epoch_and_kept_with_it(self, planted_graph: Graph, encoder: Encoder) -> None:
        states, objective = [], objective_of(planted_graph, **self.TERMS)

        def validate(_: Encoder) -> dict[str, float]:
            states.append({name: tensor.clone() for name, tensor in objective.term_modules.state_dict().items()})
            return {"ndcg_at_10": [0.1, 0.9, 0.2][len(states) - 1]}

        how = Training(epochs=3, batch_size=700, learning_rate=0.05)
        recorder = Recorder(encoder)
        kept = fit(encoder, objective, planted_graph, how, seed=0, callback=recorder, validate=validate).state
        now = objective.term_modules.state_dict()
        assert now.keys() == states[1].keys()
        assert all(torch.equal(now[name], states[1][name]) for name in now)
        assert not all(torch.equal(now[name], states[2][name]) for name in now)
        assert all(torch.equal(kept[f"objective.{name}"], now[name]) for name in now)
        assert kept.keys() == {f"objective.{name}" for name in now} | {"encoder.nodes"}

    def test_a_seed_repeats_it(self, planted_graph: Graph, planted_dataset: Dataset) -> None:
        runs = []
        for _ in range(2):
            generator = torch.Generator().manual_seed(0)
            online = LightGCN(dimension=8).build(planted_graph, planted_dataset.build_feature_tables(), generator)
            runs.append(trained(planted_graph, online, self.TERMS).term_modules.state_dict())
        assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
