"""Missing tower: why a model embeds no new users or items by their features, and what to set so that it does."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from reccl.bounded_yaml import parse_yaml
from reccl.data.columns import ITEM
from reccl.data.features.infer import find_usable
from reccl.recommend.record import TrainingRecord


def explain_missing_tower(side: str, record: TrainingRecord | None) -> str:
    """Why there is no tower of a side (user or item), and the keys to train with, as one line.

    >>> explain_missing_tower("item", None)
    'it was trained without features of items; train again with data.items=FILE'
    """
    if record is None:
        return f"it was trained without features of {side}s; train again with data.{side}s=FILE"
    config, _ = parse_yaml(record.config, "the model's config")
    found = find_reasons(side, config if isinstance(config, dict) else {}, record.item_table if side == ITEM else None)
    return f"{' and '.join(found)}; train again with {', '.join(found.values())}"


def find_reasons(side: str, config: Mapping[str, Any], table: pl.DataFrame | None) -> dict[str, str]:
    """Each reason, and the key to set against it; `table` is that of the items, where there is one."""
    found, cold_start, data = {}, config.get("cold_start"), config.get("data") or {}
    if (config.get("scorer") or {}).get("kind") == "random":
        found["its scorer is random"] = "a scorer that learns, such as scorer={kind: svd}"
    if cold_start is None:
        found["cold_start is null"] = "cold_start={}"
    elif cold_start.get(f"{side}s", {}) is None:
        found[f"cold_start.{side}s is null"] = f"cold_start.{side}s={{kind: regression}}"
    if table is None and (side == ITEM or data.get(f"{side}s", "given") is None):
        return {**found, f"the data has no table of {side}s": name_table_key(side, data)}
    kinds = (data.get("features") or {}).get(f"{side}s", {})
    if (used := uses_columns(kinds, table)) is False or (used is None and not found):
        key = f"data.features.{side}s={{COLUMN: {{kind: categorical}}}}, or kind text for titles"
        found[f"no column of the table of {side}s is used as a feature"] = key
    return found or {f"it was trained without features of {side}s": f"data.{side}s=FILE"}


def uses_columns(kinds: Mapping[str, Any] | None, table: pl.DataFrame | None) -> bool | None:
    """Whether any column becomes a feature, by its kind in the config or inferred; None where that is not known."""
    if kinds is None or any(kinds.values()):
        return kinds is not None
    return None if table is None else bool(find_usable(table.select(pl.exclude(list(kinds)))))


def name_table_key(side: str, data: Mapping[str, Any]) -> str:
    """How such data is given a table of users or items."""
    if data.get("pipeline") == "frame":
        return f"{side}s=TABLE beside the interactions"
    if f"{side}s" in data:
        return f"data.{side}s=FILE"
    return f"data={{pipeline: table, interactions: FILE, {side}s: FILE}}"
