"""Record: what a study has found, in its run in MLflow."""

import tempfile
from pathlib import Path

from reccl.config import Experiment, dump, flatten
from reccl.config_file import write_override
from reccl.tracking import Run
from reccl.tracking.card import NOTE, command_line
from reccl.tuning.plots import draw_plots
from reccl.tuning.result import Tuning
from reccl.tuning.space import Space, expand


def record_result(parent: Run, tuning: Tuning, space: Space, experiment: Experiment) -> None:
    """Config, space, budget, the table of trials, the best config and the plots; newer ones replace older ones."""
    metric, default = tuning.budget.metric, tuning.default_trial
    parent.params(flatten(experiment))
    values = {f"validation_best/{metric}": tuning.best_trial.value or 0.0, "best_trial": tuning.best_trial.number}
    if default is not None and default.value is not None:
        values[f"validation_default/{metric}"] = default.value
    parent.metrics({**values, "trials": tuning.budget.trials}, step=len(tuning.trials))
    parent.tags({**tuning.budget.tags(), NOTE: write_note(tuning)})
    parent.text("config.yaml", dump(experiment))
    parent.text("space.txt", "\n".join(space.describe()) + "\n")
    parent.text("budget.json", tuning.budget.as_json())
    parent.text("trials.csv", tuning.to_frame().write_csv())
    parent.text("best.yaml", dump(tuning.best))
    with tempfile.TemporaryDirectory() as draft:
        folder = Path(draft)
        draw_plots(tuning.name, space, tuning.trials, tuning.importances, metric, folder)
        for path in sorted(folder.iterdir()):
            parent.file(path, "plots")


def write_note(tuning: Tuning) -> str:
    """What was found and what it has cost, in a few lines of Markdown."""
    metric, default = tuning.budget.metric, tuning.default_trial
    trials = {f"best (trial {tuning.best_trial.number})": tuning.best_trial} | (
        {"the config as it is": default} if default else {}
    )
    rows = [f"| {name} | {trial.value or 0.0:.4f} |" for name, trial in trials.items()]
    values = ", ".join(f"`{write_override(key, value)}`" for key, value in expand(tuning.best_trial.values).items())
    lines = [f"| trial | validation {metric} |", "|---|---:|", *rows, "", f"Best: {values}", ""]
    return "\n".join([*lines, f"{tuning.budget.describe()}. No test row was read.", "", f"`{command_line()}`"])
