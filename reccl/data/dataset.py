"""Dataset: interactions in row numbers, split in three, with the maps back to raw ids."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from reccl.data.columns import ITEM, OPTIONAL, PART, TEST, TRAIN, USER, VALIDATION
from reccl.data.encoded_interactions import EncodedInteractions
from reccl.data.features import FeatureSchema
from reccl.data.ids import IdMap
from reccl.data.ingest.funnel import Count
from reccl.data.ingest.spill import scratch
from reccl.data.ingest.steps import require_rows
from reccl.data.ingest.tables import Tables
from reccl.data.splits import Predefined, RandomPerUser, Split


@dataclass(frozen=True)
class Dataset:
    """What training, evaluation and scoring are made from.

    Everything learned (graph, feature statistics, popularity) is built from `train` and takes nothing else.
    `validation` is read by model selection; `test` is read once, after training.
    """

    user_ids: IdMap  # [U]
    item_ids: IdMap  # [I]
    train: pl.DataFrame  # [E] user, item: row numbers (Int32); and rating, weight, timestamp where known
    validation: pl.DataFrame
    test: pl.DataFrame
    user_table: pl.DataFrame | None  # [U] features in row-number order, null where unknown
    item_table: pl.DataFrame | None  # [I]
    counts: tuple[Count, ...]  # rows after every step of the pipeline
    fingerprint: str  # hash of raw content, pipeline, arguments and split
    features: FeatureSchema = field(default_factory=FeatureSchema)  # how the feature tables are read

    def part(self, name: str) -> pl.DataFrame:
        """The rows of one part by name: train, validation or test."""
        return {TRAIN: self.train, VALIDATION: self.validation, TEST: self.test}[name]

    def known_before(self, part: str) -> pl.DataFrame:
        """Interactions already known when `part` is predicted: hidden from the ranking."""
        return self.train if part == VALIDATION else pl.concat([self.train, self.validation])

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
        )

    def refit(self) -> "Dataset":
        """The same data with the validation rows given back to train, for a final fit with chosen settings."""
        rows = pl.concat([self.train, self.validation])
        return replace(self, train=rows, validation=self.validation.clear())


def build(tables: Tables, split: Split | None, fingerprint: str) -> Dataset:
    """Run the pipeline's lazy tables, split the rows (None: as the files say, else at random per user), number the ids.

    Raises DataError where a step leaves no row.
    """
    with scratch() as folder:
        rows, counts = tables.interactions.sink(Path(folder) / "rows.parquet")
        require_rows(counts)
        present = rows.collect_schema().names()
        split = split or (Predefined() if PART in present else RandomPerUser())
        columns = [USER, ITEM, *(name for name in OPTIONAL if name in present)]
        numbered = EncodedInteractions.of(rows.select(columns), Path(folder))
        held = split.held(numbered.select([name for name in columns if name in (USER, *split.reads)]))
        test, validation = (mask.fill_null(False) for mask in held)  # rows without an id are nobody's to hold out
        masks = {TRAIN: ~(test | validation), VALIDATION: validation & ~test, TEST: test}
        parts = {part: numbered.where(mask).drop(PART, strict=False) for part, mask in masks.items()}
    users, items = numbered.user_ids, numbered.item_ids
    if not split.keep_cold:
        known = {side: parts[TRAIN][side].unique().drop_nulls().sort() for side in (USER, ITEM)}
        users, items = IdMap(users.ids.gather(known[USER])), IdMap(items.ids.gather(known[ITEM]))
        parts, dropped = without_cold(parts, known)
        counts = (*counts, *dropped)
    return Dataset(
        users,
        items,
        parts[TRAIN],
        parts[VALIDATION],
        parts[TEST],
        aligned(tables.users, USER, users),
        aligned(tables.items, ITEM, items),
        counts,
        fingerprint,
    )


def without_cold(
    parts: dict[str, pl.DataFrame], known: dict[str, pl.Series]
) -> tuple[dict[str, pl.DataFrame], tuple[Count, ...]]:
    """Drop rows whose user or item is not among the known ones, which are numbered anew without gaps."""
    counts = []
    for side, rows in known.items():
        anew = pl.DataFrame({side: rows, "__row": pl.int_range(len(rows), dtype=pl.Int32, eager=True)})
        for part, table in parts.items():
            found = table.join(anew, on=side, how="inner", maintain_order="left")
            parts = {**parts, part: found.with_columns(pl.col("__row").alias(side)).drop("__row")}
        counts.append(Count(f"{side} has training rows", sum(table.height for table in parts.values())))
    return parts, tuple(counts)


def aligned(table: pl.LazyFrame | None, key: str, ids: IdMap) -> pl.DataFrame | None:
    """Feature rows in row-number order: one row an id, null where the table does not have it."""
    if table is None:
        return None
    features = table.collect().unique(key, keep="first", maintain_order=True)
    rows = features.select(ids.rows(features[key]).alias("__row"), pl.exclude(key)).drop_nulls("__row")
    everyone = pl.select(pl.int_range(len(ids), dtype=pl.Int32).alias("__row"))
    return everyone.join(rows, on="__row", how="left", maintain_order="left").drop("__row")
