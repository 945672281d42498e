"""Fitted: the features of one side, learned from training nodes; transforms that table and any new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import polars as pl
from pydantic import TypeAdapter

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.infer import Schema, choose_kinds
from reccl.data.features.nested import has_column, read_column
from reccl.data.features.schema import AnyFeature
from reccl.errors import DataError, join_names
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
EXAMPLE_LENGTH = 40
"""Characters of an example that are kept."""


@dataclass(frozen=True)
class FittedFeature:
    """One column: its kind, and the state of that kind."""

    name: str
    settings: FeatureSettings
    state: FeatureState
    missing: float  # share of the training nodes without a value
    example: str  # the first value of a training node

    @classmethod
    def fit(
        cls, column: pl.Series, trained: pl.Series, settings: FeatureSettings, bounded: FeatureSettings | None = None
    ) -> Self:
        """Learn from the `trained` nodes ([n] bool) of a column [n]; what `bounded` keeps, where it is given."""
        values = column.filter(trained)
        try:
            state, known = (bounded or settings).fit(values), settings.is_known(values)
        except (pl.exceptions.PolarsError, ValueError) as error:
            raise describe_failure(column.name, settings, error) from error
        missing = 1 - float(known.mean() or 0)  # type: ignore[arg-type]
        examples = values.filter(known).head(1).to_list()
        return cls(column.name, settings, state, missing, shorten(examples[0]) if examples else "")

    @property
    def columns(self) -> list[str]:
        """[F] names."""
        return self.settings.name_columns(self.name, self.state)

    def transform(self, table: pl.DataFrame) -> Tensor:
        """[n, F] float32."""
        try:
            return self.settings.transform(self.column(table), self.state).nan_to_num()  # beyond float32
        except (pl.exceptions.PolarsError, ValueError) as error:
            raise describe_failure(self.name, self.settings, error) from error

    def encode(self, table: pl.DataFrame) -> tuple[Tensor, int] | None:
        """See `FeatureSettings.encode`."""
        try:
            return self.settings.encode(self.column(table), self.state)
        except (pl.exceptions.PolarsError, ValueError) as error:
            raise describe_failure(self.name, self.settings, error) from error

    def column(self, table: pl.DataFrame) -> pl.Series:
        """The values [n]; all missing where the table has no such column."""
        return read_column(table, self.name)


@dataclass(frozen=True)
class FittedFeatures:
    """All features of users, or of items: [n, F] numbers of any table with such columns.

    >>> films = pl.DataFrame({"genre": ["Drama", "Comedy"] * 2, "year": [1985, 1990, 2000, 2005]})
    >>> fitted = FittedFeatures.fit(films, trained=pl.Series([True] * 4))
    >>> fitted.columns
    ['genre=Comedy', 'genre=Drama', 'year']
    >>> fitted.transform(pl.DataFrame({"genre": ["Horror"], "year": [1995]})).tolist()
    [[0.0, 0.0, 0.0]]
    """

    features: tuple[FittedFeature, ...] = ()

    @classmethod
    def fit(cls, table: pl.DataFrame | None, trained: pl.Series, schema: Schema | None = None) -> Self:
        """Learn from the rows of a table [n] that are `trained` ([n] bool), and from nothing else.

        `schema` gives kinds by column; other columns are inferred, `None` leaves one out. A table that is None has no
        features. Raises DataError where the schema names a column that the table lacks, or one that its kind cannot
        read. Of words the most frequent get a column each (`FeatureSettings.bound`).
        """
        if table is None:
            if schema:
                raise DataError(f"features {join_names(schema)} asked for, and the data has no such table")
            return cls()
        kinds = choose_kinds(table, trained, schema or {})
        return cls(
            tuple(
                FittedFeature.fit(read_column(table, name), trained, kind, kind.bound()) for name, kind in kinds.items()
            )
        )

    @classmethod
    def fit_kinds(cls, table: pl.DataFrame, trained: pl.Series, kinds: Mapping[str, FeatureSettings]) -> Self:
        """Learn these columns and no others, with all their words."""
        return cls(tuple(FittedFeature.fit(read_column(table, name), trained, kind) for name, kind in kinds.items()))

    @property
    def columns(self) -> list[str]:
        """[F] names: `genres=Comedy`, `year`, `title~3`."""
        return [name for feature in self.features for name in feature.columns]

    def transform(self, table: pl.DataFrame) -> Tensor:
        """[n, F] float32, finite. Columns that the table lacks count as missing everywhere, others are not read.

        Raises DataError for values that their kind cannot read, and for a table with none of the columns.
        """
        self.require_any_column(table)
        return torch.cat([torch.zeros(table.height, 0), *(feature.transform(table) for feature in self.features)], 1)

    def encode(self, table: pl.DataFrame) -> EncodedFeatures:
        """Codes where a feature has words, else its columns of the matrix."""
        self.require_any_column(table)
        made, numbers = EncodedFeatures(), []
        for feature in self.features:
            coded = feature.encode(table)
            if coded is None:
                numbers.append(feature.transform(table))
            else:
                (made.categories if coded[0].dim() == 1 else made.lists)[feature.name] = coded
        return EncodedFeatures(made.categories, made.lists, torch.cat(numbers, 1) if numbers else None, self)

    def to_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Everything, as JSON has it and as tensors by name."""
        entries = [
            {
                "name": feature.name,
                "settings": feature.settings.model_dump(mode="json"),
                "values": feature.state.values,
                "missing": feature.missing,
                "example": feature.example,
            }
            for feature in self.features
        ]
        tensors = {
            f"{place}.{name}": tensor.contiguous()
            for place, feature in enumerate(self.features)
            for name, tensor in feature.state.tensors.items()
        }
        return {"format": FORMAT, "features": entries}, tensors

    @classmethod
    def from_state(cls, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        """The features that `to_state` wrote. Raises DataError for another format."""
        if state.get("format") != FORMAT:
            raise DataError(f"saved features have format {state.get('format')}, not {FORMAT}; train again")
        kinds: TypeAdapter[FeatureSettings] = TypeAdapter(AnyFeature)
        made = []
        for place, entry in enumerate(state["features"]):
            own = {key.partition(".")[2]: value for key, value in tensors.items() if key.startswith(f"{place}.")}
            saved = FeatureState(entry["values"], own)
            settings = kinds.validate_python(entry["settings"])
            made.append(FittedFeature(entry["name"], settings, saved, entry["missing"], entry["example"]))
        return cls(tuple(made))

    def describe(self) -> pl.DataFrame:
        """One row a feature: its name, kind, number of columns, share of training nodes without a value, size of its
        vocabulary (null where it has none), and an example.
        """
        rows = []
        for each in self.features:
            words = each.settings.count_words(each.state)
            rows.append((each.name, each.settings.kind, len(each.columns), each.missing, words, each.example))
        schema = {"name": pl.String, "kind": pl.String, "columns": pl.Int64, "missing": pl.Float64}
        return pl.DataFrame(rows, schema={**schema, "vocabulary": pl.Int64, "example": pl.String}, orient="row")

    def require_any_column(self, table: pl.DataFrame) -> None:
        """Refuse a table that has none of the columns: all values would be missing."""
        names = [feature.name for feature in self.features]
        if names and not any(has_column(table, name) for name in names):
            raise DataError(
                f"the table has none of the features {join_names(names)}; it has {join_names(table.columns)}"
            )


@dataclass(frozen=True)
class EncodedFeatures:
    """Features of n nodes as codes and numbers, for networks that learn an embedding of each word.

    Category 0 means unknown, missing, or not seen among the training nodes.
    """

    categories: dict[str, tuple[Tensor, int]] = field(default_factory=dict)  # name -> (codes [n], number of codes)
    lists: dict[str, tuple[Tensor, int]] = field(default_factory=dict)  # name -> (codes [n, longest], 0 pads)
    numbers: Tensor | None = None  # [n, F] standardized; 0 where missing
    fitted: FittedFeatures | None = None  # what encodes other tables in the same way


def shorten(value: object) -> str:
    """A value on one short line."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= EXAMPLE_LENGTH else f"{text[: EXAMPLE_LENGTH - 3]}..."


def describe_failure(name: str, settings: FeatureSettings, error: Exception) -> DataError:
    """One line for values that a kind cannot read."""
    lines = str(error).strip().splitlines()
    return DataError(f"feature {name!r} of kind {settings.kind}: {lines[0] if lines else type(error).__name__}")
