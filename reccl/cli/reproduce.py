"""`reccl reproduce`."""

from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.completion import complete_run
from reccl.cli.console import Device, Json, Quiet, Trust, out, print_json, say, table

if TYPE_CHECKING:
    from reccl.reproduction import Compared, Reproduction

EXAMPLES = ("reccl reproduce latest", "reccl reproduce movielens --tolerance 0", "reccl reproduce 1f0c --json")


def reproduce(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Run id, unique prefix of one, run name, models:/NAME@ALIAS, or latest.",
            autocompletion=complete_run,
        ),
    ] = "latest",
    tolerance: Annotated[
        float, typer.Option(min=0, help="How far a metric may be off, as a share of it; 0: equal to the bit.")
    ] = 1e-3,
    device: Device = "auto",
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a recorded run once more from what was recorded, and say what is equal.

    Config, data, seeds and number of threads are those of the run; code, packages and CPU are those that are here, and
    are compared. Nothing is recorded. The exit code is 1 where a metric is off by more than --tolerance.
    """
    from reccl.reproduction import reproduce as train_again

    found = train_again(run, device=device, trust=trust, log=say)
    within = found.difference <= tolerance and (found.identical or tolerance > 0)
    if json:
        print_json(as_json(found, within))
    else:
        show(found)
        out.print(verdict(found, within))
    if not within:
        raise typer.Exit(1)


def show(found: "Reproduction") -> None:
    """What differs of what the run was made with, and every result."""
    differing = [each for each in found.made_with if not each.equal]
    rows = table(f"run {found.run_id}", "what", "recorded", "now", "equal")
    for each in (*differing, *found.results):
        rows.add_row(each.what, each.recorded, each.now, equality(each))
    out.print(rows)
    if same := [each.what for each in found.made_with if each.equal]:
        out.print(f"equal: {', '.join(same)}")


def equality(each: "Compared") -> str:
    """In a word."""
    if each.equal:
        return "yes, to the bit" if each.recorded.split()[-1] in ("epochs", "numbers", "tensors") else "yes"
    return f"off by {each.difference:.1e}" if 0 < each.difference < float("inf") else "no"


def verdict(found: "Reproduction", within: bool) -> str:
    """The end of it, in a line."""
    if found.identical:
        return "reproduced: every result is equal to the bit"
    if within and not found.difference:
        return "reproduced: every metric is equal to the bit, not everything else: see the table"
    if within:
        return f"reproduced: metrics are off by {found.difference:.1e} of their value at most"
    return "not reproduced: the table says what differs"


def as_json(found: "Reproduction", within: bool) -> dict[str, object]:
    """For scripts."""
    parts = {"made_with": found.made_with, "results": found.results}
    return {
        "run": found.run_id,
        "reproduced": within,
        "identical": found.identical,
        "largest_difference_of_metrics": found.difference,
        **{name: [{**vars(each), "equal": each.equal} for each in compared] for name, compared in parts.items()},
    }
