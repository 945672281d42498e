"""Roles: which column holds the user, the item, the time, the rating and the weight of an interaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reccl.data.columns import PARTS, TEST, TRAIN
from reccl.errors import ConfigError, did_you_mean, join_names
from reccl.scaffold.column import Column
from reccl.scaffold.words import GROUPS, OTHER_MOMENTS, ROLES, WORDS, Role, describes, identifies, place_of, words_in

FEW = 101
"""Most distinct values of a rating: 0 to 100."""


@dataclass(frozen=True)
class Guess:
    """A role and the column that seems to have it."""

    role: Role
    column: str | None
    why: str
    sure: bool = True


def guess_roles(columns: Sequence[Column], given: Mapping[Role, str | None] | None = None) -> dict[Role, Guess]:
    """A guess for every role; a column has one role at most.

    Args:
        columns: of the table of interactions.
        given: roles that are known; None for one that no column has. They are not guessed.

    Raises ConfigError where a given column is not there.

    """
    given, found = given or {}, {}
    for role, name in given.items():
        if name is not None:
            require_column(name, columns, f"--{role}")
        found[role] = Guess(role, name, "as given" if name else "left out, as given")
    order: tuple[Role, ...] = ("part", "timestamp", "event", "user", "item", "rating", "weight")
    for role in order:
        if role not in found:
            taken = {guess.column for guess in found.values()}
            free = [column for column in columns if column.name not in taken]
            found[role] = GUESSERS[role](free)
    return {role: found[role] for role in ROLES}


def require_column(name: str, columns: Sequence[Column], option: str) -> None:
    """Raise ConfigError unless one of the columns has this name."""
    names = [column.name for column in columns]
    if name not in names:
        raise ConfigError(f"{option}: no column {name!r}{did_you_mean(name, names)}; there are: {join_names(names)}")


def guess_part(columns: Sequence[Column]) -> Guess:
    """A column that says train, validation or test."""
    for column in columns:
        values = set(column.examples)
        if column.distinct <= len(PARTS) and {TRAIN, TEST} <= values <= set(PARTS):
            return Guess("part", column.name, f"holds {', '.join(sorted(values))}")
    return Guess("part", None, "no column says train and test")


def guess_event(columns: Sequence[Column]) -> Guess:
    """A column of a few kinds of events, such as view and purchase, under a name that says so."""
    named = [column for column in columns if len(column.values) > 1 and not named_id_name(column.name)]
    named = [column for column in named if place_of(words_in(column.name), "event") is not None]
    if not named:
        return Guess("event", None, "no column is named like one")
    best = min(named, key=lambda column: place_of(words_in(column.name), "event") or 0)
    return Guess("event", best.name, f"by its name; {len(best.values)} kinds")


def guess_timestamp(columns: Sequence[Column]) -> Guess:
    """A column of moments: by its values, and by its name where there are several."""

    def likely(column: Column) -> tuple[bool, int, int]:
        words = words_in(column.name)
        place = place_of(words, "timestamp")
        return (not set(words) & set(OTHER_MOMENTS), -99 if place is None else -place, column.distinct)

    moments = [column for column in columns if column.times and not named_id(column)]
    if not moments:
        unread = [column.name for column in columns if place_of(words_in(column.name), "timestamp") is not None]
        unread = [name for name in unread if not named_id_name(name)]
        why = f"{unread[0]} is in no form that can be read" if unread else "no column holds moments"
        return Guess("timestamp", None, why, sure=not unread)
    best = max(moments, key=likely)
    assert best.times is not None
    what = best.times.format or ("ISO 8601 text" if best.kind == "text" else UNIT_NAMES[best.times.unit])
    missing = f", {best.missing:,} missing" if best.missing else ""
    named = place_of(words_in(best.name), "timestamp") is not None
    return Guess(
        "timestamp",
        best.name,
        f"{what}, {best.times.span()}{missing}",
        sure=named and likely(best)[0] and not best.times.ambiguous,
    )


UNIT_NAMES = {
    None: "dates",
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
}


def named_id(column: Column) -> bool:
    """Whether a column of large numbers is an id by its name."""
    return column.kind == "whole" and named_id_name(column.name)


def named_id_name(name: str) -> bool:
    """Whether a name is that of an id and not of a moment."""
    words = words_in(name)
    return identifies(words) and place_of(words, "timestamp") is None


def guess_identifier(role: Role) -> Callable[[Sequence[Column]], Guess]:
    """The guess of user or item: by name, and where no name says it by how often values repeat."""
    other: Role = "item" if role == "user" else "user"

    def guess(columns: Sequence[Column]) -> Guess:
        able = [column for column in columns if could_identify(column)]
        named = [column for column in able if place_of(words_in(column.name), role) is not None]
        if role == "user":
            named = [column for column in named if not (column.unique and set(words_in(column.name)) & set(GROUPS))]
        named = [column for column in named if not describes(words_in(column.name))] or named
        if named:
            best = min(named, key=lambda column: by_name(column, role))
            words = words_in(best.name)
            sure = not describes(words) and WORDS[role][place_of(words, role) or 0] not in GROUPS
            return Guess(role, best.name, f"by its name; {repeats(best)}", sure=sure)
        others = [column for column in able if place_of(words_in(column.name), other) is None]
        others = [column for column in others if not describes(words_in(column.name)) and not column.unique]
        others = [column for column in others if column.distinct > 1]
        if not others:
            return Guess(role, None, "no column looks like it", sure=False)
        two = sorted(sorted(others, key=lambda column: -column.distinct)[:2], key=others.index)
        return Guess(role, two[0].name, f"no name says it; {repeats(two[0])}", sure=False)

    return guess


def could_identify(column: Column) -> bool:
    """Whether a column's values can be ids."""
    return (column.kind in ("text", "whole") and column.times is None) or named_id(column)


def by_name(column: Column, role: Role) -> tuple[bool, int, bool, int]:
    """Order of candidates: the likeliest first."""
    words = words_in(column.name)
    place = place_of(words, role)
    assert place is not None
    return column.distinct < 2 or column.unique, place, not identifies(words), -column.distinct


def repeats(column: Column) -> str:
    """How many distinct values a column has, and how often each stands."""
    known = column.rows - column.missing
    missing = f", {column.missing:,} missing" if column.missing else ""
    zeros = ", leading zeros" if column.leading_zeros else ""
    return f"{column.distinct:,} distinct, {known / max(1, column.distinct):.1f} rows each{zeros}{missing}"


def guess_number(role: Role) -> Callable[[Sequence[Column]], Guess]:
    """The guess of rating or weight: numbers under a name that says so."""

    def guess(columns: Sequence[Column]) -> Guess:
        numeric = [column for column in columns if column.kind in ("whole", "number") and column.times is None]
        if role == "rating":
            numeric = [column for column in numeric if column.distinct <= FEW]
        named = [column for column in numeric if place_of(words_in(column.name), role) is not None]
        named = [column for column in named if not identifies(words_in(column.name))]
        if not named:
            return Guess(role, None, "no column is named like one")
        best = min(named, key=lambda column: place_of(words_in(column.name), role) or 0)
        missing = f", {best.missing:,} missing" if best.missing else ""
        why = f"by its name; {best.lowest:g} to {best.highest:g}, {best.distinct:,} distinct{missing}"
        return Guess(role, best.name, why)

    return guess


GUESSERS: dict[Role, Callable[[Sequence[Column]], Guess]] = {
    "part": guess_part,
    "event": guess_event,
    "timestamp": guess_timestamp,
    "user": guess_identifier("user"),
    "item": guess_identifier("item"),
    "rating": guess_number("rating"),
    "weight": guess_number("weight"),
}
