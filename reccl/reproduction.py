"""Reproduction: a recorded run once more, from what was recorded, and what is equal."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import torch
from safetensors.torch import load_file
from threadpoolctl import threadpool_limits

from reccl import tracking
from reccl.config import loads
from reccl.errors import RunError
from reccl.experiment import run as run_experiment
from reccl.outcome import Outcome
from reccl.recommend import save
from reccl.recommend.record import TrainingRecord, read_record
from reccl.tracking.environment import THREADS
from reccl.tracking.find import AnyRun
from reccl.tracking.tags import FINGERPRINT

CLOCKS = ("seconds",)
"""Columns of the history that are no results."""
COMMIT = "mlflow.source.git.commit"


@dataclass(frozen=True)
class Compared:
    """One thing of the run, then and now."""

    what: str
    recorded: str
    now: str
    difference: float = 0.0
    """Of numbers, the largest difference as a share of the largest number: 0: equal to the bit, inf: not comparable."""

    @property
    def equal(self) -> bool:
        """Whether it is the same, to the bit."""
        return self.recorded == self.now and not self.difference


@dataclass(frozen=True)
class Reproduction:
    """What a run was made with, and what came of it: then and now."""

    run_id: str
    made_with: tuple[Compared, ...]  # data, code, packages, threads
    results: tuple[Compared, ...]  # history, metrics, parameters

    @property
    def difference(self) -> float:
        """The largest difference of a metric: 0 where all are equal to the bit."""
        return max((each.difference for each in self.results if each.what.endswith("metrics")), default=0.0)

    @property
    def identical(self) -> bool:
        """Whether every result is the same to the bit."""
        return all(each.equal for each in self.results)


def reproduce(
    run: str = "latest", *, device: str = "auto", trust: bool = False, log: Callable[[str], None] = lambda _: None
) -> Reproduction:
    """Train a recorded run once more: its config, data, seeds and number of threads, with the code that is here.

    Nothing is recorded. What the environment was is compared, not restored: for the same bits, install the versions
    that are named, check out the commit, and use a CPU of the same kind.

    Args:
        run: its id, a unique prefix of one, its name, an address of MLflow, or "latest".
        device: auto, cpu, cuda or cuda:N.
        trust: run the code that the run's config names, whoever wrote it.
        log: hears what is done.

    Raises RunError where the run holds no model, or that of a training that was stopped by hand, and DataError where
    its data is gone.

    """
    found = tracking.find(run)
    if tracking.INTERRUPTED in found.data.tags:
        raise RunError(
            f"run {found.info.run_id} was stopped by hand, at a moment that no seed gives again: finish it first, "
            f"reccl train --resume {found.info.run_id[:8]}"
        )
    folder = tracking.model_folder(found)
    recorded, then = read_record(folder), tracking.read_environment(tracking.text_of(found, "environment.txt"))
    experiment = loads(tracking.config_of(found), trust=trust)
    data = tracking.data_of(found, experiment.data, log)
    begun_from = found.data.tags.get(tracking.WARM_START)
    start = tracking.warm_start_of(begun_from) if begun_from else None
    with threads(int(then.get(THREADS, 0)) or None):
        now = tracking.read_environment(tracking.environment())
        outcome = run_experiment(experiment, data, device=device, log=log, start=start)
    made_with = (
        Compared("data", found.data.tags.get(FINGERPRINT, "?")[:12], data.fingerprint[:12]),
        Compared("commit", found.data.tags.get(COMMIT, "none")[:12], tracking.commit().get(COMMIT, "none")[:12]),
        *(
            Compared(name, then.get(name, "not recorded"), now.get(name, "none"))
            for name in dict.fromkeys([*then, *now])
        ),
    )
    return Reproduction(found.info.run_id, made_with, compare_results(found, recorded, folder, outcome))


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Inside, so many threads compute; None: as many as there are."""
    if count is None:
        yield
        return
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count)
        with threadpool_limits(limits=count):
            yield
    finally:
        torch.set_num_threads(before)


def compare_results(run: AnyRun, recorded: TrainingRecord, folder: Path, outcome: Outcome) -> tuple[Compared, ...]:
    """History, metrics and parameters, then and now."""
    again = outcome.record()
    with tempfile.TemporaryDirectory() as draft:
        save(outcome.model, Path(draft) / "model")
        tensors = load_file(Path(draft) / "model" / "model.safetensors")
    parts = dict.fromkeys([*recorded.metrics, *again.metrics])
    return (
        compare_histories(recorded.history, again.history),
        *(
            compare_numbers(f"{part} metrics", recorded.metrics.get(part, {}), again.metrics.get(part, {}))
            for part in parts
        ),
        compare_tensors(load_file(folder / "model.safetensors"), tensors),
    )


def compare_histories(then: pl.DataFrame, now: pl.DataFrame) -> Compared:
    """Losses, learning rate and metrics of every epoch."""
    then, now = then.drop(CLOCKS, strict=False), now.drop(CLOCKS, strict=False)
    about = f"{len(then)} epochs", f"{len(now)} epochs"
    if then.shape != now.shape or then.columns != now.columns:
        return Compared("history", *about, float("inf"))
    numbers = [name for name, kind in then.schema.items() if kind.is_numeric()]
    differ = [relative(tensor_of(then, name), tensor_of(now, name)) for name in numbers]
    return Compared("history", *about, max(differ, default=0.0))


def tensor_of(table: pl.DataFrame, column: str) -> torch.Tensor:
    """A column as numbers [N]; what is missing is nan."""
    return torch.tensor(table[column].cast(pl.Float64).fill_null(float("nan")).to_list(), dtype=torch.float64)


def compare_numbers(what: str, then: Mapping[str, float], now: Mapping[str, float]) -> Compared:
    """Metrics by name."""
    about = f"{len(then)} numbers", f"{len(now)} numbers"
    if then.keys() != now.keys():
        return Compared(what, *about, float("inf"))
    differ = [relative(torch.tensor([then[name]]), torch.tensor([now[name]])) for name in then]
    return Compared(what, *about, max(differ, default=0.0))


def compare_tensors(then: Mapping[str, torch.Tensor], now: Mapping[str, torch.Tensor]) -> Compared:
    """What the model holds."""
    about = f"{len(then)} tensors", f"{len(now)} tensors"
    if {name: tensor.shape for name, tensor in then.items()} != {name: tensor.shape for name, tensor in now.items()}:
        return Compared("parameters", *about, float("inf"))
    return Compared("parameters", *about, max((relative(then[name], now[name]) for name in then), default=0.0))


def relative(then: torch.Tensor, now: torch.Tensor) -> float:
    """The largest difference, as a share of the largest number; equal infinities and nans do not differ.

    >>> relative(torch.tensor([2.0, 1.0]), torch.tensor([2.0, 1.5]))
    0.25
    """
    then, now = then.double(), now.double()
    apart = ~((then == now) | (then.isnan() & now.isnan()))
    if not apart.any():
        return 0.0
    scale = torch.maximum(then.abs(), now.abs()).nan_to_num(0.0, posinf=0.0).max().clamp_min(1e-300)
    return float(((then - now).abs()[apart] / scale).nan_to_num(float("inf")).max())
