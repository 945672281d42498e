"""Settings of a data set: the data section of a config, with the arguments of the pipeline that it names."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, TypeAdapter, ValidationError, create_model
from typing_extensions import override

from reccl.bundle import available
from reccl.config_errors import KeyPath, explain_errors
from reccl.data.columns import EVENT, ITEM, OPTIONAL, USER
from reccl.data.features.schema import FeatureSchema
from reccl.data.ingest import pipelines
from reccl.data.ingest.frames import to_polars
from reccl.data.ingest.interactions import Column, find_columns
from reccl.data.splits import AnySplit
from reccl.data.weights import Scale
from reccl.errors import ConfigError, describe_error, join_names
from reccl.settings import Settings


class Data(Settings):
    """Which raw files, through which pipeline, split how. The pipeline's own arguments stand beside these keys."""

    pipeline: str
    """Pipeline: a name (movielens, adjacency, table, frame, or a file of ./pipelines/) or the path of a Python file."""
    source: str | None = None
    """Named data set to acquire, or a folder of raw files. Empty: paths are relative to the current folder."""
    root: Path | None = None
    """Folder with raw data sets by name; searched before RECCL_DATA, the cache and the network."""
    split: AnySplit | None = None
    """How rows become train, validation and test. Empty: by the parts that the files define, else random_per_user."""
    half_life: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Days after which an interaction counts half, before the newest one of training; empty: age does not matter."""
    weight_scale: Scale = "linear"
    """How the weight w of a user and an item counts: as it is, by its logarithm log2(1 + w), by its square root, or
    not at all (none), to see on the same rows what weights are worth."""
    features: FeatureSchema = FeatureSchema()
    """What kinds of features the columns of the user and the item table are."""

    def __eq__(self, other: object) -> bool:
        """Equal where all values are: each loading of a pipeline makes a class of its own."""
        return isinstance(other, Data) and self.model_dump() == other.model_dump()

    @classmethod
    @override
    def limited_fields(cls) -> Iterable[str]:
        return Data.model_fields

    def arguments(self) -> dict[str, Any]:
        """The pipeline's own arguments."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in Data.model_fields}


def resolve_pipeline(value: Any) -> Any:
    """Validate a data section against the signature of the pipeline that it names."""
    if not isinstance(value, dict):
        return value
    if not isinstance(value.get("pipeline"), str):
        known = join_names(available("pipelines", ".py"))
        raise ValueError(f"needs a key 'pipeline' that says how the raw files are read; there are: {known}")
    try:
        pipeline = pipelines.load(value["pipeline"])
    except ConfigError as error:
        raise ValueError(str(error)) from None
    try:
        model = create_model("Data", __base__=Data, __module__=__name__, **pipeline.arguments())
    except Exception as error:  # pydantic's own, of many kinds: no schema for an annotation, a default of another type
        raise ValueError(f"{pipeline.path}: the arguments cannot be config keys: {describe_error(error)}") from error
    return model.model_validate(value)


AnyData = Annotated[SerializeAsAny[Data], BeforeValidator(resolve_pipeline)]


def validate_data(section: dict[str, Any], origin: dict[KeyPath, str] | None = None, where: str = "data") -> Data:
    """Settings from a section's keys. Raises ConfigError, one line for each thing that is wrong.

    Args:
        section: keys and values.
        origin: where each key was written.
        where: the origin that errors name for other keys.

    """
    try:
        return TypeAdapter(AnyData).validate_python(section)
    except ValidationError as error:
        raise ConfigError("\n".join(dict.fromkeys(explain_errors(error, section, origin or {}, where)))) from None


def frame_settings(
    interactions: Any, users: Any = None, items: Any = None, columns: Mapping[str, Column] | None = None, **keys: Any
) -> Data:
    """Settings of a data set from tables in memory, or from files by their paths.

    `columns` says which column of the interactions is which; of a table in memory the others are left out. `keys` are
    the other keys of the section. Raises ConfigError and DataError.
    """
    columns = {USER: USER, ITEM: ITEM, **dict.fromkeys(OPTIONAL), **(columns or {})}
    events = keys.get("events")
    of_event = events.get("column") if isinstance(events, Mapping) else getattr(events, "column", None)
    tables = {"interactions": interactions, "users": users, "items": items}
    sources: dict[str, Any] = {name: table for name, table in tables.items() if table is not None}

    def used(there: list[str]) -> list[str]:
        named = {**columns, EVENT: of_event}
        return list(dict.fromkeys(find_columns(there, named, "the table of interactions").values()))

    in_memory = [name for name, table in sources.items() if not isinstance(table, str | Path)]
    for name, table in sources.items():
        if name not in in_memory:
            sources[name] = Path(table).expanduser().resolve()
        elif name == "interactions":
            sources[name] = to_polars(table, used)
        else:
            sources[name] = to_polars(table)
    section = {"pipeline": "frame" if in_memory else "table", **sources, **columns, **keys}
    return validate_data(
        {key: value for key, value in section.items() if value is not None}, where="Dataset.from_frame"
    )
