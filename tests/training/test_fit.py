"""The loop does what a plain loop does, keeps the best epoch, repeats by its seed, and stops when told."""

import itertools
from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from reccl.data.batches import iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Encoder, LightGCN, TwoTower
from reccl.errors import TrainingError
from reccl.training import (
    L2,
    Callback,
    Contrast,
    Epoch,
    Fit,
    Objective,
    Ranking,
    TermSettings,
    Training,
    fit,
)
from reccl.training.terms import Step
from reccl.views import EdgeDrop, View

State = dict[str, Tensor]


class Recorder(Callback):
    """Remembers what it hears; `interrupt` is the step at which it presses Ctrl-C."""

    def __init__(self, interrupt: int | None = None) -> None:
        self.begun, self.steps, self.best, self.interrupt = (0, 0), 0, [], interrupt

    def on_fit_start(self, epochs: int, steps: int) -> None:
        self.begun = (epochs, steps)

    def on_step_end(self) -> None:
        self.steps += 1
        if self.steps == self.interrupt:
            raise KeyboardInterrupt

    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        self.best.append(improved)


class Broken(TermSettings):
    """Becomes nan after some steps."""

    kind: str = "broken"

    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        rows = step.encode(views[0]).users(step.batch.user)
        return (rows.sum() * 0 - 1).log()


class Seeing(TermSettings):
    """Remembers the views that it was shown."""

    shown: ClassVar[list[View]] = []
    kind: str = "seeing"

    def views(self) -> tuple[EdgeDrop]:
        return (EdgeDrop(),)

    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        self.shown.extend(views)
        return step.encode(views[0]).users(step.batch.user).square().mean()


class Script:
    """A validation that gives these values, and remembers the parameters that it saw."""

    def __init__(self, *values: float) -> None:
        self.values, self.states, self.training = iter(values), [], []

    def __call__(self, encoder: Encoder) -> Mapping[str, float]:
        self.states.append(copied(encoder))
        self.training.append(encoder.training)
        return {"ndcg_at_10": next(self.values), "recall_at_10": 0.0}


Run = Callable[..., tuple[Encoder, Fit]]


@pytest.fixture
def run(planted_graph: Graph, planted_dataset: Dataset) -> Run:
    """Fit a small LightGCN to the planted world; `settings` are those of Training."""

    def run(
        *,
        seed: int = 0,
        settings: LightGCN | TwoTower | None = None,
        terms=None,
        callback=None,
        validate=None,
        stop_after=None,
        checkpoints=None,
        **training: object,
    ) -> tuple[Encoder, Fit]:
        start = torch.Generator().manual_seed(seed)
        encoder = (settings or LightGCN(dimension=8, layers=1)).build(
            planted_graph, planted_dataset.build_feature_tables(), start
        )
        objective = Objective(terms or {"ranking": Ranking()}, planted_graph, torch.Generator().manual_seed(seed))
        how = Training(**{"epochs": 3, "batch_size": 700, "learning_rate": 0.01, **training})
        outcome = fit(
            encoder,
            objective,
            planted_graph,
            how,
            seed=seed,
            callback=callback or Recorder(),
            validate=validate,
            stop_after=stop_after,
            checkpoints=checkpoints,
        )
        return encoder, outcome

    return run


def copied(encoder: Encoder) -> State:
    return {name: tensor.detach().clone() for name, tensor in encoder.state_dict().items()}


def encoder_of(state: State) -> State:
    """The encoder's part of the best epoch's state."""
    return {name.removeprefix("encoder."): tensor for name, tensor in state.items() if name.startswith("encoder.")}


def same(one: State | Encoder, other: State | Encoder) -> bool:
    left, right = (each.state_dict() if isinstance(each, Encoder) else each for each in (one, other))
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def slow_fit(
    graph: Graph, data: Dataset, epochs: int, clip: float | None = None, average: float = 0
) -> tuple[Encoder, list[float]]:
    """The plainest loop: loss, gradients from nothing, Adam by the book, a moving average of what it finds."""
    encoder = LightGCN(dimension=8, layers=1).build(
        graph, data.build_feature_tables(), torch.Generator().manual_seed(0)
    )
    objective, order = Objective({"ranking": Ranking()}, graph, torch.Generator()), torch.Generator().manual_seed(0)
    (nodes,) = encoder.parameters()
    mean, square, averaged, means = torch.zeros_like(nodes), torch.zeros_like(nodes), nodes.detach(), []
    count = itertools.count(1)
    for _ in range(epochs):
        objective.sample_views()
        summed = 0.0
        for batch in iterate_batches(graph, 700, order):
            loss = objective(encoder, batch)["ranking"]
            (gradient,) = torch.autograd.grad(loss, [nodes])
            if clip:
                gradient = gradient * min(1.0, clip / float(gradient.norm()))
            step = next(count)
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            ahead, spread = mean / (1 - 0.9**step), square / (1 - 0.999**step)
            with torch.no_grad():
                nodes -= 0.01 * ahead / (spread.sqrt() + 1e-8)
            averaged = average * averaged + (1 - average) * nodes.detach() if step > 1 else nodes.detach().clone()
            summed += loss.item() * len(batch)
        means.append(summed / len(graph.user))
    with torch.no_grad():
        nodes.copy_(averaged)
    return encoder, means


@pytest.mark.parametrize(("clip", "average"), [(None, 0), (0.01, 0), (None, 0.9)])
def test_equals_a_plain_loop_with_adam_by_the_book(
    run: Run, planted_graph: Graph, planted_dataset: Dataset, clip: float | None, average: float
) -> None:
    encoder, outcome = run(max_grad_norm=clip, ema_decay=average)
    expected, means = slow_fit(planted_graph, planted_dataset, 3, clip, average)
    torch.testing.assert_close(encoder.state_dict(), expected.state_dict(), rtol=1e-3, atol=1e-5)
    assert [record.losses["ranking"] for record in outcome.history] == pytest.approx(means, rel=1e-4)


def test_the_loss_falls_from_epoch_to_epoch(run: Run) -> None:
    _, outcome = run(epochs=8, terms={"ranking": Ranking(), "contrast": Contrast(), "l2": L2()})
    ranking = [record.losses["ranking"] for record in outcome.history]
    assert ranking == sorted(ranking, reverse=True)
    assert ranking[-1] < 0.95 * ranking[0]
    assert set(outcome.history[0].losses) == {"ranking", "contrast", "l2"}


def test_every_epoch_is_recorded_and_heard(run: Run) -> None:
    recorder = Recorder()
    _, outcome = run(callback=recorder, epochs=4, schedule="linear", learning_rate=0.01)
    assert recorder.begun == (4, 4)
    assert recorder.steps == 16
    assert [record.number for record in outcome.history] == [1, 2, 3, 4]
    assert [record.learning_rate for record in outcome.history] == pytest.approx([0.01, 0.0075, 0.005, 0.0025])
    assert all(record.interactions_per_second * record.seconds == pytest.approx(2600) for record in outcome.history)


def test_views_are_drawn_anew_for_every_epoch_and_stay_within_it(run: Run) -> None:
    Seeing.shown.clear()
    run(terms={"seeing": Seeing()})
    epochs = [set(Seeing.shown[start : start + 4]) for start in (0, 4, 8)]
    assert [len(views) for views in epochs] == [1, 1, 1]
    assert len(set.union(*epochs)) == 3


def test_dropout_is_on_in_every_epoch_whether_or_not_one_was_validated(run: Run) -> None:
    settings = TwoTower(dimension=8, hidden=(), dropout=0.5)
    torch.manual_seed(3)
    plain, _ = run(settings=settings)
    torch.manual_seed(3)
    validated, _ = run(settings=settings, validate=Script(0.1, 0.2, 0.3))
    assert same(plain, validated)


class TestSeeds:
    @pytest.mark.parametrize("settings", [LightGCN(dimension=8), TwoTower(dimension=8, hidden=(8,))])
    def test_the_same_seed_gives_the_same_parameters(self, run: Run, settings: LightGCN | TwoTower) -> None:
        terms = {"ranking": Ranking(), "contrast": Contrast()}
        first, again, other = (run(settings=settings, terms=terms, seed=seed)[0] for seed in (1, 1, 2))
        assert same(first, again)
        assert not same(first, other)

    def test_neither_validation_nor_the_global_generator_change_them(self, run: Run) -> None:
        plain, _ = run(terms={"contrast": Contrast()})
        torch.manual_seed(99)
        validated, _ = run(terms={"contrast": Contrast()}, validate=Script(0.1, 0.2, 0.3))
        assert same(plain, validated)


class TestBestEpoch:
    def test_its_parameters_are_restored_and_training_stops_after_patience(self, run: Run) -> None:
        script, recorder = Script(0.1, 0.3, 0.3, 0.2, 0.9), Recorder()
        encoder, outcome = run(epochs=9, patience=2, validate=script, callback=recorder)
        assert (outcome.best_epoch, outcome.best, len(outcome.history)) == (2, 0.3, 4)
        assert recorder.best == [True, True, False, False]
        assert same(encoder, script.states[1])
        assert same(encoder_of(outcome.state), script.states[1])
        assert not encoder.training
        assert script.training == [False] * 4

    def test_a_better_epoch_starts_patience_anew(self, run: Run) -> None:
        _, outcome = run(epochs=9, patience=2, validate=Script(0.5, 0.4, 0.6, 0.1, 0.7, 0.1, 0.1))
        assert (outcome.best_epoch, len(outcome.history)) == (5, 7)

    def test_without_patience_every_epoch_is_run(self, run: Run) -> None:
        _, outcome = run(epochs=5, patience=None, validate=Script(0.9, 0.1, 0.1, 0.1, 0.1))
        assert (outcome.best_epoch, len(outcome.history)) == (1, 5)

    def test_patience_counts_validations_and_the_last_epoch_is_validated(self, run: Run) -> None:
        _, outcome = run(epochs=7, evaluate_every=3, patience=2, validate=Script(0.2, 0.1, 0.3))
        assert [bool(record.validation) for record in outcome.history] == [False, False, True] * 2 + [True]
        assert outcome.best_epoch == 7

    def test_the_metric_asked_for_decides(self, run: Run) -> None:
        values = iter([(0.1, 0.9), (0.2, 0.8), (0.3, 0.7)])

        def validate(_: Encoder) -> dict[str, float]:
            return dict(zip(("recall_at_10", "ndcg_at_20"), next(values), strict=True))

        assert run(metric="ndcg_at_20", validate=validate)[1].best_epoch == 1

    def test_without_validation_the_last_epoch_is_the_best(self, run: Run) -> None:
        encoder, outcome = run()
        assert outcome.best_epoch == 3
        assert same(encoder, encoder_of(outcome.state))


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_stopping_after_some_epochs_equals_the_beginning_of_the_whole(run: Run, schedule: str) -> None:
    script, recorder = Script(0.1, 0.2, 0.3, 0.4), Recorder()
    run(epochs=4, schedule=schedule, warmup=0.2, validate=script)
    short, outcome = run(epochs=4, schedule=schedule, warmup=0.2, stop_after=2, callback=recorder)
    assert recorder.begun == (2, 4)
    assert len(outcome.history) == 2
    assert same(short, script.states[1])


class TestInterruption:
    def test_ctrl_c_keeps_the_best_epoch(self, run: Run) -> None:
        script = Script(0.1, 0.3, 0.2)
        encoder, outcome = run(epochs=9, callback=Recorder(interrupt=3 * 4 + 2), validate=script)
        assert outcome.interrupted
        assert (outcome.best_epoch, len(outcome.history)) == (2, 3)
        assert same(encoder, script.states[1])
        assert not encoder.training

    def test_ctrl_c_in_the_first_epoch_says_that_there_is_no_best(self, run: Run) -> None:
        encoder, outcome = run(callback=Recorder(interrupt=1), validate=Script())
        assert (outcome.interrupted, outcome.best_epoch, outcome.history) == (True, 0, [])
        assert all(tensor.isfinite().all() for tensor in encoder.state_dict().values())


def test_a_loss_that_is_not_finite_stops_with_one_line_that_names_term_and_epoch(run: Run) -> None:
    with pytest.raises(TrainingError) as error:
        run(terms={"ranking": Ranking(), "odd": Broken()})
    text = str(error.value)
    assert text.startswith("objective.odd became nan in epoch 1: lower training.learning_rate")
    assert "\n" not in text


@pytest.mark.parametrize(("to", "told"), [(1e15, "1e+15"), (float("inf"), "inf"), (float("nan"), "nan")])
def test_parameters_that_explode_while_the_loss_is_finite_stop_with_one_line(run: Run, to: float, told: str) -> None:
    class Exploding(Recorder):
        def on_step_end(self) -> None:
            super().on_step_end()
            if self.steps == self.begun[1]:  # no later step tells by its loss
                with torch.no_grad():
                    self.parameters[0].view(-1)[0] = to

    recorder, made = Exploding(), LightGCN.build
    recorder.parameters = []

    def build(self, *words, **keys):
        encoder = made(self, *words, **keys)
        recorder.parameters = list(encoder.parameters())
        return encoder

    with pytest.MonkeyPatch.context() as patch, pytest.raises(TrainingError) as error:
        patch.setattr(LightGCN, "build", build)
        run(epochs=1, callback=recorder)
    text = str(error.value)
    assert f"grew to {told} in epoch 1: lower training.learning_rate" in text
    assert "\n" not in text


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_weight_decay_shortens_embeddings(run: Run, optimizer: str) -> None:
    free, _ = run(optimizer=optimizer, epochs=5)
    decayed, _ = run(optimizer=optimizer, epochs=5, weight_decay=0.5)
    assert decayed.state_dict()["nodes"].norm() < free.state_dict()["nodes"].norm()


def test_an_average_is_what_is_validated_and_kept(run: Run) -> None:
    script = Script(0.1, 0.3, 0.2)
    encoder, outcome = run(ema_decay=0.8, validate=script)
    assert outcome.best_epoch == 2
    assert same(encoder, script.states[1])
    assert same(encoder_of(outcome.state), encoder)
    plain = Script(0.1, 0.3, 0.2)
    run(validate=plain)
    assert not same(script.states[1], plain.states[1])
