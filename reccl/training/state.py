"""State: all that changes while a model is fitted, so that it can be saved and restored."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from reccl.distributed.shard import Shard
from reccl.lazy import nn, torch
from reccl.training.epoch import Epoch
from reccl.training.objective import Objective
from reccl.training.schedule import learning_rate_factor
from reccl.training.settings import Training
from reccl.training.sharded_parameters import ShardedParameters, collect_tensors, hand_out_tensors

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.encoders import Encoder

Values = dict[str, Any]
"""What JSON can hold."""


@dataclass
class Fit:
    """The outcome of `fit`: the encoder holds the best epoch's parameters."""

    best_epoch: int = 0
    best: float = -math.inf  # the metric at that epoch
    interrupted: bool = False
    history: list[Epoch] = field(default_factory=list)
    state: dict[str, Tensor] = field(default_factory=dict, repr=False)  # of the best epoch, encoder and objective
    earlier_seconds: float = 0.0  # that other processes spent on it before they stopped


class TrainingState:
    """Parameters, their average, optimizer, learning rate, generators, the best epoch and the history.

    Between two epochs that is everything: views, batches and what terms keep for an epoch follow from the generators.
    So a loop that goes on from a captured state takes the same steps as one that never stopped.

    With a `shard` of nodes, every rank has the rows of its nodes, also of the optimizer's moments. What is captured is
    whole, as one process has it, on rank 0 alone: so any number of ranks restores it.
    """

    def __init__(
        self,
        encoder: Encoder,
        objective: Objective,
        training: Training,
        seed: int,
        steps: int,
        shard: Shard | None = None,
    ) -> None:
        objective.build(encoder)
        self.objective, self.learned = (
            objective,
            nn.ModuleDict({"encoder": encoder, "objective": objective.term_modules}),
        )
        self.averaged: torch.optim.swa_utils.AveragedModel | None = None
        self.evaluated = encoder  # whose parameters are validated and kept
        if training.ema_decay:
            average = torch.optim.swa_utils.get_ema_multi_avg_fn(training.ema_decay)
            self.averaged = torch.optim.swa_utils.AveragedModel(encoder, multi_avg_fn=average)
            self.evaluated = cast("Encoder", self.averaged.module)
        self.optimizer = make_optimizer(self.learned, training)
        scale = partial(learning_rate_factor, training.schedule, steps=steps * training.epochs, warmup=training.warmup)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, scale)
        self.order = torch.Generator().manual_seed(seed)  # of batches
        self.sharded = None if shard is None else ShardedParameters(self.learned, shard)
        self.fit, self.waited, self.finished = Fit(state=copy_state(self.learned)), 0, False

    def finish_gradients(self, max_norm: float | None) -> None:
        """Once they are there: sum those of all ranks where parameters are the same on all, and clip."""
        if self.sharded:
            self.sharded.sum_gradients()
        if max_norm and self.sharded:
            self.sharded.clip_gradients(max_norm)
        elif max_norm:
            nn.utils.clip_grad_norm_(self.learned.parameters(), max_norm)

    def keep_best(self, epoch: int, score: float) -> None:
        """The current parameters are the best so far."""
        kept = nn.ModuleDict({"encoder": self.evaluated, "objective": self.objective.term_modules})
        self.fit.state, self.fit.best, self.fit.best_epoch, self.waited = copy_state(kept), score, epoch, 0

    def restore_best(self) -> None:
        """Give the encoder and the objective the parameters of the best epoch, of which a copy stays on the CPU."""
        self.learned.load_state_dict(self.fit.state)
        self.learned["encoder"].eval()
        self.fit.state = {name: tensor.cpu() for name, tensor in self.fit.state.items()}

    def collect_best(self) -> None:
        """With several ranks: the best epoch's parameters of all of them on rank 0; the others let theirs go."""
        if self.sharded:
            self.fit.state = collect_tensors(self.fit.state, self.sharded.names, self.sharded.shard)

    def generators(self) -> dict[str, torch.Generator]:
        """Every source of random numbers, by name."""
        device = self.objective.graph.device
        named = {"order": self.order, "objective": self.objective.generator, "torch": torch.default_generator}
        if device.type == "cuda":
            named["cuda"] = torch.cuda.default_generators[device.index or 0]
        return named | {f"part.{name}": generator for name, generator in generators_in(self.learned, device)}

    def capture(self) -> tuple[dict[str, Tensor], Values]:
        """The state after an epoch, as tensors (not copied) and JSON values; of a finished fit its outcome alone.

        All ranks call it; those beside rank 0 get no tensors.
        """
        values = {
            "history": [asdict(record) for record in self.fit.history],
            "best_epoch": self.fit.best_epoch,
            "best": self.fit.best,
            "waited": self.waited,
            "finished": self.finished,
        }
        tensors = self.tensors()
        if self.sharded:
            tensors = collect_tensors(tensors, self.node_rows(), self.sharded.shard)
        if self.finished:
            return tensors, values
        rates = [group["lr"] for group in self.optimizer.param_groups]
        return tensors, {**values, "step": self.schedule.last_epoch, "learning_rates": rates}

    def tensors(self) -> dict[str, Tensor]:
        """The state as tensors, not copied: of this rank."""
        best = {f"best.{name}": tensor for name, tensor in self.fit.state.items()}
        if self.finished:
            return best
        tensors = {f"learned.{name}": tensor for name, tensor in self.learned.state_dict().items()}
        if self.averaged:
            tensors |= {f"averaged.{name}": tensor for name, tensor in self.averaged.state_dict().items()}
        for place, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{place}.{name}": tensor for name, tensor in state.items()}
        tensors |= {f"generator.{name}": generator.get_state() for name, generator in self.generators().items()}
        return tensors | best

    @property
    def num_bytes(self) -> int:
        """About how many bytes a captured state has."""
        own = sum(tensor.numel() * tensor.element_size() for tensor in self.tensors().values())
        return own * self.objective.group.size

    def node_rows(self) -> dict[str, tuple[str, ...]]:
        """Names of captured tensors with a row for each node -> whose, in order; empty with one process."""
        if not self.sharded:
            return {}
        rows = self.sharded.names
        of_encoder = {name: sides for name, sides in rows.items() if name.startswith("encoder.")}
        named = {parameter: name for name, parameter in self.learned.named_parameters()}
        held = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        return {
            **{f"{kind}.{name}": sides for name, sides in rows.items() for kind in ("learned", "best")},
            **{f"averaged.module.{name.removeprefix('encoder.')}": sides for name, sides in of_encoder.items()},
            **{
                f"optimizer.{place}.{moment}": rows[named[parameter]]
                for place, parameter in enumerate(held)
                if named[parameter] in rows
                for moment in ("exp_avg", "exp_avg_sq")
            },
        }

    def restore(self, tensors: Mapping[str, Tensor], values: Values) -> None:
        """Take up what `capture` gave. Raises KeyError or RuntimeError where it belongs to another training.

        All ranks call it; of those beside rank 0 the tensors are ignored.
        """
        if self.sharded:
            values = self.sharded.shard.group.share(values)
            tensors = hand_out_tensors(tensors, self.node_rows(), self.sharded.shard)
        self.fit.history = [Epoch(**record) for record in values["history"]]
        self.fit.best_epoch, self.fit.best = values["best_epoch"], values["best"]
        self.waited, self.finished = values["waited"], values["finished"]
        device = self.objective.graph.device
        self.fit.state = {name: tensor.to(device) for name, tensor in strip_prefix(tensors, "best.").items()}
        if self.finished:
            return
        self.learned.load_state_dict(strip_prefix(tensors, "learned."))
        if self.averaged:
            self.averaged.load_state_dict(strip_prefix(tensors, "averaged."))
        optimizer = self.optimizer.state_dict()
        optimizer["state"] = {}
        for name, tensor in strip_prefix(tensors, "optimizer.").items():
            place, _, key = name.partition(".")
            optimizer["state"].setdefault(int(place), {})[key] = tensor
        for group, rate in zip(optimizer["param_groups"], values["learning_rates"], strict=True):
            group["lr"] = rate
        self.optimizer.load_state_dict(optimizer)
        self.schedule.last_epoch = values["step"]
        states = strip_prefix(tensors, "generator.")
        for name, generator in self.generators().items():
            if name in states:  # on another device other generators are used
                generator.set_state(states[name])


def make_optimizer(learned: nn.Module, training: Training) -> torch.optim.Optimizer:
    """Adam or AdamW, fused into one kernel per tensor; single numbers, such as a temperature, have no weight decay."""
    kind = torch.optim.AdamW if training.optimizer == "adamw" else torch.optim.Adam
    trained = [parameter for parameter in learned.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.dim()], "weight_decay": training.weight_decay},
        {"params": [parameter for parameter in trained if not parameter.dim()], "weight_decay": 0.0},
    ]
    return kind([group for group in groups if group["params"]], lr=training.learning_rate, fused=True)


def copy_state(learned: nn.Module) -> dict[str, Tensor]:
    """A copy of parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in learned.state_dict().items()}


def generators_in(module: nn.Module, device: torch.device) -> Iterator[tuple[str, torch.Generator]]:
    """The random generators that a module and its submodules hold as attributes."""
    from reccl.encoders.dropout import DeviceGenerator

    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if isinstance(value, torch.Generator):
                yield f"{path}.{name}", value
            elif isinstance(value, DeviceGenerator):
                yield f"{path}.{name}", value.on(device)


def strip_prefix(tensors: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    """The tensors whose names have this start, without it."""
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
