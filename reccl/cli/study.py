"""`reccl study`."""

from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.completion import complete_study
from reccl.cli.console import Device, Json, Quiet, err, hint, out, print_json, say, table

if TYPE_CHECKING:
    from reccl.studies.result import StudyResult

EXAMPLES = (
    "reccl study --config studies/closed-forms.yaml",
    "reccl study --config studies/six-methods.yaml --jobs 2",
    "reccl study --config studies/closed-forms.yaml --json",
)


def study(
    config: Annotated[
        str,
        typer.Option(
            "--config",
            "-c",
            metavar="STUDY",
            help="Study: a YAML file, or a name such as studies/closed-forms.",
            autocompletion=complete_study,
        ),
    ],
    jobs: Annotated[int, typer.Option(min=1, help="Trials, and trainings, at a time, each in its own process.")] = 1,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a study: several configs on several data sets, over seeds and splits, with the same tuning budget each.

    Each method is tuned on validation rows (budget.trials; 0: as configured), trained with every seed and tested once.
    The table and the claims that the data supports are printed, and written as Markdown, LaTeX, CSV and a plot. Every
    config on every data set is checked before anything is read.

    The same command goes on with a study that was stopped: what is finished is not run again. What fails is a row that
    says so, the study goes on, and the exit code is 1; the same command tries it again.
    """
    from reccl.studies.load import load_study

    read_in = load_study(config)
    say("loading ...") if err.is_terminal else None
    from reccl.studies.study import run_study

    found = run_study(read_in, jobs, device, say)
    if json:
        print_json(found.as_json())
    else:
        show(found)
    if found.interrupted:
        say("stopped by hand: the same command goes on")
        raise typer.Exit(130)
    if not json:
        hint(f"reccl compare {' '.join(found.settings.configs)}; reccl ui")
    if found.failed:
        raise typer.Exit(1)


def show(found: "StudyResult") -> None:
    """The table, what failed, the claims, and where it all is."""
    from reccl.studies.table import cells, heads, published_cells, published_heads

    metrics = found.settings.metrics
    columns = heads(metrics)
    made = table(found.settings.name, *columns, right=tuple(columns[2:]))
    before = ""
    for row in found.rows:
        name, *others = cells(row, metrics)
        made.add_row("" if name == before else name, *others)
        before = name
    out.print()
    out.print(made)
    for row in found.rows:
        if row.note:
            out.print(f"{row.data}, {row.method}: {row.note}")
    for data, figures in found.published.items():
        columns = published_heads(figures[0])
        theirs = table(f"published for the split of {data}", *columns, right=tuple(columns[1:3]))
        for figure in figures:
            theirs.add_row(*published_cells(figure))
        out.print()
        out.print(theirs)
    out.print("\nwhat the data supports")
    for line in found.claims_text():
        out.print(f"- {line}")
    out.print("")
    for line in found.notes():
        out.print(line)
    out.print(f"{found.folder} holds results.md, .tex, .csv, claims.txt and forest.png")
    out.print(f"run {found.run}")
