"""Compare, who: the users and items that won and lost most between two methods, as tables for a terminal or a page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reccl.cli.console import out, table
from reccl.evaluation.item_hits import RELEVANT, TITLE

if TYPE_CHECKING:
    import polars as pl

    from reccl.comparison import Comparison


@dataclass(frozen=True)
class Ends:
    """Those who won most, or lost most."""

    title: str
    heads: tuple[str, ...]
    rows: list[list[str]]
    right: tuple[str, ...]  # heads of the columns that hold numbers


def show_who(compared: "Comparison", most: int) -> None:
    """Print how many users and items won and lost, and which did most."""
    for line, ends in describe_who(compared, most):
        out.print()
        out.print(line)
        for each in ends:
            made = table(each.title, *each.heads, right=each.right)
            for row in each.rows:
                made.add_row(*row)
            out.print()
            out.print(made)


def describe_who(compared: "Comparison", most: int) -> Iterator[tuple[str, list[Ends]]]:
    """A line and tables about users, then about items; a line alone where a run keeps no such thing."""
    pair = compared.pair()
    if pair is None:
        return
    best, base = (entry.name if pair[0].name != pair[1].name else f"{entry.name} {entry.id[:8]}" for entry in pair)
    name = compared.metric.rpartition("/")[2].replace("_at_", "@")
    users = compared.user_winners(most)
    if users is None:
        yield "no users to name: these runs have no users' values in common", []
        return
    said = f"{users.better:.1%} have a higher {name} under {best} than under {base}, {users.equal:.1%} the same, "
    heads = ("user", best, base, "difference")
    ends = [
        Ends(title, heads, [[str(row[0]), *write(row[1:])] for row in side.rows()], heads[1:])
        for title, side in (("users who won most", users.won), ("users who lost most", users.lost))
        if len(side)
    ]
    yield f"users: of {users.users:,}, {said}{users.worse:.1%} a lower one", ends
    items = compared.item_winners(most)
    if items is None:
        return
    if isinstance(items, str):
        yield items, []
        return
    said = f"{items.more:,} are found by more users under {best}, {items.fewer:,} by fewer"
    title_heads = ("title",) if TITLE in items.won.columns else ()
    heads = ("item", *title_heads, "held out", best, base, "difference")
    ends = [
        Ends(title, heads, [write_item(row) for row in side.iter_rows(named=True)], heads[1 + len(title_heads) :])
        for title, side in (("items that won most", items.won), ("items that lost most", items.lost))
        if len(side)
    ]
    yield f"items: of {items.items:,} that are held out, {said} (hits in the first {items.k})", ends


def write(values: tuple[float, ...]) -> list[str]:
    """A user's two values and their difference."""
    *both, gain = values
    return [*(f"{value:.4f}" for value in both), f"{gain:+.4f}"]


def write_item(row: dict[str, Any]) -> list[str]:
    """An item with its hits, whole numbers where there is one run each."""
    title = [str(row[TITLE] or "")] if TITLE in row else []
    numbers = f"{row['hits']:.4g}", f"{row['hits_base']:.4g}", f"{row['gain']:+.4g}"
    return [str(row["item"]), *title, f"{row[RELEVANT]:,}", *numbers]


def as_json(compared: "Comparison", most: int) -> dict[str, Any]:
    """The same for scripts."""
    pair, users, items = compared.pair(), compared.user_winners(most), compared.item_winners(most)

    def ends(won: "pl.DataFrame", lost: "pl.DataFrame") -> dict[str, Any]:
        return {"won": won.to_dicts(), "lost": lost.to_dicts()}

    found: dict[str, Any] = {"runs": [entry.id for entry in pair or ()], "users": None, "items": None}
    if users is not None:
        shares = {name: getattr(users, name) for name in ("users", "better", "equal", "worse")}
        found["users"] = {**shares, **ends(users.won, users.lost)}
    if isinstance(items, str):
        found["note"] = items
    elif items is not None:
        counts = {name: getattr(items, name) for name in ("items", "k", "more", "fewer")}
        found["items"] = {**counts, **ends(items.won, items.lost)}
    return found
