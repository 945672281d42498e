"""`reccl explain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.console import Device, Json, Quiet, RunName, hint, out, print_json
from reccl.cli.similar import ItemColumns, load_model, print_rows, split_words

if TYPE_CHECKING:
    from reccl.recommender import Recommender

EXAMPLES = (
    "reccl explain --user 42 --item 204 --item-columns title",
    "reccl explain --user 9001 --item 181 --history today.csv",
)


def explain(
    user: Annotated[str, typer.Option(help="Id of a user.")],
    item: Annotated[str, typer.Option(help="Id of an item.")],
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="How many of the user's items to show.")] = 10,
    item_columns: ItemColumns = None,
    history: Annotated[
        Path | None, typer.Option(help="Interactions since the training: a file with `user`, `item`.")
    ] = None,
    run: RunName = "latest",
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Which of the items that a user has carry the score of another item.

    Exact where the score is a sum over the user's items (EASE, item-kNN, SVD, graph filters): contributions and rest
    add up to it. Trained embeddings are split by Shapley values of an estimate, and the rest is what training knows
    beyond it.
    """
    from reccl.recommend.id_tables import read_id_table

    model = load_model(run, device)
    rows = read_id_table(history, model.record.id_names())
    columns = split_words(item_columns)
    found = model.explain(user, item, history=rows, item_columns=columns)
    if json:
        parts = found.contributions.to_dicts()
        print_json({"user": user, "item": item, **{**vars(found), "contributions": parts}})
        return
    out.print(f"user {user}, item {describe_item(model, item, columns)}: score {found.score:.4g}, by {found.source}")
    height = found.contributions.height
    if not height:
        out.print("none of the user's items carries it")
        return
    print_rows(found.contributions.head(k), "contribution", "share")
    total = float(found.contributions["contribution"].sum())
    kind = "exact" if found.exact else "an estimate, since the model is trained"
    out.print(f"all {height:,} items: {total:.4g}; the rest: {found.rest:.4g}; {kind}")
    hint(f"reccl similar --items {item}")


def describe_item(model: "Recommender", item: str, columns: list[str]) -> str:
    """An item's id, and what its table says."""
    if not columns:
        return item
    import polars as pl

    one = pl.DataFrame({"item": model.model.item_ids.cast(pl.Series([item]))})
    return f"{item} ({', '.join(str(value) for value in model.with_item_columns(one, columns).row(0)[1:])})"
