"""`reccl evaluate`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.console import Device, Json, Quiet, RunName, Trust, hint, out, print_json, say, table
from reccl.errors import RunError

if TYPE_CHECKING:
    from reccl.config import Experiment
    from reccl.data.dataset import Dataset
    from reccl.evaluation import EvaluationResult
    from reccl.recommend import Model

EXAMPLES = (
    "reccl evaluate",
    "reccl evaluate --run movielens --split validation --json",
)


class Part(StrEnum):
    """Held-out parts."""

    validation = "validation"
    test = "test"


def evaluate(
    run: RunName = "latest",
    split: Annotated[Part, typer.Option(help="Held-out part to rank.")] = Part.test,
    device: Device = "auto",
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a recorded model again on its own data, for all users and for groups of users and items."""
    from reccl.fitting import measure_part

    found = reopen(run, split.value, device, trust)
    again = measure_part(found.model.ranker, found.data, split.value, found.experiment)
    if not again:
        raise RunError(f"run {found.id} has no {split.value} rows")
    if json:
        print_json({"run": found.id, "split": split.value, "metrics": again.means()})
        return
    show(f"{found.name} on {split.value}", again)
    hint(f"reccl cold --run {found.id[:8]}; reccl compare")


@dataclass(frozen=True)
class Reopened:
    """A recorded run, ready to be measured."""

    id: str
    name: str
    model: "Model"
    experiment: "Experiment"
    data: "Dataset"  # as it was when the model was fitted: after a refit, its training rows hold the validation rows


def reopen(run: str, part: str, device: str, trust: bool = False) -> Reopened:
    """Find a run, load its model and prepare its data to measure `part`."""
    from reccl import config, tracking
    from reccl.data.prepare import prepare
    from reccl.training.device import resolve_device

    hardware = resolve_device(device)
    found = tracking.find(run, say)
    model = tracking.model_of(found).to(hardware)
    experiment = config.loads(tracking.text_of(found, "config.yaml"), trust=trust)
    data = prepare(experiment.data, say)
    if data.fingerprint != found.data.tags.get("reccl.fingerprint"):
        raise RunError(f"the data of run {found.info.run_id} has changed since it was trained: train it again")
    if experiment.training.refit and "reccl.interrupted" not in found.data.tags and len(data.validation):
        if part == "validation":
            say("note: this run was refitted on train and validation rows, so validation is not unseen")
        else:
            data = data.merge_validation()
    return Reopened(found.info.run_id, str(found.info.run_name), model, experiment, data)


def show(title: str, measured: "EvaluationResult") -> None:
    """All metrics of all users, then recall and NDCG of groups."""
    made = table(title, "metric", "value", right=("value",))
    for name, value in measured.means().items():
        if "/" not in name:
            made.add_row(name, f"{value:.4f}")
    out.print(made)
    if not (groups := measured.group_means()):
        return
    names = [name for name in measured.per_user if name.startswith(("recall", "ndcg"))]
    made = table("groups", "group", "users", *names, right=("users", *names))
    sizes = measured.group_sizes()
    for group, means in groups.items():
        count = f"{sizes[group]:,}" if group in sizes else "-"
        made.add_row(group, count, *(f"{means[name]:.4f}" for name in names))
    out.print()
    out.print(made)
