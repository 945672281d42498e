"""Recommender: a trained model in the hands of a user of the library."""

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import torch

from reccl.atomic import atomic_path
from reccl.config import Experiment, loads
from reccl.data.columns import ITEM, SCORE, USER
from reccl.data.ingest.frames import to_polars
from reccl.errors import DataError, RecclError, did_you_mean, join_names
from reccl.recommend import Model, extend_model, load, recommend, save
from reccl.recommend.id_tables import count_unknown, rename_ids, type_user_ids
from reccl.recommend.record import TrainingRecord, read_record, write_record
from reccl.training.device import resolve_device

CHUNK = 1 << 24
"""Scores that are in memory at a time when pairs are scored."""


class Recommender:
    """A trained model with its metrics and history: recommends, scores pairs, gives embeddings, saves itself.

    Made by `reccl.train` and `reccl.load`. It holds nothing but ids, embeddings and known interactions: neither the
    training code nor the raw data is needed to use it.
    """

    def __init__(self, model: Model, record: TrainingRecord, run_id: str = "", trust: bool = False) -> None:
        self.model, self.record, self.trust = model, record, trust
        self.run_id = run_id
        """Id of the MLflow run that holds it; empty where it was not tracked."""

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """Part (validation, test) -> metric -> value, e.g. `metrics["test"]["ndcg_at_10"]`."""
        return self.record.metrics

    @property
    def history(self) -> pl.DataFrame:
        """A row an epoch: losses, validation metrics, learning rate, seconds."""
        return self.record.history

    @property
    def timing(self) -> Mapping[str, float]:
        """Seconds of every part of the run, and the peak memory in GiB."""
        return self.record.timing

    @cached_property
    def experiment(self) -> Experiment:
        """The config that it was trained by, with every default.

        Raises ConfigError where it names code of its own that you have not run; see `reccl.load(trust=True)`.
        """
        return loads(self.record.config, trust=self.trust)

    @property
    def user_ids(self) -> pl.Series:
        """[U] raw ids of the users, in the order of `user_embeddings`."""
        return self.model.user_ids.ids

    @property
    def item_ids(self) -> pl.Series:
        """[I] raw ids of the items, in the order of `item_embeddings`."""
        return self.model.item_ids.ids

    def recommend(
        self,
        users: Any = None,
        k: int = 20,
        *,
        include_seen: bool = False,
        new_users: Any = None,
        new_items: Any = None,
        history: Any = None,
        item_columns: Sequence[str] = (),
    ) -> pl.DataFrame:
        """The k best items of every user, sorted by user and rank.

        Args:
            users: ids (a list, a Series of polars or pandas, or a table with `user`); None: everybody, new users too.
            k: items for each user; fewer where fewer are left.
            include_seen: also list items that the user is known to have.
            new_users: a table with `user` and feature columns: users who came after training.
            new_items: a table with `item` and feature columns: items that join everybody's candidates.
            history: a table with `user` and `item`: interactions since training, of new users or known ones.
            item_columns: columns of the item table (and of `new_items`) to add, e.g. ["title"].

        Returns user, item (raw ids), score, rank (1 is best) and source: `model` for trained users and items,
        `fold_in` where `history` places or moves the user, `content` where features do, `popularity` for a user about
        whom nothing is known.

        Tables may call `user` and `item` as the data set of the training does, such as `customer` and `sku`. Ids that
        match nothing are counted in a UserWarning. Raises DataError for ids of another type, unknown columns, or tables
        that lack a needed one.
        """
        tables = list(
            self.iter_recommendations(
                users,
                k,
                include_seen=include_seen,
                new_users=new_users,
                new_items=new_items,
                history=history,
                item_columns=item_columns,
            )
        )
        return pl.concat(tables) if tables else self.empty_lists(item_columns)

    def iter_recommendations(
        self,
        users: Any = None,
        k: int = 20,
        *,
        include_seen: bool = False,
        new_users: Any = None,
        new_items: Any = None,
        history: Any = None,
        item_columns: Sequence[str] = (),
    ) -> Iterator[pl.DataFrame]:
        """The same as `recommend`, a chunk of users at a time, in bounded memory."""
        if k < 1:
            raise DataError(f"k {k}: ask for at least one item")
        names = self.record.id_names()
        users_table, items_table, rows = (
            None if table is None else rename_ids(to_polars(table), names) for table in (new_users, new_items, history)
        )
        extended = extend_model(self.model, users_table, items_table, rows, warn)
        wanted = None if users is None else type_user_ids(users, extended.model.user_ids, names)
        if wanted is not None:
            count_unknown(wanted, extended.model.user_ids, warn)
        lists = recommend(extended, wanted, k, include_seen=include_seen)
        yield from (
            (self.with_item_columns(some, item_columns, items_table) for some in lists) if item_columns else lists
        )

    def score(self, pairs: Any, *, user: str = USER, item: str = ITEM) -> pl.DataFrame:
        """The table of pairs with a column `score` (float32, null where user or item is unknown), in its own order.

        Args:
            pairs: a table with a column of user ids and one of item ids.
            user: the column of user ids.
            item: the column of item ids.

        """
        table = to_polars(pairs)
        for column in (user, item):
            if column not in table.columns:
                near = did_you_mean(column, table.columns)
                raise DataError(f"the pairs have no column {column!r}{near}; there are: {join_names(table.columns)}")
        self.model.user_ids.require_match(table[user].drop_nulls(), "no user of the pairs is known")
        self.model.item_ids.require_match(table[item].drop_nulls(), "no item of the pairs is known")
        rows = pl.DataFrame(
            {"row": self.model.user_ids.to_rows(table[user]), "column": self.model.item_ids.to_rows(table[item])}
        ).with_row_index("place")
        known = rows.drop_nulls().sort("row", maintain_order=True)
        asked, place = torch.unique_consecutive(integers(known["row"]), return_inverse=True)  # [u], [P]
        columns, found = integers(known["column"]), torch.empty(known.height)  # [P], [P]
        ranker = self.model.ranker
        size = max(1, CHUNK // max(1, len(self.model.item_ids)))
        for start in range(0, len(asked), size):
            scores = ranker.scores(asked[start : start + size])  # [b, I]
            inside = (place >= start) & (place < start + size)  # [P]
            found[inside] = scores[place[inside] - start, columns[inside]].float()
        scored = known.select("place").with_columns(pl.Series(SCORE, found.numpy()))
        return table.with_columns(rows.join(scored, on="place", how="left", maintain_order="left")[SCORE])

    def user_embeddings(self) -> pl.DataFrame:
        """user, vector (an array of D numbers): scores are inner products with `item_embeddings`.

        Raises RecclError for a model that ranks by item-item matrices alone, and has no such vectors.
        """
        return self.vectors(USER, self.user_ids, self.model.scorer.user_embeddings)

    def item_embeddings(self) -> pl.DataFrame:
        """item, vector; see `user_embeddings`. Of a blend with item-item matrices they are the part with vectors."""
        return self.vectors(ITEM, self.item_ids, self.model.scorer.item_embeddings)

    def save(self, folder: str | Path) -> None:
        """Write a folder of safetensors, Parquet, YAML and JSON, whole or not at all; `reccl.load` reads it."""
        with atomic_path(Path(folder)) as draft:
            save(self.model, draft)
            write_record(self.record, draft)

    @classmethod
    def read(cls, folder: str | Path, run_id: str = "", device: str = "cpu", *, trust: bool = False) -> "Recommender":
        """Read what `save` wrote. Raises RunError where it is not such a folder."""
        model = load(Path(folder)).to(resolve_device(device))
        return cls(model, read_record(Path(folder)), run_id, trust)

    def with_item_columns(
        self, recommendations: pl.DataFrame, columns: Sequence[str], new_items: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """Recommendations with columns of the item table beside them; those of new items come from their own table."""
        table = self.record.item_table
        if table is None:
            raise DataError(f"no column {join_names(columns)}: this model was trained without a table of items")
        for column in columns:
            if column not in table.columns:
                near = did_you_mean(column, table.columns) or f"; there are: {join_names(table.columns)}"
                raise DataError(f"the items have no column {column!r}{near}")
        beside = table.select(self.item_ids.alias(ITEM), *columns)
        if new_items is not None:
            own = new_items.select(ITEM, *(name for name in columns if name in new_items.columns))
            own = own.with_columns(self.model.item_ids.cast(own[ITEM])).unique(ITEM, keep="first")
            added = own.join(beside, on=ITEM, how="anti").cast({name: beside.schema[name] for name in own.columns})
            beside = pl.concat([beside, added], how="diagonal")
        return recommendations.join(beside, on=ITEM, how="left", maintain_order="left")

    def empty_lists(self, item_columns: Sequence[str] = ()) -> pl.DataFrame:
        """Recommendations for nobody."""
        ids = {USER: self.user_ids.dtype, ITEM: self.item_ids.dtype}
        empty = pl.DataFrame(schema={**ids, "score": pl.Float32, "rank": pl.Int32, "source": pl.String})
        return self.with_item_columns(empty, item_columns) if item_columns else empty

    def vectors(self, name: str, ids: pl.Series, table: torch.Tensor) -> pl.DataFrame:
        """Ids and their rows of a table [n, D]."""
        if not table.shape[1]:
            raise RecclError(
                f"{self.record.name} has no embeddings: it ranks by item-item matrices; use recommend or score"
            )
        array = pl.Series("vector", table.float().cpu().numpy(), dtype=pl.Array(pl.Float32, table.shape[1]))
        return pl.DataFrame([ids.alias(name), array])

    def __repr__(self) -> str:
        test = self.metrics.get("test", {})
        shown = ", ".join(f"{name} {test[name]:.4f}" for name in ("ndcg_at_10", "recall_at_20") if name in test)
        sizes = f"{len(self.user_ids):,} users, {len(self.item_ids):,} items"
        return f"<Recommender {self.record.name}: {sizes}{f'; test {shown}' if shown else ''}>"


def warn(text: str) -> None:
    """Tell the user of the library, at the line that called it, of ids that match nothing and the like."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "reccl":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)


def integers(column: pl.Series) -> torch.Tensor:
    """A column of whole numbers, [n]."""
    return torch.from_numpy(column.to_numpy(writable=True)).long()
