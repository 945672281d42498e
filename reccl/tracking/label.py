"""Label: what a run is called, and the tags that say in a table what it is."""

import platform
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from reccl.bundle import available

DATA, CONFIG, ENCODER, LOSS, SCORER = "data", "config", "encoder", "loss", "scorer"
GENERIC = {"table", "model"}
"""Names of configs that say nothing."""
NOTHING = ("", "None", "{}")


def label_tags(parameters: Mapping[str, Any]) -> dict[str, str]:
    """data, config, encoder, loss, scorer and host: short words, to be columns of MLflow's table of runs.

    >>> label_tags({"name": "mine", "data.interactions": "in/orders.csv", "scorer.kind": "ease"})["data"]
    'orders'
    """
    losses = dict.fromkeys(value_of(parameters, f"{term}.loss.kind", f"{term}.kind") for term in terms(parameters))
    return {
        DATA: name_data(parameters),
        CONFIG: value_of(parameters, "name") or "model",
        ENCODER: value_of(parameters, "encoder.kind") or "none",
        LOSS: ", ".join(loss for loss in losses if loss) or "none",
        SCORER: value_of(parameters, "scorer.kind") or "embedding",
        "host": platform.node(),
    }


def name_data(parameters: Mapping[str, Any]) -> str:
    """What a run is trained on: a data set by name, a file or folder without its ending, or a table in memory."""
    if source := value_of(parameters, "data.source"):
        return PurePath(source).name or source
    if written := value_of(parameters, "data.interactions"):
        path = PurePath(re.sub(r"[?#].*", "", written))
        return path.name.removesuffix("".join(path.suffixes)) or path.name or written
    pipeline = value_of(parameters, "data.pipeline")
    return "dataframe" if pipeline in ("", "frame") else PurePath(pipeline).stem


def name_run(name: str, parameters: Mapping[str, Any]) -> str:
    """The name of a run: that of its config; a bundled config on one's own files is named after them, too.

    >>> name_run("table", {"data.interactions": "orders.csv"}), name_run("mine", {"data.interactions": "orders.csv"})
    ('orders-table', 'mine')
    >>> name_run("movielens", {"data.source": "ml-100k"})
    'movielens'
    """
    own = bool(value_of(parameters, "data.interactions")) and not value_of(parameters, "data.source")
    bundled = {PurePath(config).name for config in available("configs", ".yaml")} | GENERIC
    return f"{name_data(parameters)}-{name}" if own and name in bundled else name


def name_model(run: str) -> str:
    """A run's name as that of its model, which may not hold all characters."""
    return re.sub(r"[/:.%\"']+", "-", run).strip("-") or "model"


def terms(parameters: Mapping[str, Any]) -> list[str]:
    """The terms of the objective: objective.ranking, objective.contrast."""
    found = (".".join(key.split(".")[:2]) for key in parameters if key.startswith("objective."))
    return list(dict.fromkeys(found))


def value_of(parameters: Mapping[str, Any], *keys: str) -> str:
    """The first of these keys that has a value; empty where none has."""
    values = (str(parameters.get(key)) for key in keys)
    return next((value for value in values if value not in NOTHING), "")
