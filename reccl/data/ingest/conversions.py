"""Conversions: text, dates and odd number types into what reccl works with, or an error naming value and row."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.data.ingest.checks import ROW, reject_rows, require_columns
from reccl.errors import DataError, shorten

WHOLE = r"^(?:0|-?[1-9]\d{0,17})$"
TRUE, FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
ROUNDED = r"^\d(?:\.\d+)?[eE]\+\d+$"
"""Long numbers as spreadsheets write them."""
NUMBER = r"^[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$"


@dataclass(frozen=True)
class Conversion:
    """A step that gives one column another type; a value that it turns into null is an error with value and row."""

    column: str
    expression: Callable[[pl.Expr, pl.DataType], pl.Expr]
    """The converted column, from the column and its type."""
    meaning: str
    advice: str = "mend the file"
    required: bool = False
    """Whether a missing value is an error, too."""

    def __call__(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Convert the column."""
        return convert(frame, self)


def convert(frame: pl.LazyFrame, *conversions: Conversion) -> pl.LazyFrame:
    """Convert several columns at once, which is faster than one after the other."""
    schema = require_columns(*(each.column for each in conversions))(frame).collect_schema()
    lost = {}
    for each in conversions:
        column, dtype = pl.col(each.column), schema[each.column]
        known = column.is_not_null() & column.is_not_nan() if dtype.is_float() else column.is_not_null()
        lost[each] = (each.required | known) & pl.col(f"__{each.column}").is_null()

    def refuse(row: dict[str, object]) -> DataError:
        one = pl.DataFrame({name: [value] for name, value in row.items()}, strict=False)
        each = next(each for each, bad in lost.items() if one.select(bad).item())
        ids = ", ".join(f"{name} {shorten(row[name])}" for name in (USER, ITEM) if name in row and name != each.column)
        where = f"row {row[ROW]} ({ids})" if ids else f"row {row[ROW]}"
        return DataError(f"{each.column} {shorten(row[each.column])} in {where} is not {each.meaning}; {each.advice}")

    made = [each.expression(pl.col(each.column), schema[each.column]).alias(f"__{each.column}") for each in conversions]
    checked = reject_rows(
        frame.with_row_index(ROW, offset=1).with_columns(made), pl.any_horizontal(*lost.values()), refuse
    )
    converted = [pl.col(f"__{each.column}").alias(each.column) for each in conversions]
    return checked.with_columns(converted).drop(ROW, *(f"__{each.column}" for each in conversions))


def to_numbers(column: str, decimal: str = ".", thousands: str | None = None) -> Conversion:
    """A column as float64. True is 1, false 0; NaN is missing."""

    def expression(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        if dtype.is_numeric() or dtype == pl.Boolean:
            return values.cast(pl.Float64).fill_nan(None)
        text = plain_numbers(values.cast(pl.String).str.strip_chars(), decimal, thousands)
        number = text.cast(pl.Float64, strict=False).fill_nan(None)
        truth = pl.when(text.is_in(TRUE)).then(1.0).when(text.is_in(FALSE)).then(0.0)
        return pl.coalesce(number, truth)

    return Conversion(column, expression, "a number")


def to_weights(column: str, decimal: str = ".", thousands: str | None = None) -> Conversion:
    """A column as float64 above 0; zero, a negative number, an infinite one and a missing one are errors."""
    read = to_numbers(column, decimal, thousands).expression

    def expression(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        number = read(values, dtype)
        return pl.when(number.is_finite() & (number > 0)).then(number)

    return Conversion(column, expression, "a number above 0", "mend it, or leave such rows out", required=True)


def plain_numbers(text: pl.Expr, decimal: str = ".", thousands: str | None = None) -> pl.Expr:
    """Numbers as programs write them: 1.234,5 with a decimal comma and points between thousands is 1234.5."""
    if thousands is not None:
        text = text.str.replace_all(thousands, "", literal=True)
    return text if decimal == "." else text.str.replace(decimal, ".", literal=True)


def infer_types(
    table: pl.DataFrame, ids: tuple[str, ...] = (), decimal: str = ".", thousands: str | None = None
) -> pl.DataFrame:
    """Columns of text as whole numbers, numbers or booleans where every value is one; but `ids` and 007 stay text.

    >>> text = {"a": ["1", None], "b": ["1", "2.5"], "c": ["007", "8"], "d": ["true", "False"]}
    >>> infer_types(pl.DataFrame(text)).row(0)
    (1, 1.0, '007', True)
    """

    def infer(column: pl.Series) -> pl.Series:
        known = column.drop_nulls()
        if column.dtype != pl.String or column.name in ids or known.is_empty():
            return column
        if known.is_in([*TRUE, *FALSE]).all():
            return column.is_in(TRUE).set(column.is_null(), None)
        plain = known.to_frame().select(plain_numbers(pl.first(), decimal, thousands)).to_series()
        kind = pl.Int64 if plain.str.contains(WHOLE).all() else pl.Float64 if plain.str.contains(NUMBER).all() else None
        if kind is None:
            return column
        return column.to_frame().select(plain_numbers(pl.first(), decimal, thousands).cast(kind)).to_series()

    return table.with_columns(infer(column) for column in table)


def is_whole(text: pl.Expr) -> pl.Expr:
    """Whether text is missing, or a whole number that gives back the text: not 007, +7 or 12a; 7.0 counts as 7."""
    plain = text.str.strip_suffix(".0")
    return plain.cast(pl.Int64, strict=False).cast(pl.String).eq_missing(plain)


def to_whole_numbers(
    column: str, advice: str = "mend the file", known: bool = False, kind: pl.DataType | None = None
) -> Conversion:
    """A column as whole numbers of a `kind` (Int64); text that a number cannot reproduce (`007`, `12a`) is an error.

    `known`: that all text is whole numbers has been checked.
    """
    whole = pl.Int64() if kind is None else kind

    def expression(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        if dtype.is_integer():
            return values.cast(whole, strict=False)
        if dtype.is_float() or dtype.is_decimal():  # as whole numbers come where some are missing
            return pl.when(values.cast(pl.Float64).round() == values).then(values).cast(whole, strict=False)
        text = values.cast(pl.String).str.strip_chars().str.strip_suffix(".0")
        number = text.cast(whole, strict=False)
        return number if known else pl.when(number.cast(pl.String) == text).then(number)

    meaning = "a whole number" + f" that fits {whole}" * (whole != pl.Int64)
    return Conversion(column, expression, meaning, advice)


def to_text(column: str) -> Conversion:
    """A column as strings."""
    return Conversion(column, lambda values, _: values.cast(pl.String), "text")


def to_exported_text(column: str) -> Conversion:
    """A column of text that may be an id: a long number that a spreadsheet has rounded (1.101E+17) is an error."""

    def expression(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        if dtype != pl.String:  # of a typed table beside interactions that are text
            return values.cast(pl.String, strict=False)
        return pl.when(~values.str.contains(ROUNDED)).then(values)

    meaning = "an id, but what a spreadsheet made of a long one"
    return Conversion(column, expression, meaning, "export it as text, or set ids: string")


def require_one_of(column: str, allowed: tuple[str, ...]) -> Conversion:
    """A column of strings that may hold only these values."""

    def expression(values: pl.Expr, _: pl.DataType) -> pl.Expr:
        text = values.cast(pl.String)
        return pl.when(text.is_in(allowed)).then(text)

    return Conversion(column, expression, f"one of {', '.join(allowed)}")
