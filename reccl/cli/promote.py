"""`reccl promote`."""

from typing import Annotated

import typer

from reccl.cli.completion import complete_run
from reccl.cli.console import Json, Quiet, hint, out, print_json, say

EXAMPLES = (
    "reccl promote latest",
    "reccl promote latest --name shop --if-better test/ndcg_at_10",
    "reccl promote 1a2b3c4d --name shop --alias challenger",
)


def promote(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Run id, unique prefix of one, run name, models:/NAME@ALIAS, or latest.",
            autocompletion=complete_run,
        ),
    ],
    alias: Annotated[str, typer.Option(help="Alias of the model that is served.")] = "champion",
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the registered model; default: that of the config.")
    ] = None,
    if_better: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="Only where the paired interval of this test metric against the present holder is above zero.",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Register the model of a run in MLflow and give it an alias: models:/NAME@ALIAS is taken wherever a run is.

    With --if-better it ends with exit code 1, and the registry stays as it is, unless the 95% interval of the
    difference, paired over users, to the model that has the alias lies above zero. A model of another day's data is
    measured again on the run's test rows, and refused where it was trained on them. The first model of a name is
    promoted without a comparison.
    """
    from dataclasses import asdict

    from reccl.nightly.promotion import promote, write_difference

    made = promote(run, alias, name=name, if_better=if_better, log=say)
    if json:
        print_json({**asdict(made), "address": made.address})
        return
    out.print(f"{made.address} is version {made.version}, run {made.run}")
    if made.difference is not None:
        out.print(f"against {made.before[:8]}: {write_difference(made.metric, made.difference)}")
    elif made.before == made.run:
        out.print("it was so already")
    elif made.before:
        out.print(f"it was run {made.before}")
    elif if_better:
        out.print("nothing to compare with: it is the first")
    hint(f"reccl recommend --run {made.address} --out recommendations.parquet")
