"""`reccl evaluate`."""

from enum import StrEnum
from typing import Annotated

import typer

from reccl.cli.console import Debug, Device, Json, Quiet, RunName, out, print_json, say, table
from reccl.errors import RunError


class Part(StrEnum):
    """Held-out parts."""

    validation = "validation"
    test = "test"


def evaluate(
    run: RunName = "latest",
    split: Annotated[Part, typer.Option(help="Held-out part to rank.")] = Part.test,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure a recorded model again on its own data."""
    from reccl import config, tracking
    from reccl.data.prepare import prepare
    from reccl.experiment import measure
    from reccl.training.device import choose

    hardware = choose(device)
    found = tracking.find(run)
    model = tracking.model_of(found).to(hardware)
    experiment = config.loads(tracking.text_of(found, "config.yaml"))
    data = prepare(experiment.data, say)
    if data.fingerprint != found.data.tags.get("reccl.fingerprint"):
        raise RunError(f"the data of run {found.info.run_id} has changed since it was trained: train it again")
    if split == Part.validation and experiment.training.refit:
        say("note: this run was refitted on train and validation rows, so validation is not unseen")
    values = measure(model.scorer, data, split.value, experiment)
    if not values:
        raise RunError(f"run {found.info.run_id} has no {split.value} rows")
    if json:
        print_json({"run": found.info.run_id, "split": split.value, "metrics": values})
        return
    made = table(f"{found.info.run_name} on {split.value}", "metric", "value", right=("value",))
    for name, value in values.items():
        made.add_row(name, f"{value:.4f}")
    out.print(made)
