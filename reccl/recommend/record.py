"""Record: how a model was trained, as files beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reccl.bounded_yaml import parse_yaml
from reccl.data.columns import ITEM, USER
from reccl.data.ingest.frames import to_polars
from reccl.errors import RunError, describe_error
from reccl.recommend.id_tables import rename_ids
from reccl.recommend.verify import seal
from reccl.training.epoch import Epoch

CONFIG, METRICS, HISTORY, ITEMS = "config.yaml", "metrics.json", "history.parquet", "item_table.parquet"


@dataclass(frozen=True)
class TrainingRecord:
    """Config, metrics and history of a training, and the columns of its items (titles, for people)."""

    config: str  # YAML, as `reccl.config.dump` writes it
    metrics: Mapping[str, Mapping[str, float]]  # part -> metric -> value
    timing: Mapping[str, float]
    history: pl.DataFrame  # a row an epoch
    item_table: pl.DataFrame | None = None  # [I] columns in the order of the model's items

    @property
    def name(self) -> str:
        """The name of the config."""
        config, _ = parse_yaml(self.config, "the model's config")
        return str(config.get("name", "model")) if isinstance(config, dict) else "model"

    def id_names(self) -> dict[str, str]:
        """How the columns `user` and `item` are called in the data; see `reccl.recommend.id_tables`."""
        return self.data_names({USER: USER, ITEM: ITEM})

    def table_id_names(self) -> dict[str, str]:
        """The same in the tables of users and items, whose ids may be called otherwise than in the interactions."""
        return self.id_names() | self.data_names({USER: "users_id", ITEM: "items_id"})

    def find_column(self, table: pl.DataFrame, name: str) -> str:
        """A column by its name; where there is none, `user` and `item` by what the data calls them."""
        own = self.id_names().get(name, name)
        return own if name not in table.columns and own in table.columns else name

    def read_tables(self, new_users: Any, new_items: Any, history: Any) -> tuple[pl.DataFrame | None, ...]:
        """Tables with ids under reccl's own names, which may be called as in the data of the training, or as in its
        tables of users and items.
        """
        names, own = self.id_names(), self.table_id_names()
        sides = ((new_users, (own, names)), (new_items, (own, names)), (history, (names,)))
        return tuple(None if table is None else rename_ids(to_polars(table), *known) for table, known in sides)

    def data_names(self, keys: Mapping[str, str]) -> dict[str, str]:
        """Names of columns by keys of the data section, where they are set."""
        config, _ = parse_yaml(self.config, "the model's config")
        data = config.get("data") if isinstance(config, dict) else None
        names = {side: data.get(key) for side, key in keys.items()} if isinstance(data, dict) else {}
        return {side: name for side, name in names.items() if isinstance(name, str)}


def name_ids(data: Any) -> dict[str, str]:
    """How a data section calls the columns `user` and `item`, where it has a say in that."""
    return {side: name for side in (USER, ITEM) if isinstance(name := getattr(data, side, None), str)}


def write_record(record: TrainingRecord, folder: Path) -> None:
    """Write it into the folder of a model."""
    (folder / CONFIG).write_text(record.config)
    (folder / METRICS).write_text(json.dumps({"metrics": record.metrics, "timing": record.timing}, indent=2))
    record.history.write_parquet(folder / HISTORY)
    if record.item_table is not None:
        record.item_table.write_parquet(folder / ITEMS)
    seal(folder, CONFIG, METRICS, HISTORY, *([ITEMS] if record.item_table is not None else []))


def read_record(folder: Path) -> TrainingRecord:
    """Read what `write_record` wrote. Raises RunError where it is not there or cannot be read."""
    table = folder / ITEMS
    try:
        measured = json.loads((folder / METRICS).read_text())
        return TrainingRecord(
            (folder / CONFIG).read_text(),
            {part: dict(values) for part, values in measured["metrics"].items()},
            dict(measured["timing"]),
            pl.read_parquet(folder / HISTORY),
            pl.read_parquet(table) if table.is_file() else None,
        )
    except Exception as error:  # a file may hold anything
        reason = describe_error(error, where=False)
        raise RunError(f"no record of its training in {folder} ({reason}); train it again") from error


def history_frame(fits: Mapping[str, Sequence[Epoch]]) -> pl.DataFrame:
    """A row an epoch of every fit by name (fit, refit): losses, validation metrics, learning rate and seconds.

    >>> epoch = Epoch(1, {"ranking": 0.5}, {"ndcg_at_10": 0.2}, {}, 0.001, 1.5, 100.0)
    >>> history_frame({"fit": [epoch]}).columns
    ['fit', 'epoch', 'loss/ranking', 'validation/ndcg_at_10', 'learning_rate', 'seconds']
    """
    rows = [
        {
            "fit": name,
            "epoch": epoch.number,
            **{f"loss/{term}": value for term, value in epoch.losses.items()},
            **{f"validation/{metric}": value for metric, value in epoch.validation.items()},
            **{f"test/{metric}": value for metric, value in epoch.test.items()},
            "learning_rate": epoch.learning_rate,
            "seconds": epoch.seconds,
        }
        for name, history in fits.items()
        for epoch in history
    ]
    return pl.DataFrame(rows, infer_schema_length=None)
