"""Prepare: a config's data section to a Dataset, reusing the cached one where nothing has changed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator, SerializeAsAny, create_model

from reccl import __version__
from reccl.bundle import available
from reccl.data import store
from reccl.data.dataset import Dataset, build
from reccl.data.features import FeatureSchema
from reccl.data.ingest import pipelines
from reccl.data.ingest.acquire import acquire, cache_folder
from reccl.data.splits import AnySplit
from reccl.errors import ConfigError, DataError, did_you_mean, listed
from reccl.settings import Settings

Say = Callable[[str], None]


class Data(Settings):
    """Which raw files, through which pipeline, split how. The pipeline's own arguments stand beside these keys."""

    pipeline: str
    """Pipeline: a name (movielens, adjacency, table, or a file of ./pipelines/) or the path of a Python file."""
    source: str | None = None
    """Named data set to acquire, or a folder of raw files. Empty: paths are relative to the current folder."""
    root: Path | None = None
    """Folder that holds raw data sets by name; looked into before RECCL_DATA, the cache and the network."""
    split: AnySplit | None = None
    """How rows become train, validation and test. Empty: as the files say, else random_per_user."""
    features: FeatureSchema = FeatureSchema()
    """What kinds of features the columns of the user and the item table are."""

    def __eq__(self, other: object) -> bool:
        """Equal where they say the same: each loading of a pipeline makes a class of its own."""
        return isinstance(other, Data) and self.model_dump() == other.model_dump()

    def arguments(self) -> dict[str, Any]:
        """The pipeline's own arguments."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in Data.model_fields}


def resolved(value: Any) -> Any:
    """Validate a data section against the signature of the pipeline that it names."""
    if not isinstance(value, dict):
        return value
    if not isinstance(value.get("pipeline"), str):
        known = listed(available("pipelines", ".py"))
        raise ValueError(f"needs a key 'pipeline' that says how the raw files are read; there are: {known}")
    try:
        fields = pipelines.load(value["pipeline"]).arguments()
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return create_model("Data", __base__=Data, __module__=__name__, **fields).model_validate(value)


AnyData = Annotated[SerializeAsAny[Data], BeforeValidator(resolved)]


def prepare(data: Data, say: Say = lambda _: None) -> Dataset:
    """Acquire, run the pipeline, split and number; or read the same result from the cache.

    The schema of features changes nothing of what is prepared: it says how the tables are read, and goes along.
    """
    dataset = replace(prepared(data, say), features=data.features)
    check(data.features, dataset)
    return dataset


def prepared(data: Data, say: Say) -> Dataset:
    """The data set, without its schema of features."""
    pipeline = pipelines.load(data.pipeline)
    raw = acquire(data.source, root=data.root, say=say) if data.source else Path()
    arguments = data.arguments()
    files = pipeline.inputs(raw, **arguments)
    fingerprint = digest(data, pipeline, files or [])
    folder = cache_folder() / "prepared" / fingerprint[:24]
    if files is not None and folder.is_dir():
        try:
            dataset = store.read(folder)
        except DataError as error:
            say(f"{error}; preparing it again")
        else:
            say(f"reusing prepared data {folder}")
            return dataset
    try:
        dataset = build(pipeline.run(raw, **arguments), data.split, fingerprint)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"pipeline {data.pipeline!r} could not read {raw.resolve()}: {first_line(error)}") from error
    if dataset.train.is_empty():
        raise DataError(
            f"the split leaves no training row of {dataset.test.height:,}: hold out less, or give more data"
        )
    store.write(dataset, folder)
    return dataset


def check(schema: FeatureSchema, dataset: Dataset) -> None:
    """Raise ConfigError for a feature of a column that the table lacks."""
    for side, named, table in (
        ("users", schema.users, dataset.user_table),
        ("items", schema.items, dataset.item_table),
    ):
        for name in named:
            if table is None:
                raise ConfigError(f"data.features.{side}.{name}: this data has no table of {side}; leave it out")
            if name not in table.columns:
                near = did_you_mean(name, table.columns)
                raise ConfigError(
                    f"data.features.{side}.{name}: the table of {side} has no column {name!r}{near}; "
                    f"there are {listed(table.columns)}"
                )


def digest(data: Data, pipeline: pipelines.Pipeline, files: list[Path]) -> str:
    """SHA-256 over the raw files' content, the pipeline's code, its arguments, the split, and this version."""
    where = {"root", "source", "features"}  # the content counts, not where it lies or how features are read
    paths = {name for name, value in data.arguments().items() if isinstance(value, Path)}
    key = hashlib.sha256(json.dumps([__version__, data.model_dump(mode="json", exclude=where | paths)]).encode())
    for path in [pipeline.path, *files]:
        try:
            with path.open("rb") as file:
                key.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}; check the data section of the config") from None
    return key.hexdigest()


def first_line(error: Exception) -> str:
    """The first line of an error's text."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
