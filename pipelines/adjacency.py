"""Adjacency lists: a line is a user and the items of that user, `user item item ...`, one file a part.

The layout of the splits that graph recommenders are compared on (Gowalla, Yelp2018, Amazon-Book): users and items are
already numbered, and who trains on what is already decided, so the table carries a `part` column.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import Field

from reccl.data.columns import ITEM, PART, TEST, TRAIN, USER, VALIDATION
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables
from reccl.errors import DataError

PLAIN = r"^\s*(?:\d{1,18}(?:\s+|$))*$"


def pipeline(
    raw: Path,
    *,
    train: Path = Path("train.txt"),
    test: Path | None = Path("test.txt"),
    validation: Path | None = None,
    validation_tail: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> Tables:
    """Read a folder of adjacency lists.

    train, test, validation: the file of each part, relative to the data folder. A user may have an empty line.
    validation_tail: share of each user's training list that is validation instead, from its end: for lists in order of
    time, of which the test part has the latest. A pair that occurs twice is kept once, in the first part that has it
    (train, validation, test).
    """
    if validation_tail and validation is not None:
        raise DataError(
            f"validation_tail {validation_tail:g} is for data without a file of validation rows: {validation}"
        )
    files = _files(raw, train, test, validation)
    lists = {part: _lists(path) for part, path in files.items()}
    if validation_tail:
        kept = pl.col(ITEM).list.len() - _tail(validation_tail)
        whole = lists[TRAIN]
        lists[TRAIN] = whole.with_columns(pl.col(ITEM).list.head(kept))
        lists = {TRAIN: lists[TRAIN], VALIDATION: whole.with_columns(pl.col(ITEM).list.slice(kept)), **lists}
    pairs = pl.concat([_explode(each).with_columns(pl.lit(part).alias(PART)) for part, each in lists.items()])
    funnel = Funnel.read(pairs, "pairs read")
    return Tables(funnel.then("distinct", lambda frame: frame.unique([USER, ITEM], keep="first", maintain_order=True)))


def inputs(
    raw: Path,
    *,
    train: Path = Path("train.txt"),
    test: Path | None = Path("test.txt"),
    validation: Path | None = None,
    validation_tail: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> list[Path]:
    """The files that are read."""
    return list(_files(raw, train, test, validation).values())


def _files(raw: Path, train: Path, test: Path | None, validation: Path | None) -> dict[str, Path]:
    files = {part: raw / name for part, name in ((TRAIN, train), (VALIDATION, validation), (TEST, test)) if name}
    for part, path in files.items():
        if not path.is_file():
            there = ", ".join(sorted(entry.name for entry in path.parent.glob("*.txt"))) or "none"
            raise DataError(f"no file {path} for the {part} part; text files there: {there}; set {part}: FILE")
    return files


def _lists(path: Path) -> pl.LazyFrame:
    """A user and a list of items a line, in the order of the file."""
    lines = pl.scan_lines(path, row_index_name="number", row_index_offset=1).map_batches(_whole(path), streamable=True)
    numbers = pl.col("line").str.extract_all(r"\d+").cast(pl.List(pl.Int64))
    return lines.select(numbers).select(
        pl.col("line").list.first().alias(USER), pl.col("line").list.slice(1).alias(ITEM)
    )


def _explode(lists: pl.LazyFrame) -> pl.LazyFrame:
    """One row a (user, item)."""
    return lists.explode(ITEM).drop_nulls()


def _tail(share: float) -> pl.Expr:
    """How many items at the end of a list are a share of it (rounded), all but one at most."""
    length = pl.col(ITEM).list.len().cast(pl.Int64)
    return pl.min_horizontal((length * share).round().cast(pl.Int64), (length - 1).clip(lower_bound=0))


def _whole(path: Path) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Let lines of whole numbers through; name the first token that is something else."""

    def look(lines: pl.DataFrame) -> pl.DataFrame:
        odd = lines.filter(~pl.col("line").str.contains(PLAIN)).head(1)
        if odd.height:
            number, line = odd.select("number", "line").row(0)
            token = next((word for word in line.split() if not (word.isascii() and word.isdigit())), line.strip()[:40])
            raise DataError(
                f"{path}, line {number}: {token!r} is not a whole number; a line is 'user item item ...' with numbers "
                "for ids (for ids that are text, use pipeline: table)"
            )
        return lines

    return look
