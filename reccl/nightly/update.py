"""Update: a model with the interactions, users and items since its training, without training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from reccl import tracking
from reccl.caller_warning import warn
from reccl.cold_start.sources import Sources
from reccl.data.columns import ITEM
from reccl.errors import DataError, RunError
from reccl.recommend import ExtendedModel, Model, extend_model
from reccl.recommend.item_columns import describe_items
from reccl.recommender import Recommender

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Update:
    """How much an update has added."""

    new_pairs: int  # (user, item) that the model did not have
    moved_users: int  # known users with further items
    new_users: int
    new_items: int

    def describe(self) -> str:
        """In one line.

        >>> Update(1200, 300, 12, 1).describe()
        '1,200 new pairs; 300 known users have longer histories; 12 new users, 1 new items'
        """
        return (
            f"{self.new_pairs:,} new pairs; {self.moved_users:,} known users have longer histories; "
            f"{self.new_users:,} new users, {self.new_items:,} new items"
        )


def update(
    model: str | Recommender,
    history: Any = None,
    *,
    new_users: Any = None,
    new_items: Any = None,
    track: bool = False,
    progress: bool = True,
) -> Recommender:
    """A model that knows what has happened since its training. Nothing is trained, and the given model stays as it is.

    What changes: users in `history` move by what their further items change of the fold-in estimate
    (`reccl.cold_start.fold_in`), or have the items in their profile where scores come from histories; these items count
    as had, and in popularity; new users and, by their features, new items have rows. What does not: embeddings of known
    items, item-item matrices, features' weights, and all that was selected on validation rows. Metrics and training
    history are those of the training. Update the trained model with all rows since it was trained, rather than an
    updated one with the newest: a user who was moved twice is not where one longer history would put them.

    Args:
        model: a Recommender, or a recorded run by id, prefix, name or address.
        history: a table with `user` and `item`: interactions since training. Rows that the model has are no news.
        new_users: a table with `user` and feature columns.
        new_items: a table with `item` and feature columns; it needs a model with a tower of items.
        track: record the updated model as a run of its own, for `reccl recommend --run`, `reccl promote` and serving.
        progress: warn of what was left out.

    Tables may call `user` and `item` as the data of the training does. Raises DataError where nothing is given, or
    tables lack columns.

    >>> later = reccl.update("models:/shop@champion", pl.read_parquet("new.parquet"), track=True)  # doctest: +SKIP

    """
    if isinstance(model, str):
        found = tracking.find(model)
        base = Recommender.read(tracking.model_folder(found), found.info.run_id)
    else:
        base = model
    users, items, rows = base.record.read_tables(new_users, new_items, history)
    updated, added = update_recommender(base, users, items, rows, warn if progress else lambda _: None)
    if not track:
        return updated
    if not base.run_id:
        raise RunError("this model was not recorded: train with track=True, or save the updated one in a folder")
    return record(updated, base.run_id, added)


def record(updated: Recommender, base: str, added: Update) -> Recommender:
    """Record an updated model as a run beside that of the training, whose id is `base`."""
    run = tracking.record_update(tracking.find(base), updated.model, updated.record, asdict(added))
    return Recommender(updated.model, updated.record, run, updated.trust)


def update_recommender(
    base: Recommender,
    new_users: pl.DataFrame | None,
    new_items: pl.DataFrame | None,
    history: pl.DataFrame | None,
    log: Callable[[str], None],
) -> tuple[Recommender, Update]:
    """The updated model and what was added; tables have reccl's own names of ids."""
    if new_users is None and new_items is None and history is None:
        raise DataError("nothing to update with: give a history, new users or new items")
    before = base.model.to(torch.device("cpu"))
    extended = extend_model(before, new_users, new_items, history, log, base.record)
    model = to_model(before, extended)
    counts, known = model.known.counts, len(before.user_ids)
    added = Update(
        new_pairs=len(model.known.item) - len(before.known.item),
        moved_users=int((counts[:known] > before.known.counts).sum()),
        new_users=len(model.user_ids) - known,
        new_items=len(model.item_ids) - len(before.item_ids),
    )
    items = describe_items(base.record.item_table, before.item_ids, model.item_ids, new_items)
    table = None if items is None else items.drop(ITEM)
    return Recommender(model, replace(base.record, item_table=table), "", base.trust), added


def to_model(before: Model, extended: ExtendedModel) -> Model:
    """An extended model as one that can be saved: further pairs count in popularity as an average one does."""
    model = extended.model
    degrees = [torch.bincount(each.known.item, minlength=len(model.item_ids)) for each in (before, model)]
    weight = float(before.popularity.sum()) / max(1, len(before.known.item))
    popularity = model.popularity + weight * (degrees[1] - degrees[0])
    sources = Sources(extended.user_source.to(torch.int8), extended.item_source.to(torch.int8))
    return replace(model, popularity=popularity, sources=sources)
