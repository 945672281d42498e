"""Plan: everything that a config says about a user's own files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reccl.errors import ConfigError, join_names
from reccl.scaffold.column import Column
from reccl.scaffold.features import Features, open_features
from reccl.scaffold.roles import Guess
from reccl.scaffold.survey import Survey, survey
from reccl.scaffold.table_file import TableFile
from reccl.scaffold.words import Role


@dataclass(frozen=True)
class Plan:
    """Files, the roles of their columns, and what their rows say."""

    interactions: TableFile
    columns: Mapping[Role, Column]  # of the roles that a column has
    rows: Survey
    items: Features | None = None
    users: Features | None = None

    @property
    def split(self) -> str:
        """The kind of split that the data is measured by."""
        return "predefined" if "part" in self.columns else self.rows.split


def plan(
    table: TableFile, columns: Mapping[Role, Column], *, items: Path | None = None, users: Path | None = None
) -> Plan:
    """Survey the rows and open the tables of features.

    Raises DataError for what cannot be read, ConfigError for files that one config cannot name together.

    """
    sample = table.sample()

    def opened(path: Path | None, ids: str) -> Features | None:
        if path is None:
            return None
        features = open_features(path, sample[ids], ids)
        require_alike(table, features.table)
        return features

    return Plan(
        table, columns, survey(table, columns), opened(items, columns["item"].name), opened(users, columns["user"].name)
    )


def chosen(guesses: Mapping[Role, Guess], columns: Sequence[Column], path: Path) -> dict[Role, Column]:
    """The columns of all roles that have one.

    Raises ConfigError where user or item has none, where one column is both, and where a column cannot have its role.

    """
    named = {column.name: column for column in columns}
    found = {role: named[guess.column] for role, guess in guesses.items() if guess.column}
    for role in ("user", "item"):
        if role not in found:
            raise ConfigError(
                f"cannot tell which column of {path} holds the {role}; there are {join_names(named)}; "
                f"say --{role} COLUMN"
            )
    if found["user"] == found["item"]:
        raise ConfigError(f"column {found['user'].name!r} cannot be both user and item; say --user and --item")
    if (time := found.get("timestamp")) and not time.times:
        raise ConfigError(
            f"column {time.name!r} holds no times that can be read, but {', '.join(time.examples)}; "
            "write ISO 8601 (2025-12-31 23:59:59) or seconds since 1970, or say --timestamp none"
        )
    if (rating := found.get("rating")) and rating.lowest is None:
        raise ConfigError(
            f"column {rating.name!r} holds no numbers, but {', '.join(rating.examples)}; say --rating none"
        )
    return found


def require_alike(table: TableFile, features: TableFile) -> None:
    """Raise ConfigError unless one `format` and one `separator` read both files."""
    by_suffix = table.by_suffix and features.by_suffix
    if (table.format, table.separator) != (features.format, features.separator) and not (
        by_suffix and table.separator == features.separator is None
    ):
        raise ConfigError(
            f"{features.path} is {spell(features)}, and {table.path} is {spell(table)}: "
            "save one of them as the other is, or both as Parquet"
        )


def spell(table: TableFile) -> str:
    """The format of a file in words."""
    return table.format + (f" separated by {table.separator!r}" if table.separator else "")
