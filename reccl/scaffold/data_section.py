"""Data section: which files, which columns, how they are split, with the keys that one may want next commented out."""

from collections.abc import Iterator

from reccl.scaffold.annotated import flow, line
from reccl.scaffold.column import Column
from reccl.scaffold.features import Features
from reccl.scaffold.plan import Plan
from reccl.scaffold.words import event_weight

SPLITS = ("temporal", "leave_last_out", "random_per_user", "random_global", "cold_items", "cold_users")
TIMED = ("temporal", "leave_last_out")
"""Splits that need times."""
LIKED = 0.75
"""How far up its scale a rating counts as liked: from 4 on, of 1 to 5."""


def data_section(plan: Plan) -> list[str]:
    """The lines of `data:`."""
    return ["data:", *files(plan), *columns(plan), *ids(plan), *rows(plan), *split(plan), *features(plan)]


def files(plan: Plan) -> Iterator[str]:
    """What is read."""
    table = plan.interactions
    yield from line("pipeline: table", "How files are read: table is for any table with one interaction a row.", 2)
    about = "A file, a folder, or a pattern (logs/*.csv); relative to the folder that reccl runs in."
    yield from line(f"interactions: {flow(str(table.path))}", about, 2)
    if not table.by_suffix:
        yield from line(f"format: {table.format}", "Or: tsv, parquet, jsonl, arrow; auto goes by the suffix.", 2)
    if table.separator:
        yield from line(f"separator: {quote(table.separator)}", "What stands between two fields.", 2)


def columns(plan: Plan) -> Iterator[str]:
    """Which column is what."""
    found = plan.columns
    yield from line(f"user: {flow(found['user'].name)}", f"Column with the user's id; {plan.rows.users:,} users.", 2)
    yield from line(f"item: {flow(found['item'].name)}", f"Column with the item's id; {plan.rows.items:,} items.", 2)
    yield from moments(found.get("timestamp"))
    if "part" in found:
        yield from line(f"part: {flow(found['part'].name)}", "Column that says train, validation or test.", 2)
    yield from ratings(found.get("rating"))
    if "weight" in found:
        about = "How much a row counts; repeated rows are then summed with duplicates: sum."
        if (found["weight"].lowest or 0) <= 0:
            about += f" Numbers from {found['weight'].lowest:g} on: those that are not above 0 are refused."
        yield from line(f"# weight: {flow(found['weight'].name)}", about, 2)
    if "event" in found:
        yield from events(found["event"])


def events(column: Column) -> Iterator[str]:
    """The key of the kinds of events, commented out: what they weigh is to be tried."""
    weights = {kind: int(event_weight(kind)) for kind in sorted(column.values, key=event_weight)}
    heaviest, written = list(weights)[-1], ", ".join(f"{flow(kind)}: {weight}" for kind, weight in weights.items())
    about = (
        f"What a row weighs by its kind (a guess: try others), with duplicates: sum. targets: [{heaviest}] holds out "
        "these alone."
    )
    yield from line(f"# events: {{column: {flow(column.name)}, weights: {{{written}}}}}", about, 2)


def moments(column: Column | None) -> Iterator[str]:
    """The keys of the time."""
    if column is None or column.times is None:
        return
    yield from line(f"timestamp: {flow(column.name)}", f"Column with the time; {column.times.span()}.", 2)
    if column.times.unit not in (None, "s"):
        about = "What numbers of the time count since 1970. Or: s, ms, us, ns."
        yield from line(f"time_unit: {column.times.unit}", about, 2)
    if column.times.format:
        about = "How times are written." + (" Days and months may be the other way round." * column.times.ambiguous)
        yield from line(f"time_format: {flow(column.times.format)}", about, 2)


def ratings(column: Column | None) -> Iterator[str]:
    """The keys of the rating. Dislikes, such as 0 of 0 and 1, do not count; all else does unless one says so."""
    if column is None or column.lowest is None or column.highest is None:
        return
    span = f"{column.lowest:g} to {column.highest:g}"
    yield from line(f"rating: {flow(column.name)}", f"Column with the rating; {span}.", 2)
    if column.lowest <= 0 and column.highest > 0:
        yield from line("minimum_rating: 1", "Least rating that counts as liked; without it, every row does.", 2)
    else:
        least = column.lowest + LIKED * (column.highest - column.lowest)
        about = "Least rating that counts as liked; without it, every row does."
        yield from line(f"# minimum_rating: {round(least, 1):g}", about, 2)


def ids(plan: Plan) -> Iterator[str]:
    """How ids are read."""
    if plan.rows.as_text:
        yield from line("ids: string", "Ids are text: some are whole numbers, others are not.", 2)


def rows(plan: Plan) -> Iterator[str]:
    """Which rows are kept."""
    about = "Of rows with one user and item, the one that counts. Or: first, error; sum and count let repeats weigh."
    yield from line("duplicates: last", about, 2)
    yield from line("# user_core: 5", "Keep users with at least so many interactions, and with item_core items.", 2)
    if "timestamp" in plan.columns:
        yield from line("# since: 2025-01-01", "Keep what happened from then on; `until` is where it ends.", 2)


def split(plan: Plan) -> Iterator[str]:
    """How rows are held out, and why so."""
    kind, found = plan.split, plan.rows
    yield from line("split:", "How quality is measured: rows that are held out from training.", 2)
    others = [other for other in SPLITS if other != kind and ("timestamp" in plan.columns or other not in TIMED)]
    elsewhere = ", ".join(others)
    match kind:
        case "temporal":
            yield from line("kind: temporal", f"Train on the past, test on what came last. Or: {elsewhere}.", 4)
            yield from line("test: 0.1", "Share of the latest rows, or the date from which on.", 4)
            yield from line("validation: 0.1", "Share of the rows before those: they choose settings and epoch.", 4)
        case "leave_last_out":
            why = (
                f"only {found.known:.0%} of the latest tenth of the rows are of users seen before"
                if found.known < 0.5
                else f"{found.held:.0%} of the rows share the last instants"
            )
            about = f"Test on the last row of each user. Not temporal: {why}. Or: {elsewhere}."
            yield from line("kind: leave_last_out", about, 4)
            yield from line("test: 1", "Rows of each user.", 4)
            yield from line("validation: 1", "Rows of each user before those: they choose settings and epoch.", 4)
        case "predefined":
            yield from line("kind: predefined", "As the column `part` says.", 4)
        case _:
            about = f"Test on rows of each user drawn at random. Or: {elsewhere}."
            if found.timeless:
                about = f"Not by time: {found.timeless:,} rows have none. {about}"
            yield from line("kind: random_per_user", about, 4)
            yield from line("test: 0.2", "Share of each user's rows.", 4)
            yield from line("validation: 0.1", "Share of each user's other rows: they choose settings and epoch.", 4)
            yield from line("seed: 42", "Seed of the draw.", 4)


def features(plan: Plan) -> Iterator[str]:
    """The tables about items and users, and what kind of feature their columns are."""
    opened = {side: table for side in ("items", "users") if (table := getattr(plan, side))}
    for side, table in opened.items():
        named = plan.columns["item" if side == "items" else "user"].name
        yield from line(f"{side}: {flow(str(table.table.path))}", f"One row each, with what is known of {side}.", 2)
        if table.id_column != named:
            yield from line(f"{side}_id: {flow(table.id_column)}", f"Its column with the ids: it {table.why}.", 2)
    if opened:
        kinds = "bins, categorical, date, multi_hot, numeric, prefix, text, vector"
        yield from line("features:", f"Kinds of columns: {kinds}. null leaves one out.", 2)
        for side, table in opened.items():
            yield from of_side(side, table)


def of_side(side: str, table: Features) -> Iterator[str]:
    """The kinds of one table's columns."""
    if not table.found:
        return
    yield f"    {side}:"
    for each in table.found:
        yield from line(f"{flow(each.column)}: {each.kind or 'null'}", f"{each.why[0].upper()}{each.why[1:]}.", 6)


def quote(separator: str) -> str:
    r"""A separator in YAML's double quotes.

    >>> quote("\t")
    '"\\t"'
    """
    return '"' + separator.replace("\t", "\\t") + '"'
