"""Fit: the one training loop."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from reccl.data.batches import Grouping, count_batches, iterate_batches
from reccl.data.graph import Graph
from reccl.encoders import Encoder
from reccl.errors import TrainingError
from reccl.settings import Settings
from reccl.training import checkpoint
from reccl.training.callback import Callback
from reccl.training.epoch import Epoch
from reccl.training.objective import Objective
from reccl.training.schedule import Schedule, factor


class Training(Settings):
    """How parameters are fitted."""

    epochs: Annotated[int, Field(ge=1)] = 100
    """Most passes over the training interactions."""
    batch_size: Annotated[int, Field(ge=1)] = 2048
    """Interactions in a step (B)."""
    batch_by: Grouping = "interaction"
    """user: a step has all interactions of its users, about `batch_size` in all. Cheap with full_softmax, which then
    ranks the catalog for a user once an epoch, not once a step in which the user occurs."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Step size of the optimizer at its highest."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """Adam, or Adam with decoupled weight decay."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decay of all parameters but single numbers at every step; see also the objective's l2 term."""
    schedule: Schedule = "constant"
    """Learning rate over time: constant, cosine or linear, down to zero at `epochs`."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of all steps over which the learning rate rises."""
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    """Longest gradient (norm over all parameters); empty: no clipping."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of itself that a moving average of the encoder's parameters keeps at a step; that average is then what is
    validated, tested and kept (Polyak and Juditsky 1992; the EMA of deep learning). 0: no average."""
    amp: bool = False
    """bfloat16 autocast, on CUDA only; graph products and softmax sums stay float32."""
    metric: str = "ndcg_at_10"
    """Validation metric that chooses the epoch."""
    evaluate_every: Annotated[int, Field(ge=1)] = 1
    """Epochs between two validations."""
    patience: Annotated[int, Field(ge=1)] | None = 10
    """Stop after this many validations without a better metric; empty: never."""
    refit: bool = False
    """After the epoch is chosen, train anew on train and validation rows for that long; test reads that model."""
    best_on_test: bool = False
    """Also look at the test rows every `evaluate_every` epochs of the fit that is tested, and report the best look as
    best_on_test/..., as many papers do. It chooses nothing, and flatters: for comparisons with published numbers."""


@dataclass
class Fit:
    """The outcome of `fit`: the encoder holds the best epoch's parameters."""

    best_epoch: int = 0
    best: float = -math.inf  # the metric at that epoch
    interrupted: bool = False
    history: list[Epoch] = field(default_factory=list)


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
    checkpoint_path: Path | None = None,
) -> Fit:
    """Minimize the objective over the graph's interactions; leave the best epoch's state in both.

    Without `validate` the last epoch is the best. `test` is only recorded (`Epoch.test`). `stop_after` ends earlier
    than `training.epochs` with the schedule of the whole (for a refit). `checkpoint_path` is a file that always holds
    the best parameters so far. Ctrl-C ends training after the current step and keeps the best epoch. Raises
    TrainingError where the loss is not finite.
    """
    callback = callback or Callback()
    objective.build(encoder)
    learned = nn.ModuleDict({"encoder": encoder, "objective": objective.parts})
    shown, averaged = encoder, None
    if training.ema_decay:
        averaged = AveragedModel(encoder, multi_avg_fn=get_ema_multi_avg_fn(training.ema_decay))
        shown = cast(Encoder, averaged.module)
    kept = nn.ModuleDict({"encoder": shown, "objective": objective.parts})
    outcome, best_state, waited = Fit(), state_of(learned), 0
    order = torch.Generator().manual_seed(seed)
    steps = count_batches(graph, training.batch_size)
    optimizer = optimizer_of(learned, training)
    scale = partial(factor, training.schedule, steps=steps * training.epochs, warmup=training.warmup)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, scale)
    autocast = torch.autocast(graph.device.type, torch.bfloat16, enabled=training.amp and graph.device.type == "cuda")
    last = stop_after or training.epochs
    callback.on_fit_start(last, steps)
    try:
        for number in range(1, last + 1):
            started, rate, sums = time.perf_counter(), optimizer.param_groups[0]["lr"], torch.zeros(())
            objective.begin_epoch((number - 1) / max(training.epochs - 1, 1))
            encoder.train()
            for batch in iterate_batches(graph, training.batch_size, order, training.batch_by):
                with autocast:
                    losses = objective(encoder, batch)
                optimizer.zero_grad()
                total(losses).backward()
                if training.max_grad_norm:
                    nn.utils.clip_grad_norm_(learned.parameters(), training.max_grad_norm)
                optimizer.step()
                schedule.step()
                objective.after_step(encoder)
                if averaged:
                    averaged.update_parameters(encoder)
                sums = sums.to(graph.device) + torch.stack(list(losses.values())).detach() * len(batch)
                callback.on_step_end()
            means = dict(zip(objective.terms, (sums / len(graph.user)).tolist(), strict=True))
            require_finite(means, number)
            seconds = time.perf_counter() - started
            due = number % training.evaluate_every == 0 or number == last
            metrics = validate(shown.eval()) if validate and due else {}
            tested = test(shown.eval()) if test and due else {}
            record = Epoch(number, means, metrics, tested, rate, seconds, len(graph.user) / seconds)
            outcome.history.append(record)
            score = metrics.get(training.metric, -math.inf) if validate else float(number)
            better = score > outcome.best
            if better:
                outcome.best, outcome.best_epoch, best_state, waited = score, number, state_of(kept), 0
                if checkpoint_path:
                    checkpoint.save(best_state, checkpoint_path)
            elif validate and due:
                waited += 1
            callback.on_epoch_end(record, better)
            if training.patience and waited >= training.patience:
                break
    except KeyboardInterrupt:
        outcome.interrupted = True
    learned.load_state_dict(best_state)
    encoder.eval()
    return outcome


def optimizer_of(learned: nn.Module, training: Training) -> torch.optim.Optimizer:
    """Adam or AdamW, fused into one kernel a tensor; single numbers, such as a temperature, do not decay."""
    kind = torch.optim.AdamW if training.optimizer == "adamw" else torch.optim.Adam
    trained = [parameter for parameter in learned.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.dim()], "weight_decay": training.weight_decay},
        {"params": [parameter for parameter in trained if not parameter.dim()], "weight_decay": 0.0},
    ]
    return kind([group for group in groups if group["params"]], lr=training.learning_rate, fused=True)


def total(losses: Mapping[str, Tensor]) -> Tensor:
    """Sum of the weighted terms, a scalar."""
    return torch.stack(list(losses.values())).sum()


def state_of(learned: nn.Module) -> dict[str, Tensor]:
    """A copy of parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in learned.state_dict().items()}


def require_finite(losses: Mapping[str, float], epoch: int) -> None:
    """Raise TrainingError where a term is nan or infinite."""
    for name, value in losses.items():
        if not math.isfinite(value):
            raise TrainingError(
                f"objective.{name} became {value} in epoch {epoch}: lower training.learning_rate, "
                "raise the temperature, or set training.max_grad_norm=1"
            )
