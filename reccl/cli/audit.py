"""`reccl audit`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.completion import complete_config, complete_run
from reccl.cli.console import Json, Override, Quiet, Trust, flag, hint, out, print_json, say, table
from reccl.errors import ConfigError

if TYPE_CHECKING:
    from reccl.auditing import Report

EXAMPLES = (
    "reccl audit --config movielens.yaml",
    "reccl audit --run latest",
    "reccl audit --config orders.yaml --strict",
)
STYLES = {"ok": "green", "note": "", "warning": "yellow", "serious": "bold red"}


def audit(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The experiment.", autocompletion=complete_config)
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="A recorded run in its place, which keeps the audit.",
            autocompletion=complete_run,
        ),
    ] = None,
    overrides: Override = None,
    strict: Annotated[bool, flag("--strict", help="Exit code 1 where anything is serious.")] = False,
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Is this experiment to be believed? Each check is a number, how bad it is, and what to do.

    Leaks of time, duplicates across parts, users and items seen in test alone, cores taken before the split, features
    that know the future, a validation part that asks for something else than test, and, over the recorded runs of the
    same data, whether validation ranks methods as test does. Nothing is trained.
    """
    if (config is None) == (run is None):
        raise ConfigError("give a config, --config movielens.yaml, or a recorded run, --run latest")
    if run is not None and overrides:
        raise ConfigError("--set is for --config: a recorded run is audited as it was")
    from reccl import config as configs

    experiment = None if config is None else configs.load(config, overrides or ())
    from reccl import tracking
    from reccl.auditing import audit_dataset
    from reccl.auditing.audit import recorded_candidates
    from reccl.data.prepare import prepare

    found = None
    if experiment is not None:
        data = prepare(experiment.data, say)
    else:
        found = tracking.find(str(run), say)
        experiment = configs.loads(tracking.config_of(found), trust=trust)
        data = tracking.data_of(found, experiment.data, say)
    report = audit_dataset(experiment, data, recorded_candidates(data, experiment.training.metric))
    if found is not None:
        tracking.keep_audit(found.info.run_id, report.as_json(), report.count())
    if json:
        print_json(report.as_json())
    else:
        show(report, experiment.name)
        if found is not None:
            hint(f"run {found.info.run_id[:8]} holds audit.json; reccl ui")
    if strict and report.worst == "serious":
        raise typer.Exit(1)


def show(report: "Report", name: str) -> None:
    """The checks, the worst first, and what to do about each."""
    from reccl.auditing.finding import SEVERITIES

    out.print(f"{report.data}; split {report.split}, digest {report.digest}")
    if report.published:
        out.print(f"this is the published split {report.published}")
    made = table(f"audit of {name}: {report.count()}", "check", "", "number", "of", "what", right=("number",))
    ordered = sorted(report.findings, key=lambda finding: -SEVERITIES.index(finding.severity))
    for finding in ordered:
        cells = (finding.check, finding.severity, finding.shown(), finding.unit, finding.says)
        made.add_row(*cells, style=STYLES[finding.severity])
    out.print(made)
    for finding in ordered:
        if finding.remedy:
            out.print(f"{finding.check}: {finding.remedy}")
