"""Dataset: interactions in row numbers, split in three, with the maps back to raw ids."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl

from reccl.data.aligned import align, with_ids
from reccl.data.columns import ITEM, OPTIONAL, PART, RATING, TARGET, TEST, TIMESTAMP, TRAIN, USER, VALIDATION, WEIGHT
from reccl.data.conform import conform
from reccl.data.content_hash import hash_content
from reccl.data.drop_cold import drop_cold
from reccl.data.encoded_interactions import EncodedInteractions
from reccl.data.features import FeatureSchema, FeatureTables
from reccl.data.features.nested import has_column
from reccl.data.graph import Graph
from reccl.data.ids import IdMap
from reccl.data.ingest import pipelines
from reccl.data.ingest.failures import READING, give_reason
from reccl.data.ingest.funnel import Count
from reccl.data.ingest.interactions import Column
from reccl.data.ingest.spill import scratch_folder
from reccl.data.ingest.steps import require_rows
from reccl.data.ingest.tables import Tables
from reccl.data.pairs import distinct_pairs
from reccl.data.remarks import remark_on_sizes
from reccl.data.settings import Data, frame_settings
from reccl.data.split_digest import SplitDigest
from reccl.data.splits import Predefined, RandomPerUser, Split
from reccl.data.splits.holdout import hold_out
from reccl.data.weights import age_weights, describe_weights, scale_weights, sum_repeats, weigh_parts
from reccl.errors import ConfigError, DataError, did_you_mean, join_names

Hide = Literal["known", "none", "train"]
"""What is left out of lists: known pairs, nothing, or those of training alone."""


@dataclass(frozen=True)
class Dataset:
    """What training, evaluation and scoring are made from.

    Everything that is learned (graph, feature statistics, popularity) is built from `train` and nothing else.
    Model selection reads `validation`; `test` is read once, after training.
    """

    user_ids: IdMap  # [U]
    item_ids: IdMap  # [I]
    train: pl.DataFrame  # [E] user, item: row numbers (Int32); and rating, weight, timestamp where known
    validation: pl.DataFrame
    test: pl.DataFrame
    user_table: pl.DataFrame | None  # [U] features in row-number order, null where unknown
    item_table: pl.DataFrame | None  # [I]
    counts: tuple[Count, ...]  # rows after every step of the pipeline
    fingerprint: str  # hash of ids, rows and feature tables: equal where the data is the same
    features: FeatureSchema = field(default_factory=FeatureSchema)  # how the feature tables are read
    settings: Data | None = None  # how it was made: the data section of a config
    notes: tuple[str, ...] = ()  # what one may want to know of how the files were read, a line each
    given: Mapping[str, pl.DataFrame] = field(default_factory=dict)  # validation, test -> rows of users to be folded in

    @classmethod
    def from_frame(
        cls,
        interactions: Any,
        *,
        user: str = USER,
        item: str = ITEM,
        timestamp: Column = None,
        rating: Column = None,
        weight: Column = None,
        users: Any = None,
        items: Any = None,
        users_id: str | None = None,
        items_id: str | None = None,
        split: Split | Mapping[str, Any] | None = None,
        features: FeatureSchema | Mapping[str, Any] | None = None,
        **options: Any,
    ) -> "Dataset":
        """A data set from tables in memory: split, numbered, ready to train on.

        >>> orders = pl.DataFrame({"customer": ["ann", "ann", "bo", "bo"], "sku": [7, 8, 7, 9], "at": [1, 2, 3, 4]})
        >>> last = {"kind": "leave_last_out"}
        >>> data = Dataset.from_frame(orders, user="customer", item="sku", timestamp="at", split=last)
        >>> data.user_ids.ids.to_list(), data.train.height, data.test.height
        (['ann', 'bo'], 2, 2)

        Args:
            interactions: one row an interaction; a polars (also lazy), pandas or pyarrow table, or the path of a file
                or folder (CSV, TSV, Parquet, JSON lines, Arrow).
            user: the column of `interactions` that holds the users' ids.
            item: the column that holds the items' ids.
            timestamp: the column that holds times; None reads none.
            rating: the column that holds ratings.
            weight: the column that holds weights, such as a quantity.
            users: features of users, one row a user; a table or a path.
            items: features of items, one row an item.
            users_id: the column of `users` that holds the id; None: the same name as in `interactions`.
            items_id: the column of `items` that holds the id.
            split: such as `reccl.splits.Temporal()`; None: by the column `part` where one is named, else at random.
            features: kinds of the feature columns; None infers them.
            **options: keys of the pipeline `table`: part, events, time_unit, time_format, ids, nulls,
                duplicates, minimum_rating, user_core, item_core, since, until; half_life and weight_scale; of files
                also format and separator.

        Raises:
            DataError: a column is missing, or values cannot be read.
            ConfigError: an option does not exist, or has a value that it cannot have.

        """
        columns = {USER: user, ITEM: item, TIMESTAMP: timestamp, RATING: rating, WEIGHT: weight}
        columns |= {PART: options.pop(PART)} if PART in options else {}
        keys = {"users_id": users_id, "items_id": items_id, "split": split, "features": features, **options}
        return run_pipeline(frame_settings(interactions, users, items, columns, **keys), Path())

    def part(self, name: str) -> pl.DataFrame:
        """The rows of one part by name: train, validation or test."""
        return {TRAIN: self.train, VALIDATION: self.validation, TEST: self.test}[name]

    def to_frame(self, part: str = TRAIN) -> pl.DataFrame:
        """The rows of one part with raw ids: what another library trains on, or is measured on.

        >>> Dataset.from_frame(pl.DataFrame({"user": ["ann"], "item": [7]})).to_frame()["user"].to_list()
        ['ann']

        """
        rows = self.part(part)
        return rows.with_columns(self.user_ids.to_ids(rows[USER]), self.item_ids.to_ids(rows[ITEM]))

    @cached_property
    def digest(self) -> SplitDigest:
        """Which pairs of ids are in which part, whatever the order of rows: what numbers are of."""
        return SplitDigest.of(self)

    @property
    def users(self) -> pl.DataFrame:
        """[U] raw ids and features of all users."""
        return with_ids(USER, self.user_ids, self.user_table)

    @property
    def items(self) -> pl.DataFrame:
        """[I] raw ids and features (titles, prices) of all items."""
        return with_ids(ITEM, self.item_ids, self.item_table)

    def known_before(self, part: str) -> pl.DataFrame:
        """Interactions that are known when `part` is predicted."""
        earlier = [self.train] if part == VALIDATION else [self.train, self.validation]
        return pl.concat([*earlier, *self.given_before(part)])

    def given_before(self, part: str) -> list[pl.DataFrame]:
        """Those of them that no model is trained on: of held-out users, who are folded in when `part` is predicted."""
        parts = (VALIDATION,) if part == VALIDATION else (VALIDATION, TEST)
        return [self.given[name] for name in parts if name in self.given]

    def hidden_before(self, part: str, hide: Hide) -> pl.DataFrame:
        """The (user, item) pairs that are left out of lists when `part` is measured; see `Evaluation.hide`."""
        trained = pl.concat([self.train, *self.given_before(part)])
        rows = {"known": self.known_before(part), "none": self.train.clear(), "train": trained}[hide]
        return distinct_pairs(rows, len(self.item_ids))

    def summary(self) -> dict[str, int | float]:
        """Sizes, density, and how many held-out users and items have no training row."""
        return {
            "users": len(self.user_ids),
            "items": len(self.item_ids),
            "train": self.train.height,
            "validation": self.validation.height,
            "test": self.test.height,
            "density": self.train.height / max(1, len(self.user_ids) * len(self.item_ids)),
            "cold_users": len(self.user_ids) - self.train[USER].n_unique(),
            "cold_items": len(self.item_ids) - self.train[ITEM].n_unique(),
        }

    def describe(self) -> str:
        """Sizes in one line."""
        size = self.summary()
        return (
            f"{size['users']:,} users x {size['items']:,} items; train {size['train']:,}, "
            f"validation {size['validation']:,}, test {size['test']:,}; "
            f"{size['cold_users']:,} users and {size['cold_items']:,} items have no training row"
            f"{describe_weights(self.train)}"
        )

    def with_settings(self, settings: Data) -> "Dataset":
        """The same data, with how it was made and how its features are read.

        Raises ConfigError for a feature of a column that the table lacks.
        """
        tables = (("users", self.user_table), ("items", self.item_table))
        for side, table in tables:
            for name in getattr(settings.features, side):
                if table is None:
                    raise ConfigError(f"data.features.{side}.{name}: this data has no table of {side}; leave it out")
                if not has_column(table, name):
                    near = did_you_mean(name, table.columns)
                    raise ConfigError(
                        f"data.features.{side}.{name}: the table of {side} has no column {name!r}{near}; "
                        f"there are {join_names(table.columns)}"
                    )
        return replace(self, features=settings.features, settings=settings)

    def build_graph(self, *, times: bool = False) -> Graph:
        """The user-item graph of the training rows, with their times where these are asked for."""
        size = len(self.user_ids), len(self.item_ids)
        return Graph.from_interactions(self.scale_rows(self.train), *size, times=times)

    def scale_rows(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with weights on the scale on which they count; see `Data.weight_scale`."""
        return rows if self.settings is None else scale_weights(rows, self.settings.weight_scale)

    def build_feature_tables(self) -> FeatureTables:
        """The feature tables, and which users and items have training rows."""

        def mark_trained(side: str, ids: IdMap) -> pl.Series:
            return pl.int_range(len(ids), dtype=pl.Int32, eager=True).is_in(self.train[side].unique().implode())

        users, items = mark_trained(USER, self.user_ids), mark_trained(ITEM, self.item_ids)
        return FeatureTables(self.user_table, self.item_table, users, items, self.features)

    def merge_validation(self) -> "Dataset":
        """The same data with the validation rows as training rows, for a final fit after settings are chosen."""
        rows = pl.concat([self.train, *self.given_before(VALIDATION), self.validation])
        if WEIGHT in rows.columns:
            if self.settings is not None and self.settings.half_life:
                rows = age_weights(rows, self.train[TIMESTAMP].max(), self.settings.half_life)
            rows = sum_repeats(rows)
        given = {part: table for part, table in self.given.items() if part != VALIDATION}
        return replace(self, train=rows, validation=self.validation.clear(), given=given)


def run_pipeline(data: Data, raw: Path, log: Callable[[str], None] = lambda _: None) -> Dataset:
    """Run the pipeline that the settings name on a folder of raw files, split and number.

    Raises DataError where a table cannot be read, or no row is left to train on.
    """
    pipeline = pipelines.load(data.pipeline)
    mine = (
        nullcontext() if pipelines.is_bundled(pipeline.path) else pipelines.explain_failure(pipeline.path, "pipeline")
    )
    try:
        with mine:  # its lazy tables run its code as they are read
            dataset = build(pipeline.run(raw, **data.arguments()), data.split, data.half_life)
    except READING as error:
        raise DataError(f"pipeline {data.pipeline!r} could not read {raw.resolve()}: {give_reason(error)}") from error
    if dataset.train.is_empty():
        why = "; ".join(note for note in dataset.notes if note.startswith("split"))
        raise DataError(
            f"the split leaves no training row of {dataset.test.height:,}: hold out less, or give more data"
            + f" ({why})" * bool(why)
        )
    return dataset.with_settings(data)


def build(tables: Tables, split: Split | None, half_life: float | None = None) -> Dataset:
    """Run the pipeline's lazy tables, split the rows, number the ids.

    Without a split, rows are split by their column `part` where there is one, else at random per user. Raises DataError
    where a step leaves no row. Weights fade by `half_life` (days) before the newest training row, and those of repeated
    pairs are summed within each part: nothing of a held-out row is in a training row.
    """
    with scratch_folder() as folder:
        rows, counts = tables.interactions.sink(Path(folder) / "rows.parquet")
        require_rows(counts)
        rows, noted = conform(rows)
        present = rows.collect_schema().names()
        split = split or (Predefined() if PART in present else RandomPerUser())
        columns = [USER, ITEM, *(name for name in (*OPTIONAL, TARGET) if name in present)]
        numbered = EncodedInteractions.encode(rows.select(columns), Path(folder))
        read = (USER, ITEM, *split.reads) if tables.repeats else (USER, *split.reads)
        looked_at = numbered.select([name for name in columns if name in read])
        held = hold_out(split, looked_at, repeats=tables.repeats)
        remarks, masks = split.remark(looked_at, held), held.by_part()
        if TARGET in columns:
            target = numbered.select([TARGET])[TARGET]
            masks |= {part: masks[part] & target for part in (VALIDATION, TEST)}
            counts = (*counts, Count("held-out rows are targets", sum(int(mask.sum()) for mask in masks.values())))
        parts = {part: numbered.filter(mask).drop(PART, TARGET, strict=False) for part, mask in masks.items()}
    parts = weigh_parts(parts, half_life, repeats=tables.repeats)
    if tables.repeats:
        counts = (*counts, Count("pairs in a part", sum(table.height for table in parts.values())))
    users, items = numbered.user_ids, numbered.item_ids
    if not split.keep_cold:
        rows_of = {USER: list(parts.values()) if split.of_users else [parts[TRAIN]], ITEM: [parts[TRAIN]]}
        known = {
            side: pl.concat([table[side] for table in some]).unique().drop_nulls().sort()
            for side, some in rows_of.items()
        }
        users, items = IdMap(users.ids.gather(known[USER])), IdMap(items.ids.gather(known[ITEM]))
        parts, dropped = drop_cold(parts, known)
        counts = (*counts, *dropped)
    user_table, of_users = align(tables.users, USER, users)
    item_table, of_items = align(tables.items, ITEM, items)
    content = (users, items, parts[TRAIN], parts[VALIDATION], parts[TEST], user_table, item_table)
    given = {part: parts[name] for part in (VALIDATION, TEST) if (name := f"given_{part}") in parts}
    notes = (*tables.notes, *noted, *remarks, *remark_on_sizes(parts), *of_users, *of_items)
    content_hash = hash_content(users.ids.to_frame(), items.ids.to_frame(), *content[2:], *given.values())
    return Dataset(*content, counts, content_hash, notes=notes, given=given)
