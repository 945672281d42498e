"""`reccl data list | fetch | describe`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reccl.bundle import available
from reccl.cli.commands import command
from reccl.cli.completion import complete_data
from reccl.cli.console import Json, Override, Quiet, hint, out, print_json, say, table
from reccl.errors import ConfigError

if TYPE_CHECKING:
    from reccl.data.features import FeatureTables, Side
    from reccl.data.settings import Data

SIDES: "tuple[Side, ...]" = ("users", "items")

app = typer.Typer(help="Named data sets: list, fetch, describe their features.", no_args_is_help=True)


@command(app, "list", "reccl data list")
def show_all(json: Json = False, quiet: Quiet = False) -> None:
    """List the data sets that can be fetched by name."""
    from reccl.data.ingest.sources import SOURCES

    if json:
        print_json(
            [{"name": each.name, "title": each.title, "page": each.page, "license": each.license} for each in SOURCES]
        )
        return
    sizes = ("users", "items", "interactions")
    made = table(None, "name", "what", *sizes, right=sizes)
    for each in SOURCES:
        made.add_row(each.name, each.title, f"{each.users:,}", f"{each.items:,}", f"{each.interactions:,}")
    out.print(made)
    for license_ in sorted({each.license for each in SOURCES}):
        names = ", ".join(each.name for each in SOURCES if each.license == license_)
        out.print(f"\n{names}: {license_}")
    hint("reccl data fetch NAME; reccl data describe NAME")


@command(app, "fetch", "reccl data fetch ml-100k", "reccl data fetch gowalla --root /data")
def fetch(
    name: Annotated[str, typer.Argument(help="A name of reccl data list.", autocompletion=complete_data)],
    root: Annotated[Path | None, typer.Option(help="Folder that holds data sets by name; looked into first.")] = None,
    quiet: Quiet = False,
) -> None:
    """Make a named data set available, and print where it is."""
    from reccl.data.ingest.acquire import acquire

    out.print(str(acquire(name, root=root, log=say)))
    if f"data/{name}" in available("configs", ".yaml"):
        where = f" --set data.root={shlex.quote(str(root))}" if root else ""
        hint(f"reccl train --config best.yaml --set data={name}{where}")


@command(app, "describe", "reccl data describe ml-100k", "reccl data describe --config orders.yaml")
def describe(
    name: Annotated[
        str | None, typer.Argument(help="A file of configs/data, e.g. ml-100k.", autocompletion=complete_data)
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="A config, for its data section.")] = None,
    overrides: Override = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show how rows were read, and every feature of users and items as it is learned from the training rows."""
    data = section(name, config, overrides or ())
    from reccl.data.prepare import prepare, report

    dataset = prepare(data, say)
    report(dataset, say)
    tables = dataset.build_feature_tables()
    sides = {side: summary(tables, side) for side in SIDES}
    if json:
        print_json(sides)
        return
    for place, (side, found) in enumerate(sides.items()):
        if place:
            out.print()
        show(side, found)
    hint(f"reccl train --config {'best.yaml' if config is None else config}{f' --set data={name}' if name else ''}")


def section(name: str | None, config: Path | None, overrides: list[str] | tuple[()]) -> "Data":
    """The data section of a config, or of a named data set."""
    if (name is None) == (config is None):
        raise ConfigError("give a data set, reccl data describe ml-100k, or a config, --config movielens.yaml")
    from reccl.config import read, validate

    raw, origin, path = read(config) if config is not None else (name, {}, "reccl data describe")
    if isinstance(raw, dict) and "data" in raw:
        return validate(raw, overrides, origin, path).data
    bare = {"name": "describe", "data": raw, "scorer": {"kind": "popularity"}}  # a data section by itself
    return validate(bare, overrides, {("data", *key): line for key, line in origin.items()}, path).data


def summary(tables: "FeatureTables", side: "Side") -> dict[str, Any]:
    """One side: how many nodes, how many of them are learned from, the features, the columns that are left out."""
    fitted, (known, trained, _) = tables.fit(side), tables.select_side(side)
    rows = zip(fitted.describe().to_dicts(), fitted.features, strict=True)
    used = [feature.name for feature in fitted.features]
    return {
        "nodes": len(trained),
        "trained": int(trained.sum()),
        "features": [{**row, "columns": feature.columns} for row, feature in rows],
        "left_out": [] if known is None else [column for column in known.columns if column not in used],
    }


def show(side: str, found: dict[str, Any]) -> None:
    """One side as a table."""
    features, columns = found["features"], sum(len(each["columns"]) for each in found["features"])
    sizes = f"{found['nodes']:,} {side}, {found['trained']:,} with training rows"
    if not features:
        out.print(f"{sizes}: no features", style="bold")
        return
    right = ("columns", "missing", "words")
    title = f"{sizes}: {len(features)} features, {columns:,} columns"
    made = table(title, "feature", "kind", *right, "named", "example", right=right)
    for each in features:
        names, words = each["columns"], each["vocabulary"]
        made.add_row(
            each["name"],
            each["kind"],
            f"{len(names):,}",
            f"{each['missing']:.1%}",
            "-" if words is None else f"{words:,}",
            " .. ".join(dict.fromkeys([names[0], names[-1]])) if names else "-",
            each["example"],
        )
    out.print(made)
    if found["left_out"]:
        names = ", ".join(found["left_out"])
        out.print(f"left out: {names}; to have one, give it a kind in data.features.{side}")
