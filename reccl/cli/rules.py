"""The options of rules, as `reccl recommend` takes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

    from reccl.recommend.rules import Diversity, Rules

Where = Annotated[
    str | None,
    typer.Option(metavar="CONDITION", help="Only items with such columns: \"price < 50 and category in ['tea']\"."),
]
Allow = Annotated[str | None, typer.Option(help="Only these items: id,id,... or a file with a column `item`.")]
Deny = Annotated[str | None, typer.Option(help="None of these items: id,id,... or a file with a column `item`.")]
Exclude = Annotated[Path | None, typer.Option(help="Pairs that may not be: a file with `user` and `item`.")]
Candidates = Annotated[
    Path | None,
    typer.Option(help="Each user's own candidates: a file with `user` and `item`; others choose among all."),
]
AtMost = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN=N", help="At most N items of one value of a column in a list. Repeatable."),
]
MmrOption = Annotated[
    str | None,
    typer.Option("--mmr", metavar="[COLUMN=]WEIGHT", help="Diversify (MMR) by a column, or by embeddings; e.g. 0.3."),
]
Calibrate = Annotated[
    str | None,
    typer.Option(metavar="COLUMN=WEIGHT", help="Shares of a column's values as in the user's past; e.g. genres=0.5."),
]

NewItemShare = Annotated[
    float | None,
    typer.Option(min=0, max=1, metavar="SHARE", help="Share of every list for items without training rows; e.g. 0.1."),
]
NewItemBoost = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="NUMBER",
        help="Lift items without training rows, in deviations of a user's best scores; e.g. 0.5.",
    ),
]


def read_rules(
    names: Mapping[str, str],
    where: str | None,
    allow: str | None,
    deny: str | None,
    exclude: Path | None,
    candidates: Path | None,
    at_most: Sequence[str] | None,
    mmr: str | None,
    calibrate: str | None,
    new_item_share: float | None = None,
    new_item_boost: float | None = None,
) -> "Rules | None":
    """Rules from options; None where there are none. Raises ConfigError and DataError for what cannot be."""
    from reccl.recommend.id_tables import read_id_table
    from reccl.recommend.rules import Rules

    of_new = new_item_share, new_item_boost
    if not any((where is not None, allow, deny, exclude, candidates, at_most, mmr, calibrate, *of_new)):
        return None
    caps = {}
    for word in at_most or ():
        column, number = split_setting("--at-most", word)
        if not number.isdigit():
            raise ConfigError(f"--at-most {word}: {number!r} is not a whole number; write --at-most category=2")
        caps[column] = int(number)
    return Rules(
        where=where,
        allow=None if allow is None else read_items(allow, names),
        deny=None if deny is None else read_items(deny, names),
        exclude=read_id_table(exclude, names),
        candidates=read_id_table(candidates, names),
        at_most=caps,
        diversity=read_diversity(mmr, calibrate),
        new_item_share=new_item_share or 0.0,
        new_item_boost=new_item_boost or 0.0,
    )


def read_diversity(mmr: str | None, calibrate: str | None) -> "Diversity | None":
    """The re-ranking that options name."""
    from reccl.recommend.rules import Calibrated, Mmr

    if mmr and calibrate:
        raise ConfigError("--mmr and --calibrate are two ways to put a list together: choose one")
    if mmr:
        column, weight = split_setting("--mmr", mmr) if "=" in mmr else (None, mmr)
        return Mmr(parse_share("--mmr", weight), column)
    if calibrate:
        column, weight = split_setting("--calibrate", calibrate)
        return Calibrated(column, parse_share("--calibrate", weight))
    return None


def split_setting(option: str, word: str) -> tuple[str, str]:
    """`COLUMN=VALUE` in two."""
    column, sign, value = word.rpartition("=")
    if not (column and sign and value):
        raise ConfigError(f"{option} {word}: write it as {option} COLUMN=NUMBER")
    return column, value


def parse_share(option: str, word: str) -> float:
    """A number. Raises ConfigError for anything else."""
    try:
        return float(word)
    except ValueError:
        raise ConfigError(f"{option}: {word!r} is not a number; a weight is from 0 to 1") from None


def read_items(words: str, names: Mapping[str, str]) -> "pl.Series | pl.DataFrame":
    """Ids of items from a comma-separated list or a file with a column of items."""
    import polars as pl

    from reccl.bundle import is_file
    from reccl.data.ingest.table_files import SUFFIXES
    from reccl.recommend.id_tables import read_id_table, read_lines

    path = Path(words)
    if is_file(path):
        if path.suffix == ".txt":
            return read_lines(path)
        table = read_id_table(path, names)
        assert table is not None
        return table
    if path.suffix.lower() in SUFFIXES and "," not in words:
        raise DataError(f"no file {words}; name one, or ids as id,id,... (with a comma behind a single one)")
    return pl.Series([part.strip() for part in words.split(",") if part.strip()], dtype=pl.String)
