"""Signature: what MLflow lets through to a served model, and hands back; see `reccl.serving`."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec, DataType, Object, ParamSchema, ParamSpec, Property, Schema

from reccl.recommend.record import read_record

ANYTHING = AnyType()  # type: ignore[no-untyped-call]
RULES = ("where", "allow", "deny", "at_most", "mmr", "calibrate", "new_item_share", "new_item_boost")
"""Those of `reccl.serving.parameters.RuleSettings`."""
PER_USER = ("history", "exclude", "candidates", "features")
"""Columns of `reccl.serving.request.COLUMNS` beside the user."""


def describe_requests(folder: Path) -> ModelSignature:
    """The signature of the model in a folder, as `save` and `write_record` wrote it.

    MLflow checks the types of ids and plain parameters. Lists and objects pass as they are, since reccl's own errors
    say more; a column or parameter that is not here would be dropped before the model sees it.
    """
    user, item = (id_type(folder / f"{side}.parquet") for side in ("users", "items"))
    manifest = json.loads((folder / "model.json").read_text())
    answer = {"user": user, "item": item, "score": "float", "rank": "integer", "source": "string"}
    params = [
        ParamSpec("k", "long", 20),
        ParamSpec("include_seen", "boolean", bool(manifest.get("lists_seen"))),
        ParamSpec("item_columns", "string", [], shape=(-1,)),
        ParamSpec("explain", "long", 0),
        ParamSpec("rules", any_of(RULES), {}),
        ParamSpec("new_items", any_of(list_new_item_columns(folder, manifest["features"])), {}),
    ]
    optional = [ColSpec(ANYTHING, name, required=False) for name in PER_USER]
    return ModelSignature(
        Schema([ColSpec(user, "user", required=False), *optional]),  # without it reccl's own error is the clearer one
        Schema([ColSpec(kind, name) for name, kind in answer.items()]),
        ParamSchema(params),
    )


def id_type(path: Path) -> str:
    """The type of ids, in MLflow's words."""
    kind = pl.read_parquet_schema(path)["id"]
    return DataType.long.name if kind.is_integer() else DataType.string.name


def any_of(names: Iterable[str]) -> Object:
    """An object that may have these keys."""
    return Object([Property(name, ANYTHING, required=False) for name in dict.fromkeys(names)])


def list_new_item_columns(folder: Path, features: Mapping[str, Any]) -> list[str]:
    """Columns that new items may have: an id, by any of its names, features, and those of the item table."""
    record = read_record(folder)
    names = [feature["name"] for feature in features.get("items", {}).get("features", ())]
    nested = [name.partition(".")[0] for name in names]
    own = [] if record.item_table is None else record.item_table.columns
    ids = [each.get("item", "item") for each in (record.id_names(), record.table_id_names())]
    return ["item", *ids, *names, *nested, *own]
