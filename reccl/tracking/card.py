"""Card: what a run ended with, in Markdown: a note for MLflow's page, and a model card for whoever uses the model."""

import shlex
import sys
from collections.abc import Mapping
from math import sqrt
from pathlib import Path

from torch import Tensor

from reccl.bounded_yaml import parse_yaml
from reccl.config import flatten
from reccl.errors import RecclError
from reccl.evaluation import EvaluationResult
from reccl.outcome import Outcome
from reccl.redaction import redact, redact_entry
from reccl.tracking.headline import select_main
from reccl.tracking.label import label_tags

NOTE = "mlflow.note.content"
"""Tag with the description that MLflow's page shows."""


def write_note(outcome: Outcome) -> str:
    """The result, what it was trained on and how, in a few lines."""
    return "\n".join([*result_table(outcome), "", trained_on(outcome), "", f"`{command_line()}`"])


def write_card(outcome: Outcome, run_id: str) -> str:
    """The model card: data, split, metrics with intervals, groups, limits, and how to load it."""
    about, tested = label_tags(flatten(outcome.experiment)), outcome.test_result
    model = ", ".join(f"{name} {about[name]}" for name in ("encoder", "loss", "scorer"))
    parts = [
        f"# {outcome.experiment.name}",
        f"A recommender for {outcome.data.describe().split(';')[0]}: {model}. Seed {outcome.experiment.seed}.",
        "## Data",
        trained_on(outcome),
        "\n".join(f"- {name.replace('_', ' ')}: {value:,.6g}" for name, value in outcome.data.summary().items()),
        "## Result",
        "\n".join(result_table(outcome)),
        "Intervals are 95 %, over users: they say nothing about other seeds, splits or times. Settings and epoch were "
        "chosen on validation rows; test rows were read once.",
    ]
    if tested is not None and (groups := group_table(tested)):
        parts += ["## Groups", "\n".join(groups)]
    parts += ["## Limits", "\n".join(f"- {limit}" for limit in limits(outcome)), "## How to load it", loading(run_id)]
    return "\n\n".join(parts) + "\n"


def result_table(outcome: Outcome) -> list[str]:
    """Validation and test, a line a metric; the test with its interval."""
    validation, test = outcome.metrics["validation"], outcome.metrics["test"]
    per_user = outcome.test_result.per_user if outcome.test_result else {}
    lines = ["| metric | validation | test | 95 % interval |", "|---|---:|---:|---:|"]
    for name in select_main(test or validation, outcome.experiment.training.metric):
        cells = [f"{values[name]:.4f}" if name in values else "-" for values in (validation, test)]
        interval = mean_interval(per_user[name]) if name in per_user else None
        within = f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else "-"
        lines.append(f"| {name} | {' | '.join(cells)} | {within} |")
    return lines


def mean_interval(values: Tensor) -> tuple[float, float] | None:
    """The normal 95 % interval of a mean over users; None for fewer than two.

    >>> import torch
    >>> low, high = mean_interval(torch.tensor([0.0, 1.0] * 50))
    >>> round(low, 3), round(high, 3)
    (0.402, 0.598)
    """
    if len(values) < 2:
        return None
    mean, half = float(values.mean()), 1.96 * float(values.std()) / sqrt(len(values))
    return mean - half, mean + half


def group_table(tested: EvaluationResult) -> list[str]:
    """Groups of users and items with their sizes, a line each."""
    names = [name for name in tested.per_user if name.startswith(("recall", "ndcg"))]
    sizes, means = tested.group_sizes(), tested.group_means()
    if not means or not names:
        return []
    lines = [f"| group | users | {' | '.join(names)} |", f"|---|---:|{'---:|' * len(names)}"]
    for group, values in means.items():
        cells = " | ".join(f"{values[name]:.4f}" for name in names)
        lines.append(f"| {group.replace('_', ' ')} | {sizes.get(group, '-')} | {cells} |")
    return lines


def trained_on(outcome: Outcome) -> str:
    """The data by name, its sizes, its split and its digest."""
    experiment, data = outcome.experiment, outcome.data
    split = getattr(experiment.data.split, "kind", None) or "of the files, else random_per_user"
    refit = ", refitted on train and validation rows" if outcome.refit else ""
    epoch = f" Best epoch {outcome.fit.best_epoch}." if outcome.fit.best_epoch else ""
    return (
        f"Trained on **{label_tags(flatten(experiment))['data']}** (split {split}{refit}): {data.describe()}. "
        f"Digest `{data.fingerprint[:8]}`.{epoch}"
    )


def limits(outcome: Outcome) -> list[str]:
    """What this model should not be relied on for, as far as the run itself shows it."""
    size: Mapping[str, int | float] = outcome.data.summary()
    found = [
        "Measured offline, on what these users did by themselves: an online test may come out differently.",
        f"{size['cold_users']:,} users and {size['cold_items']:,} items have no training row.",
    ]
    if not outcome.cold_sides:
        found.append("New users and new items are hardly in the test: what is said of them rests on few rows.")
    if not len(outcome.data.test):
        found.append("There are no test rows: the metrics are of validation rows, by which it was chosen.")
    if outcome.interrupted:
        found.append("Training was stopped by hand: this is the best epoch until then.")
    return found


def loading(run_id: str) -> str:
    """Python, command line, and MLflow's own way."""
    return (
        f'```python\nimport reccl\n\nmodel = reccl.load(run="{run_id}")\nmodel.recommend(users=[...], k=20)\n```\n\n'
        f"```bash\nreccl recommend --run {run_id[:8]} --out recommendations.parquet\n```"
    )


def command_line() -> str:
    """The command that trained, as one types it; of a program in Python, its name."""
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    ours = name in ("reccl", "reccl.exe") or Path(sys.argv[0]).parts[-2:] == ("reccl", "__main__.py")
    return shlex.join(["reccl", *map(redact_setting, sys.argv[1:])]) if ours else f"{name} (reccl.train)"


def redact_setting(word: str) -> str:
    """A word of a command line without passwords; of KEY=VALUE, the value may be a map in YAML.

    >>> redact_setting("data={pipeline: ./shop.py, api_key: s3cret}")
    "data={'pipeline': './shop.py', 'api_key': '***'}"
    """
    key, sign, value = word.partition("=")
    try:
        parsed = parse_yaml(value, key)[0] if sign else word
    except RecclError:
        return redact(word)
    hidden = redact_entry(key.rpartition(".")[2], parsed)
    return redact(word) if hidden == parsed else f"{key}{sign}{hidden}"
