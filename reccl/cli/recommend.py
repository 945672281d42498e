"""`reccl recommend`."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.console import Device, Quiet, RunName, err, flag, hint, out, say, table
from reccl.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

    from reccl.data.ids import IdMap
    from reccl.recommend import Format as WrittenFormat
    from reccl.recommend import Model

EXAMPLES = (
    "reccl recommend --out recommendations.parquet",
    "reccl recommend --users 42,7 --k 5 --item-columns title",
    "reccl recommend --new-items arrivals.csv --history today.csv --out lists.jsonl",
)
READERS = {
    "arrow": "read_ipc({})",
    "csv": "read_csv({})",
    "json": "read_json({})",
    "jsonl": "read_ndjson({})",
    "parquet": "read_parquet({})",
    "tsv": "read_csv({}, separator='\\t')",
}


class Format(StrEnum):
    """File formats."""

    parquet = "parquet"
    csv = "csv"
    tsv = "tsv"
    jsonl = "jsonl"
    json = "json"
    arrow = "arrow"


def recommend(
    target: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="File to write; an older one is replaced when this one is whole. - is standard output."
        ),
    ] = None,
    run: RunName = "latest",
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Items for each user.")] = 20,
    users: Annotated[
        str | None,
        typer.Option(help="Users to score: id,id,... or a file: a column `user`, or one id a line. Default: all."),
    ] = None,
    item_columns: Annotated[
        str | None,
        typer.Option(metavar="COLUMN,...", help="Columns of the item table to add, such as title."),
    ] = None,
    include_seen: Annotated[bool, flag("--include-seen", help="Also list items that the user already has.")] = False,
    new_users: Annotated[
        Path | None,
        typer.Option(help="Users to add, without training: a file with a column `user` and columns of features."),
    ] = None,
    new_items: Annotated[
        Path | None,
        typer.Option(help="Items to add to everybody's candidates: a file with `item` and columns of features."),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(help="Interactions since the training, of new users or known ones: a file with `user`, `item`."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: by the file's ending, else parquet.")
    ] = None,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Write the best items of every user: user, item, score, rank, source, in raw ids. Or print those of a few users.

    New users, new items and new interactions are taken in without training. The source of a row is model, fold_in
    (the user is placed, or moved, by --history), content (a new user or item is placed by features) or popularity.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from reccl.recommend.target import check_target, is_special, is_stdout
    from reccl.recommend.write import choose_format

    if target is None and users is None:
        raise ConfigError("where to? Name a file with --out, or a few users with --users to see their lists here")
    form_name: WrittenFormat | None = form.value if form else None
    if target is not None:
        check_target(target)
        choose_format(target, form_name)
    from reccl import recommend as batch
    from reccl import tracking
    from reccl.recommend.id_tables import count_new, count_unknown, read_id_table
    from reccl.training.device import resolve_device

    hardware = resolve_device(device)
    found = tracking.find(run, say)
    model = tracking.model_of(found).to(hardware)
    names = {side: name for side in ("user", "item") if (name := found.data.params.get(f"data.{side}"))}
    items, rows = read_id_table(new_items, names), read_id_table(history, names)
    extended = batch.extend_model(model, read_id_table(new_users, names), items, rows, say)
    if rows is not None:
        count_new(rows, model.user_ids, extended.model.user_ids, say)
    wanted = None if users is None else user_ids(users, names, extended.model.user_ids)
    if wanted is not None:
        count_unknown(wanted, extended.model.user_ids, say)
    add_columns = column_adder(model, tracking.model_folder(found), item_columns, items)
    total = len(extended.model.user_ids) if wanted is None else wanted.n_unique()
    columns = (TextColumn("scoring users"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=err.quiet or not err.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def watched() -> "Iterator[pl.DataFrame]":
            for lists in batch.recommend(extended, wanted, k, include_seen=include_seen):
                yield add_columns(lists)
                bar.advance(task, lists["user"].n_unique())

        if target is None:
            print_lists(watched())
            return
        written = choose_format(target, form_name)
        height = batch.write_tables(watched(), target, written)
    to_file = not (is_stdout(target) or is_special(target))
    (out.print if to_file else say)(
        f"{height:,} rows for {total:,} users of run {found.info.run_id} ({found.info.run_name}) -> {target}"
    )
    if to_file:
        how = READERS[written].format(repr(str(target)))
        hint(f"read it with polars.{how}; reccl evaluate --run {found.info.run_id[:8]}")


def column_adder(
    model: "Model", folder: Path, columns: str | None, new_items: "pl.DataFrame | None"
) -> "Callable[[pl.DataFrame], pl.DataFrame]":
    """Adds the columns asked for to recommendations."""
    if columns is None:
        return lambda lists: lists
    from reccl.recommend.record import read_record
    from reccl.recommender import Recommender

    recommender = Recommender(model, read_record(folder))
    names = [name.strip() for name in columns.split(",") if name.strip()]
    return lambda lists: recommender.with_item_columns(lists, names, new_items)


def print_lists(tables: "Iterator[pl.DataFrame]") -> None:
    """Recommendations as a table for the eye."""
    made = None
    for lists in tables:
        made = made or table(None, *lists.columns, right=("score", "rank"))
        for row in lists.iter_rows(named=True):
            made.add_row(*(f"{value:.4g}" if name == "score" else str(value) for name, value in row.items()))
    if made is not None:
        out.print(made)


def user_ids(users: str, names: "Mapping[str, str]", known: "IdMap") -> "pl.Series":
    """User ids from a comma-separated list or a file.

    It is a file where there is one, or where the word ends as a table does (`.csv`); with a comma at the end it is ids.
    """
    import polars as pl

    from reccl.bundle import is_file
    from reccl.data.ingest.files import SUFFIXES
    from reccl.recommend.id_tables import read_user_ids, type_user_ids

    path = Path(users)
    if is_file(path):
        ids = read_user_ids(path, names, known, say)
    elif path.suffix.lower() in SUFFIXES and "," not in users:
        raise DataError(f"no file {users}; name one, or ids as id,id,... (with a comma behind a single one)")
    else:
        ids = type_user_ids([part.strip() for part in users.split(",") if part.strip()], known)
    if ids.is_empty():
        raise DataError("no users asked for; leave --users out to score all")
    return ids.cast(known.ids.dtype) if ids.dtype == pl.Null else ids
