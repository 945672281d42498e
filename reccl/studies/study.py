"""Study: tune every method on every data set with the same budget, train with every seed, say what that shows."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reccl.config import Experiment, dump
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare
from reccl.errors import ConfigError, RecclError
from reccl.progress import choose_progress
from reccl.studies.cell import Cell, CellResult, Group, Tuned, cell_key, digest
from reccl.studies.ledger import Ledger, open_ledger
from reccl.studies.load import Study, load_study
from reccl.studies.pool import Pool
from reccl.studies.record import record_study, study_run
from reccl.studies.result import StudyResult, make_result
from reccl.studies.worker import Job, settle
from reccl.training.device import resolve_device
from reccl.tuning.space import Space
from reccl.tuning.study import load_optuna
from reccl.tuning.tune import Plan, tune_experiment

Say = Callable[[str], None]


def study(
    config: str | Path | Mapping[str, Any],
    *,
    jobs: int = 1,
    device: str = "auto",
    progress: bool = True,
) -> StudyResult:
    """Run a study, or go on with it: what is finished is not run again.

    Every method is tuned on the validation rows of every data set with the same budget, trained with every seed, and
    tested once. All runs are recorded in MLflow, as children of one.

    Args:
        config: study.yaml, a name of configs/studies/, or a dict of the same keys.
        jobs: trials, and trainings, at a time, each in a process of its own.
        device: auto, cpu, cuda or cuda:N.
        progress: say a line about everything that ends.

    Raises ConfigError, with file and line, for what cannot mean anything, before anything is read; RunError where
    another process runs the study, or Optuna is missing. A method that fails is a row that says so. Ctrl-C ends the
    study and gives what is done (`StudyResult.interrupted`).

    Example::

        found = reccl.study({"name": "closed", "data": ["ml-100k"], "configs": ["methods/ease", "methods/svd"]})
        print(found.markdown())
        print(*found.claims_text(), sep="; ")

    """
    return run_study(load_study(config), jobs, device, choose_progress().say if progress else lambda _: None)


def run_study(read_in: Study, jobs: int = 1, device: str = "auto", say: Say = lambda _: None) -> StudyResult:
    """The same from a study that is read."""
    if jobs < 1:
        raise ConfigError(f"--jobs {jobs}: give 1 or more")
    settings = read_in.settings
    resolve_device(device)
    if settings.budget.trials:
        load_optuna()
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger(settings.name))
        parent = stack.enter_context(study_run(read_in, ledger.run))
        ledger.keep_run(parent.id)
        pool = Pool(Job(read_in, device, parent.id), ledger.place / "workers.log", jobs)
        going = Going(read_in, ledger, pool, device, parent.id, jobs, say)
        interrupted = False
        try:
            going.run()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            pool.close()
        made = make_result(read_in, going.tuned, going.results, ledger.place, parent.id, interrupted)
        record_study(parent, made)
        if interrupted:
            parent.end("KILLED")
        return made


@dataclass
class Going:
    """A study that is being run."""

    study: Study
    ledger: Ledger
    pool: Pool
    device: str
    parent: str
    jobs: int
    say: Say
    tuned: dict[Group, Tuned] = field(default_factory=dict)
    results: dict[Cell, CellResult] = field(default_factory=dict)
    prints: dict[tuple[str, int | None], str] = field(default_factory=dict)  # split of data -> fingerprint

    def run(self) -> None:
        """One split of one data set after the other: tune every method, then train all."""
        settings = self.study.settings
        for name in settings.data:
            for split, seeds in settings.draws():
                groups = [Group(name, method, split) for method in settings.configs]
                prepared: list[Dataset] = []
                for group in groups:
                    self.tuned[group] = self.tune(group, seeds[0], prepared)
                prepared.clear()
                self.train([Cell(group, seed, self.tuned[group].values) for group in groups for seed in seeds])

    def tune(self, group: Group, seed: int, prepared: list[Dataset]) -> Tuned:
        """What the tuning of a group has found; kept, so that it is not looked for again."""
        budget = self.study.settings.budget
        try:
            experiment = self.study.experiment(group.data, group.method, group.split, seed)
            space = self.study.space(group.method, experiment)
            if space is None:
                return Tuned()
            key = digest("tuned", dump(experiment), space.digest(), str(budget.trials), str(budget.minutes))
            if found := self.ledger.tuned(key):
                return found
            if not prepared:
                prepared.append(prepare(experiment.data, self.say))
            made = self.search(group, experiment, space, key, prepared[0])
        except RecclError as error:
            reason = "; ".join(str(error).splitlines())
            self.say(f"{group.describe()}: tuning failed: {reason}")
            return Tuned(error=f"tuning failed: {reason}")
        self.ledger.keep_tuned(key, made)
        return made

    def search(self, group: Group, experiment: Experiment, space: Space, key: str, data: Dataset) -> Tuned:
        """Tune. Raises KeyboardInterrupt where Ctrl-C ended it: the trials that are done are kept by the tuning."""
        (folder := self.ledger.place / "tuned").mkdir(exist_ok=True)
        name = "-".join([self.study.settings.name, group.method, group.data, key[:6]])
        self.say(f"{group.describe()}: tuning")
        plan = Plan(
            name,
            folder / f"{name}.yaml",
            self.study.settings.budget.trials,
            self.study.settings.budget.minutes,
            self.jobs,
            self.device,
            parent=self.parent,
        )
        found = tune_experiment(experiment, space, plan, data=data, say=self.say)
        if found.interrupted:
            raise KeyboardInterrupt
        spent = found.budget
        return Tuned(dict(found.best_trial.values), spent.trials, spent.seconds, spent.space, found.run)

    def train(self, cells: list[Cell]) -> None:
        """Train the cells that are not finished."""
        left = []
        for cell in cells:
            if error := self.tuned[cell.group].error:
                self.results[cell] = CellResult(error=error)
            elif (found := self.ledger.cell(cell_key(settle(self.study, cell)))) is not None:
                self.take(cell, found)
                self.say(f"{cell.describe()}: finished before")
            else:
                left.append(cell)
        self.pool.run(left, self.keep)

    def keep(self, cell: Cell, result: CellResult) -> None:
        """A cell has ended."""
        result = self.take(cell, result)
        if result.error:
            self.say(f"{cell.describe()}: failed: {result.error}")
            return
        self.ledger.keep_cell(cell_key(settle(self.study, cell)), cell, result)
        metric = self.study.settings.metrics[0]
        self.say(f"{cell.describe()}: {metric} {result.metrics[metric]:.4f}, {result.seconds:.1f} s")

    def take(self, cell: Cell, result: CellResult) -> CellResult:
        """The result, which counts where it is of the same rows as the others of its split."""
        if not result.error:
            known = self.prints.setdefault((cell.group.data, cell.group.split), result.fingerprint)
            if known != result.fingerprint:
                why = (
                    f"the data is not that of earlier runs: remove {self.ledger.place}, or give the study another name"
                )
                result = CellResult(error=why, run=result.run)
        self.results[cell] = result
        return result
