"""MovieLens, in every layout it comes in: ml-100k, ml-1m, ml-latest-small, ml-20m, ml-25m, ml-32m.

https://grouplens.org/datasets/movielens/ - F. M. Harper and J. A. Konstan, "The MovieLens Datasets: History and
Context", ACM TiiS 5(4), 2015, https://doi.org/10.1145/2827872

A rating is an interaction; with `minimum_rating` only the good ones are. Films carry title, year and genres;
users, where they were asked (ml-100k, ml-1m), age, gender, occupation and zip_code. Ids are integers, as published.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import polars as pl

from reccl.data.columns import ITEM, RATING, TIMESTAMP, USER, WEIGHT
from reccl.data.ingest import steps
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.interactions import Core, filter_rows
from reccl.data.ingest.tables import Tables
from reccl.errors import DataError


def pipeline(
    raw: Path,
    *,
    minimum_rating: float | None = None,
    weight: Literal["rating"] | None = None,
    user_core: Core = 0,
    item_core: Core = 0,
    since: steps.Moment | None = None,
    until: steps.Moment | None = None,
) -> Tables:
    """Read a MovieLens folder.

    minimum_rating: the least rating that counts as liked; without it every rating is a positive.
    weight: rating lets every film count by its rating; without it all count alike.
    user_core, item_core: keep users and films with at least so many interactions, until nothing moves.
    since, until: keep ratings given at or after `since` and before `until`: an ISO date, or seconds since 1970.
    """
    layout = _layout(raw)
    published = "or use the files as published at https://grouplens.org/datasets/movielens/"
    ratings = layout.ratings(raw)
    if weight is not None:
        ratings = steps.require_columns(RATING)(ratings).with_columns(pl.col(RATING).cast(pl.Float64).alias(WEIGHT))
    funnel = filter_rows(
        Funnel.read(ratings),
        since=since,
        until=until,
        minimum_rating=minimum_rating,
        user_core=user_core,
        item_core=item_core,
        mend=f"{raw} has none; leave it out, {published}",
    )
    return Tables(funnel, layout.users(raw) if layout.users else None, layout.items(raw))


def inputs(raw: Path, **_: object) -> list[Path]:
    """The files that are read: others in the folder (tags, links) change nothing."""
    return [raw / name for name in _layout(raw).files]


@dataclass(frozen=True)
class Layout:
    """One way in which MovieLens is laid out in files."""

    files: tuple[str, ...]
    ratings: Callable[[Path], pl.LazyFrame]
    items: Callable[[Path], pl.LazyFrame]
    users: Callable[[Path], pl.LazyFrame] | None = None


def _layout(raw: Path) -> Layout:
    for layout in LAYOUTS:
        if all((raw / name).is_file() for name in layout.files):
            return layout
    known = "; or ".join(", ".join(layout.files) for layout in LAYOUTS)
    raise DataError(f"{raw} holds no MovieLens data; expected the files {known}")


# ml-100k as published: u.data by tabs; u.item, u.user and u.genre by '|', in latin-1, genres as 19 flags


def _u_data(raw: Path) -> pl.LazyFrame:
    schema = {USER: pl.Int64, ITEM: pl.Int64, RATING: pl.Float64, TIMESTAMP: pl.Int64}
    return pl.scan_csv(raw / "u.data", separator="\t", has_header=False, schema=schema, quote_char=None)


def _u_item(raw: Path) -> pl.LazyFrame:
    genres = _latin(raw / "u.genre", "|").to_series(0).drop_nulls().to_list()
    table = _latin(raw / "u.item", "|")
    names = [ITEM, "title", "released", "video", "url", *genres]
    if table.width != len(names):
        raise DataError(f"{raw / 'u.item'} has {table.width} fields, not the {len(names)} that u.genre leads to expect")
    table.columns = names
    flags = [pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in genres if genre != "unknown"]
    released = pl.col("released").str.extract(r"(\d{4})$").cast(pl.Int64)
    return table.lazy().select(
        pl.col(ITEM).cast(pl.Int64),
        _title(),
        _year().fill_null(released).alias("year"),
        pl.concat_list(flags).list.drop_nulls().alias("genres"),
    )


def _u_user(raw: Path) -> pl.LazyFrame:
    table = _latin(raw / "u.user", "|")
    table.columns = [USER, "age", "gender", "occupation", "zip_code"]
    return table.lazy().with_columns(pl.col(USER, "age").cast(pl.Int64))


# ml-100k with typed headers, as the RecBole project ships it: names like user_id:token


def _typed(path: Path) -> pl.LazyFrame:
    frame = pl.scan_csv(path, separator="\t", infer_schema=False, quote_char=None)
    return frame.rename(lambda name: name.partition(":")[0])


def _inter(raw: Path) -> pl.LazyFrame:
    return _typed(raw / "ml-100k.inter").select(
        pl.col("user_id").cast(pl.Int64).alias(USER),
        pl.col("item_id").cast(pl.Int64).alias(ITEM),
        pl.col("rating").cast(pl.Float64).alias(RATING),
        pl.col("timestamp").cast(pl.Float64).cast(pl.Int64).alias(TIMESTAMP),
    )


def _typed_item(raw: Path) -> pl.LazyFrame:
    return _typed(raw / "ml-100k.item").select(
        pl.col("item_id").cast(pl.Int64).alias(ITEM),
        pl.col("movie_title").alias("title"),
        pl.col("release_year").cast(pl.Int64, strict=False).alias("year"),
        _genres(pl.col("class"), " "),
    )


def _typed_user(raw: Path) -> pl.LazyFrame:
    table = _typed(raw / "ml-100k.user").rename({"user_id": USER})
    return table.with_columns(pl.col(USER, "age").cast(pl.Int64))


# ml-1m: fields parted by '::', latin-1; the occupation is a code, see the README of the set


def _ratings_dat(raw: Path) -> pl.LazyFrame:
    """Polars takes one-byte separators only, so '::' is read as ':' with an empty column between each two."""
    wanted = {USER: pl.Int64, ITEM: pl.Int64, RATING: pl.Float64, TIMESTAMP: pl.Int64}
    schema = dict(
        field for n, (name, dtype) in enumerate(wanted.items()) for field in ((f"_{n}", pl.String), (name, dtype))
    )
    del schema["_0"]
    return pl.scan_csv(raw / "ratings.dat", separator=":", has_header=False, schema=schema).select(list(wanted))


def _ratings_parquet(raw: Path) -> pl.LazyFrame:
    """The pairs alone, in the order of ratings.dat: no rating, no time."""
    pairs = pl.scan_parquet(raw / "ratings.parquet").rename({"userID": USER, "movieID": ITEM})
    return pairs.select(pl.col(USER, ITEM).cast(pl.Int64))


def _movies_dat(raw: Path) -> pl.LazyFrame:
    table = _latin(raw / "movies.dat", "::")
    table.columns = [ITEM, "title", "genres"]
    return table.lazy().select(pl.col(ITEM).cast(pl.Int64), _title(), _year(), _genres(pl.col("genres"), "|"))


def _users_dat(raw: Path) -> pl.LazyFrame:
    table = _latin(raw / "users.dat", "::")
    table.columns = [USER, "gender", "age", "occupation", "zip_code"]
    columns = [pl.col(USER, "age").cast(pl.Int64), "gender", "occupation", "zip_code"]
    return table.lazy().select(columns)


# ml-latest-small, ml-20m, ml-25m, ml-32m: comma-separated with headers


def _ratings_csv(raw: Path) -> pl.LazyFrame:
    schema = {"userId": pl.Int64, "movieId": pl.Int64, "rating": pl.Float64, "timestamp": pl.Int64}
    columns = {"userId": USER, "movieId": ITEM, "rating": RATING, "timestamp": TIMESTAMP}
    return pl.scan_csv(raw / "ratings.csv", schema=schema).rename(columns)


def _movies_csv(raw: Path) -> pl.LazyFrame:
    table = pl.scan_csv(raw / "movies.csv", schema_overrides={"movieId": pl.Int64, "title": pl.String})
    return table.select(pl.col("movieId").alias(ITEM), _title(), _year(), _genres(pl.col("genres"), "|"))


def _latin(path: Path, separator: str) -> pl.DataFrame:
    """A small latin-1 file of plain fields, every one a string (an empty one null); separators of any length."""
    text = path.read_bytes().decode("latin-1").replace(separator, "\x1f")
    return pl.read_csv(
        BytesIO(text.encode()), separator="\x1f", has_header=False, infer_schema=False, quote_char=None, eol_char="\n"
    )


def _title() -> pl.Expr:
    """`Toy Story (1995)` without its year."""
    return pl.col("title").str.strip_chars().str.replace(YEAR, "").alias("title")


def _year() -> pl.Expr:
    """The year at the end of a title, null where there is none; of a span (1975-1979) the first."""
    return pl.col("title").str.strip_chars().str.extract(YEAR).cast(pl.Int64).alias("year")


def _genres(text: pl.Expr, separator: str) -> pl.Expr:
    """A list of genres; an empty list where none is known."""
    unknown = pl.element().is_in(["", "unknown", "(no genres listed)"])
    return text.fill_null("").str.split(separator).list.filter(~unknown).alias("genres")


YEAR = r"\s*\((\d{4})[^()]*\)$"
LAYOUTS = (
    Layout(("u.data", "u.item", "u.user", "u.genre"), _u_data, _u_item, _u_user),
    Layout(("ml-100k.inter", "ml-100k.item", "ml-100k.user"), _inter, _typed_item, _typed_user),
    Layout(("ratings.dat", "movies.dat", "users.dat"), _ratings_dat, _movies_dat, _users_dat),
    Layout(("ratings.parquet", "movies.dat", "users.dat"), _ratings_parquet, _movies_dat, _users_dat),
    Layout(("ratings.csv", "movies.csv"), _ratings_csv, _movies_csv),
)
