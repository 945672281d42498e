"""`reccl update`."""

from pathlib import Path
from typing import Annotated

import typer

from reccl.cli.console import Quiet, RunName, hint, out, say
from reccl.errors import ConfigError

EXAMPLES = (
    "reccl update --run models:/shop@champion --history new.parquet",
    "reccl update --run latest --history new.parquet --new-items arrivals.csv",
    "reccl update --run latest --history new.parquet --out model/",
)


def update(
    run: RunName = "latest",
    history: Annotated[
        Path | None,
        typer.Option(help="Interactions since the training, of new users or known ones: a file with `user`, `item`."),
    ] = None,
    new_users: Annotated[
        Path | None, typer.Option(help="Users to add: a file with a column `user` and columns of features.")
    ] = None,
    new_items: Annotated[
        Path | None, typer.Option(help="Items to add: a file with `item` and columns of features.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Write the model there, for reccl.load; default: a run."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Add what has happened since the training to a model, without training: a run that --run and serving take.

    Known users move by their further items, new users are placed by theirs, new items by their features. Embeddings of
    known items, item-item matrices and all that was chosen on validation rows stay. Update the trained run with all
    rows since its training, not an updated one with the newest.
    """
    if history is None and new_users is None and new_items is None:
        raise ConfigError("nothing to update with: give --history FILE, --new-users FILE or --new-items FILE")
    from reccl.recommend.target import check_parent

    if folder is not None:
        check_parent(folder)
        if folder.exists() and not (folder / "model.json").is_file():
            raise ConfigError(f"--out {folder} is there, and is no model that may be replaced: name another folder")
    from reccl import tracking
    from reccl.nightly.update import record, update_recommender
    from reccl.recommend.id_tables import read_id_table
    from reccl.recommender import Recommender

    found = tracking.find(run, say)
    base = Recommender.read(tracking.model_folder(found), found.info.run_id)
    names, own = base.record.id_names(), base.record.table_id_names()
    users, items = (read_id_table(table, own, names) for table in (new_users, new_items))
    updated, added = update_recommender(base, users, items, read_id_table(history, names), say)
    if folder is not None:
        updated.save(folder)
        place = str(folder)
    else:
        place = f"run {record(updated, base.run_id, added).run_id}"
    out.print(f"{added.describe()} -> {place}")
    if folder is None:
        hint(f"reccl recommend --run {place[4:12]} --out recommendations.parquet; reccl promote {place[4:12]}")
    else:
        hint(f"reccl.load({str(folder)!r}).recommend(k=20)")
