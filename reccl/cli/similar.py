"""`reccl similar`."""

from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.console import Device, Json, Quiet, RunName, out, print_json, say, table
from reccl.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from reccl.recommender import Recommender

EXAMPLES = (
    "reccl similar --items 50 --item-columns title",
    "reccl similar --users 42,7 --k 5 --json",
)
ItemColumns = Annotated[
    str | None, typer.Option(metavar="COLUMN,...", help="Columns of the item table to add, such as title.")
]


def similar(
    items: Annotated[str | None, typer.Option(help="Ids of items: id,id,...")] = None,
    users: Annotated[str | None, typer.Option(help="Ids of users: id,id,...")] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="How many for each.")] = 10,
    item_columns: ItemColumns = None,
    run: RunName = "latest",
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The most similar items of items, or users of users.

    Two items are similar where the same users score them high, and two users where they score the same items high:
    the correlation of their scores, from -1 to 1.
    """
    if (items is None) == (users is None):
        raise ConfigError("similar to what? Name --items or --users, e.g. --items 50,172")
    model = load_model(run, device)
    if items is not None:
        found = model.similar_items(split_words(items), k, item_columns=split_words(item_columns))
    else:
        found = model.similar_users(split_words(users), k)
    if json:
        print_json(found.to_dicts())
        return
    print_rows(found, "similarity")


def load_model(run: str, device: str) -> "Recommender":
    """The model of a run, for somebody who watches."""
    from reccl import tracking
    from reccl.recommender import Recommender

    found = tracking.find(run, say)
    return Recommender.read(tracking.model_folder(found), found.info.run_id, device)


def split_words(words: str | None) -> list[str]:
    """`a, b` as a list; empty for nothing."""
    return [word.strip() for word in (words or "").split(",") if word.strip()]


def print_rows(rows: "pl.DataFrame", *numbers: str) -> None:
    """A table for the eye; `numbers` are columns of fractions."""
    made = table(None, *rows.columns, right=(*numbers, "rank"))
    for row in rows.iter_rows(named=True):
        made.add_row(
            *(f"{value:.4g}" if name in numbers else str("" if value is None else value) for name, value in row.items())
        )
    out.print(made)
