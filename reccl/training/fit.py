"""Fit: the one training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from reccl.data.batches import count_batches, iterate_batches
from reccl.data.graph import Graph
from reccl.distributed.group import ALONE, Group
from reccl.distributed.shard import Shard
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.training.callback import Callback
from reccl.training.checkpoints import Checkpoints
from reccl.training.epoch import Epoch
from reccl.training.objective import Objective
from reccl.training.settings import Training
from reccl.training.shared_checkpoints import SharedCheckpoints
from reccl.training.state import Fit, TrainingState

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.encoders import Encoder

LARGEST = 1e12
"""Largest parameter: its square still fits into float32, and no model that ranks has one near it."""


def fit(
    encoder: Encoder,
    objective: Objective,
    graph: Graph,
    training: Training,
    *,
    seed: int,
    callback: Callback | None = None,
    validate: Callable[[Encoder], Mapping[str, float]] | None = None,
    test: Callable[[Encoder], Mapping[str, float]] | None = None,
    stop_after: int | None = None,
    checkpoints: Checkpoints | SharedCheckpoints | None = None,
    shard: Shard | None = None,
) -> Fit:
    """Minimize the objective over the graph's interactions; leave the best epoch's state in both.

    Without `validate` the last epoch is the best. `test` is only recorded (`Epoch.test`). `stop_after` ends earlier
    than `training.epochs` with the schedule of the whole (for a refit). Training goes on from the newest of the
    `checkpoints`, and ends as if it had never stopped. Ctrl-C ends training after the current step and keeps the best
    epoch. Raises TrainingError where the loss is not finite, or parameters explode.

    With a `shard` of nodes this is one of several ranks that walk through the loop side by side, each with the
    parameters of its nodes and its part of every loss; `validate` and `test` give the same metrics on all.
    """
    callback, steps = callback or Callback(), count_batches(graph, training.batch_size)
    state = TrainingState(encoder, objective, training, seed, steps, shard)
    if checkpoints:
        checkpoints.restore(state)
    fitted, optimizer, last = state.fit, state.optimizer, stop_after or training.epochs
    autocast = torch.autocast(graph.device.type, torch.bfloat16, enabled=training.precision == "bfloat16")
    callback.on_fit_start(last, steps)
    if fitted.history:
        callback.on_fit_resume(fitted.history, fitted.best_epoch)
    try:
        for number in range(len(fitted.history) + 1, last + 1):
            if state.finished or (training.patience and state.waited >= training.patience):
                break
            started, rate, sums = time.perf_counter(), optimizer.param_groups[0]["lr"], torch.zeros(())
            objective.begin_epoch((number - 1) / max(training.epochs - 1, 1))
            encoder.train()
            for batch in iterate_batches(graph, training.batch_size, state.order, training.batch_by):
                optimizer.zero_grad()
                with autocast:
                    losses = objective(encoder, batch)
                sum_losses(losses).backward()
                state.finish_gradients(training.max_grad_norm)
                optimizer.step()
                state.schedule.step()
                objective.after_step(encoder)
                if state.averaged:
                    state.averaged.update_parameters(encoder)
                sums = sums.to(graph.device) + torch.stack(list(losses.values())).detach() * len(batch)
                del losses  # and the layers that they hold, before the next step makes its own
                callback.on_step_end()
            sums = objective.group.sum(sums)
            means = dict(zip(objective.terms, (sums / len(graph.user)).tolist(), strict=True))
            require_finite(means, number)
            require_bounded(encoder, number, objective.group)
            seconds = time.perf_counter() - started
            due = number % training.evaluate_every == 0 or number == last
            metrics = validate(state.evaluated.eval()) if validate and due else {}
            tested = test(state.evaluated.eval()) if test and due else {}
            record = Epoch(number, means, metrics, tested, rate, seconds, len(graph.user) / seconds)
            fitted.history.append(record)
            score = metrics.get(training.metric, -math.inf) if validate else float(number)
            better = score > fitted.best
            if better:
                state.keep_best(number, score)
            elif validate and due:
                state.waited += 1
            callback.on_epoch_end(record, better)
            if checkpoints:
                checkpoints.save_when_due(state)
    except KeyboardInterrupt:
        fitted.interrupted = True
    state.restore_best()
    if checkpoints and not fitted.interrupted:
        checkpoints.finish(state)
    state.collect_best()
    return fitted


def sum_losses(losses: Mapping[str, Tensor]) -> Tensor:
    """The sum of the weighted terms, a scalar."""
    return torch.stack(list(losses.values())).sum()


def require_finite(losses: Mapping[str, float], epoch: int) -> None:
    """Raise TrainingError where a term is nan or infinite."""
    for name, value in losses.items():
        if not math.isfinite(value):
            raise TrainingError(
                f"objective.{name} became {value} in epoch {epoch}: lower training.learning_rate, "
                "raise the temperature, or set training.max_grad_norm=1"
            )


def require_bounded(encoder: Encoder, epoch: int, group: Group = ALONE) -> None:
    """Raise TrainingError where a parameter is not finite, or beyond all that training can mean; on all ranks."""
    for name, parameter in encoder.named_parameters():
        largest = group.largest(float(parameter.detach().abs().max()) if parameter.numel() else 0.0)
        if not largest <= LARGEST:  # nan too
            raise TrainingError(
                f"encoder parameters {name} grew to {largest:.3g} in epoch {epoch}: lower training.learning_rate, "
                "or set training.max_grad_norm=1"
            )
