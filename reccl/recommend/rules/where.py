"""Where: a condition on the columns of the items, written as in `DataFrame.query` of pandas."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from reccl.data.features.nested import list_fields, reach_field
from reccl.errors import ConfigError, did_you_mean, join_names

LENGTH, DEPTH = 2_000, 50
"""Letters of a condition, and levels of brackets in it, at most."""
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], pl.Expr]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], pl.Expr]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}


def select_where(condition: str, table: pl.DataFrame) -> pl.Series:
    """Which rows of a table meet a condition, as booleans; a missing value meets none but `is None`.

    Comparisons (also `1 < price <= 50`), `and`, `or`, `not`, `in` and `not in` a list, `"x" in column` for text that
    holds it and lists that do, `is None`, `+ - * / %`, numbers, text in quotes, True and False. A column whose name is
    not a word stands in `backticks`. A dot leads to a field inside a nested column, `details.color == 'red'`,
    `'new' in offers.state`. Nothing else: no call, no attribute of anything else, no file.

    Raises ConfigError for anything else, unknown columns, and types that cannot be compared.

    >>> items = pl.DataFrame({"price": [9.5, 80.0, None], "tags": [["new"], [], ["new"]]})
    >>> select_where("price < 50 and 'new' in tags", items).to_list()
    [True, False, False]
    """
    names: dict[str, str] = {}

    def name_column(match: re.Match[str]) -> str:
        names[placeholder := f"column_{len(names)}_"] = match[1]
        return placeholder

    try:
        if len(condition) > LENGTH:
            raise ConfigError(f"it has over {LENGTH:,} letters")
        tree = ast.parse(re.sub(r"`([^`]*)`", name_column, condition.strip()), mode="eval")
        found = table.select(to_expression(tree.body, table, names, 0).alias("met"))["met"]
        if found.dtype not in (pl.Boolean, pl.Null):
            raise ConfigError(f"it is {found.dtype}, not true or false")
    except (ConfigError, SyntaxError, ValueError, RecursionError, MemoryError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "msg", None) or str(error).splitlines()[0]
        raise ConfigError(
            f"where {condition[:200]!r}: {reason}; write it as price < 50 and category == 'tea'"
        ) from None
    met: pl.Series = found.cast(pl.Boolean).fill_null(False)
    return met.new_from_index(0, table.height) if met.len() == 1 != table.height else met


def to_expression(node: ast.expr, table: pl.DataFrame, names: Mapping[str, str], depth: int) -> pl.Expr:
    """A node of a condition as an expression of polars. Raises ConfigError for what a condition cannot hold."""
    if depth > DEPTH:
        raise ConfigError("it has too many brackets")

    def inner(part: ast.expr) -> pl.Expr:
        return to_expression(part, table, names, depth + 1)

    match node:
        case ast.Name() | ast.Attribute():
            return find_column(node, table, names)[0]
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return pl.lit(value)
        case ast.BoolOp(op=op, values=values):
            parts = [inner(value) for value in values]
            return pl.all_horizontal(parts) if isinstance(op, ast.And) else pl.any_horizontal(parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ~inner(operand)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -inner(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return ARITHMETIC[type(op)](inner(left), inner(right))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [left, *comparators]
            parts = [compare(sides[at], op, sides[at + 1], table, names, inner) for at, op in enumerate(ops)]
            return pl.all_horizontal(parts)
    raise ConfigError(f"it cannot hold {ast.unparse(node)!r}")


def find_column(node: ast.expr, table: pl.DataFrame, names: Mapping[str, str]) -> tuple[pl.Expr, pl.DataType]:
    """A column, or the field of a nested one behind a dotted path, and its type. Raises ConfigError for others."""
    path, at = [], node
    while isinstance(at, ast.Attribute):
        path.append(names.get(at.attr, at.attr))
        at = at.value
    if not isinstance(at, ast.Name):
        raise ConfigError(f"it cannot hold {ast.unparse(node)!r}")
    whole = ".".join([names.get(at.id, at.id), *reversed(path)])
    found = reach_field(table, whole)
    if found is None:
        there = [field for name, kind in table.schema.items() for field in list_fields(name, kind)]
        raise ConfigError(f"no column {whole!r}{did_you_mean(whole, there) or f'; there are: {join_names(there)}'}")
    return found, table.lazy().select(found.alias("field")).collect_schema()["field"]


def compare(
    left: ast.expr,
    op: ast.cmpop,
    right: ast.expr,
    table: pl.DataFrame,
    names: Mapping[str, str],
    inner: Callable[[ast.expr], pl.Expr],
) -> pl.Expr:
    """One comparison as an expression."""
    if isinstance(op, ast.In | ast.NotIn):
        found = contains(left, right, table, names, inner)
        return ~found if isinstance(op, ast.NotIn) else found
    if isinstance(op, ast.Is | ast.IsNot):
        if not (isinstance(right, ast.Constant) and right.value is None):
            raise ConfigError("`is` is for `is None` and `is not None`; write == for values")
        return inner(left).is_null() if isinstance(op, ast.Is) else inner(left).is_not_null()
    return COMPARISONS[type(op)](inner(left), inner(right))


def contains(
    left: ast.expr,
    right: ast.expr,
    table: pl.DataFrame,
    names: Mapping[str, str],
    inner: Callable[[ast.expr], pl.Expr],
) -> pl.Expr:
    """`left in right`, for a list of values, a column of lists, or a column of text."""
    if isinstance(right, ast.List | ast.Tuple | ast.Set):
        values = [ast.literal_eval(each) for each in right.elts]
        return inner(left).is_in(values)
    named = isinstance(right, ast.Name | ast.Attribute)
    column, kind = find_column(right, table, names) if named else (inner(right), None)
    if isinstance(kind, pl.List | pl.Array):
        return column.list.contains(inner(left)) if isinstance(kind, pl.List) else column.arr.contains(inner(left))
    if kind == pl.String or isinstance(kind, pl.Categorical | pl.Enum):
        return column.cast(pl.String).str.contains(inner(left), literal=True)
    raise ConfigError(f"{ast.unparse(right)!r} is neither a list of values nor a column of lists or text")
