"""`reccl init`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.console import Json, Quiet, flag, hint, out, print_json, say, table
from reccl.errors import ConfigError, RecclError, join_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reccl.scaffold import Column, Features, Guess, Plan, Role

EXAMPLES = (
    "reccl init orders.csv",
    "reccl init orders.csv --items products.csv --users customers.csv --yes",
    "reccl init clicks.parquet --user visitor --timestamp none --out shop.yaml",
)
NONE = "none"
"""What is written where no column has a role."""
ASKED: "tuple[Role, ...]" = ("user", "item", "timestamp", "rating")
MEANINGS: "dict[Role, str]" = {
    "user": "Column with the user's id",
    "item": "Column with the item's id",
    "timestamp": f"Column with the time ({NONE}: there is none)",
    "rating": f"Column with the rating ({NONE}: every row counts alike)",
}


def init(
    interactions: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Your table: a row an order, a rating, a click. Or a folder, or 'x/*.csv'."
        ),
    ],
    items: Annotated[Path | None, typer.Option(help="Table of items: titles, categories, prices.")] = None,
    users: Annotated[Path | None, typer.Option(help="Table of users: country, age.")] = None,
    user: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the user's id.")] = None,
    item: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the item's id.")] = None,
    timestamp: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the time, or none.")] = None,
    rating: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the rating, or none.")] = None,
    target: Annotated[
        Path | None, typer.Option("--out", "-o", help="Config to write. Default: FILE's name, .yaml.")
    ] = None,
    yes: Annotated[bool, flag("--yes", "-y", help="Take the guesses without asking.")] = False,
    force: Annotated[bool, flag("--force", help="Replace an existing file.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look at your own files, and write a commented config that trains on them as it is.

    Guesses which columns hold the user, the item, the time and the rating, shows why, and asks. Columns that are named
    here are not guessed.
    """
    from reccl.data.ingest.table_files import split_pattern

    place, pattern = split_pattern(interactions.resolve())
    name = (place if pattern else interactions.resolve()).name.partition(".")[0] or "data"
    target = target or Path(f"{name}.yaml")
    if target.exists() and not force:
        raise ConfigError(f"{target} exists; name another file with --out, or replace it with --force")
    from reccl import scaffold

    opened = scaffold.open_table(interactions)
    columns = scaffold.profile(opened.sample())
    words: Mapping[Role, str | None] = {"user": user, "item": item, "timestamp": timestamp, "rating": rating}
    given: dict[Role, str | None] = {
        role: None if word == NONE else word for role, word in words.items() if word is not None
    }
    guesses = scaffold.guess_roles(columns, given)
    if not json:
        rows = columns[0].rows
        looked_at = f"first {rows:,} rows" if rows == scaffold.SAMPLE else f"{rows:,} rows"
        show(f"{interactions}: {len(columns)} columns, {looked_at}", guesses, columns)
    if not (yes or json) and sys.stdin.isatty():
        for role in ASKED:
            if role not in given:
                given[role] = ask(guesses[role], [column.name for column in columns])
                guesses = scaffold.guess_roles(columns, given)
    planned = scaffold.plan(opened, scaffold.chosen(guesses, columns, interactions), items=items, users=users)
    if not json:
        show_features(planned)
    command = shlex.join(["reccl", *sys.argv[1:]])
    text = scaffold.config_text(planned, name=name, path=str(target), command=command)
    check(text)
    write(text, target)
    if json:
        print_json({"config": target, "columns": {role: guess.column for role, guess in guesses.items()}})
        return
    out.print(f"\nwrote {target}")
    hint(f"reccl train --config {shlex.quote(str(target))}")


def ask(guess: "Guess", names: list[str]) -> str | None:
    """The column that the person gives this role, the guess being the default; None for none of them."""
    optional = guess.role not in ("user", "item")
    while True:
        answer = typer.prompt(MEANINGS[guess.role], default=guess.column or (NONE if optional else None), err=True)
        if answer in names:
            return str(answer)
        if optional and answer == NONE:
            return None
        say(f"no column {answer!r}; there are: {join_names(names)}")


def check(text: str) -> None:
    """Prepare the data as training will; what is prepared is kept for it. Raises what training would raise."""
    from reccl.config import loads
    from reccl.data.prepare import prepare

    try:
        prepare(loads(text).data, say)
    except RecclError as error:
        raise type(error)(
            f"{error}; nothing was written; other columns can be named with --user, --item, ..."
        ) from None


def write(text: str, target: Path) -> None:
    """Write the file, and its folder where there is none."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    except OSError as error:
        raise ConfigError(f"cannot write {target}: {error.strerror}") from None


def show(title: str, guesses: "Mapping[Role, Guess]", columns: "tuple[Column, ...]") -> None:
    """What was found: the column of every role, why, and some of its values."""
    named = {column.name: column for column in columns}
    made = table(title, "role", "column", "why", "values")
    for role, guess in guesses.items():
        if guess.column or role in ASKED:
            examples = few(named[guess.column].examples) if guess.column else ""
            doubt = "" if guess.sure else "?"
            made.add_row(f"{role}{doubt}", guess.column or "-", guess.why, examples)
    out.print(made)
    left = [name for name in named if name not in {guess.column for guess in guesses.values()}]
    if left:
        out.print(f"not used: {', '.join(left)}")


def few(examples: "Sequence[str]", longest: int = 28) -> str:
    """As many of these values as stand on a short line, at least one."""
    fitting = [number for number in range(2, len(examples) + 1) if len(", ".join(examples[:number])) <= longest]
    return ", ".join(examples[: max(fitting, default=1)])


def spell(kind: str | None) -> str:
    """The kind of a feature without YAML's braces."""
    return kind.strip("{}").removeprefix("kind: ") if kind else "-"


def show_features(planned: "Plan") -> None:
    """The kinds of the columns of the tables of items and users."""
    sides: dict[str, Features | None] = {"items": planned.items, "users": planned.users}
    for side, features in sides.items():
        if features:
            made = table(f"{features.table.path}: {side} by {features.id_column}", "column", "feature", "why")
            for each in features.found:
                made.add_row(each.column, spell(each.kind), each.why)
            out.print()
            out.print(made)
