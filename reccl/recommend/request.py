"""Request: what decides which rows are written, in a form that can be compared."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import polars as pl
import torch

from reccl.data.columns import ITEM
from reccl.data.content_hash import hash_table
from reccl.data.ingest.frames import to_polars
from reccl.recommend.id_tables import Names, rename_ids, to_series
from reccl.recommend.listing import Listing
from reccl.recommend.model import Model
from reccl.recommend.rules import Rules

IDS, PAIRS = ("allow", "deny"), ("exclude", "candidates")
"""Rules that are lists of items, and those that are tables of users and items."""


def describe_request(
    listing: Listing,
    item_columns: Sequence[str],
    rules: Rules | None,
    names: Names,
    tables: Mapping[str, pl.DataFrame | pl.Series | None],
) -> dict[str, object]:
    """Options as they are, tables by digests of their content; what is not asked for is left out.

    Args:
        listing: how they are made.
        item_columns: columns beside the items.
        rules: see `Rules`.
        names: how the data call `user` and `item`.
        tables: the users, and what came after training, by name.

    """
    rules = rules or Rules()
    own = {field.name: getattr(rules, field.name) for field in fields(rules)}
    given: dict[str, Any] = dict(tables)
    given |= {name: own[name] if own[name] is None else to_series(own[name], names, ITEM) for name in IDS}
    given |= {name: own[name] if own[name] is None else rename_ids(to_polars(own[name]), names) for name in PAIRS}
    digests = {
        name: hash_table(table.to_frame() if isinstance(table, pl.Series) else table)
        for name, table in given.items()
        if table is not None
    }
    options = {name: value for name, value in own.items() if name not in (*IDS, *PAIRS)}
    seen = listing.extended.model.lists_seen if listing.include_seen is None else listing.include_seen
    options |= {"k": listing.k, "include_seen": seen, "item_columns": list(item_columns)}
    if rules.diversity is not None:
        options["diversity"] = {"kind": type(rules.diversity).__name__, **asdict(rules.diversity)}
    return {name: value for name, value in options.items() if value} | digests


def hash_model(model: Model) -> str:
    """SHA-256 (hex) of what a model ranks by, for one that no run holds."""
    key = hashlib.sha256()
    for name, tensor in {**model.scorer.tensors(), "popularity": model.popularity}.items():
        values = tensor.detach().cpu().contiguous().view(-1)
        key.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        key.update(values.view(torch.uint8).numpy().data if len(values) else b"")
    for ids in (model.user_ids.ids, model.item_ids.ids):
        key.update(hash_table(ids.to_frame()).encode())
    return key.hexdigest()
