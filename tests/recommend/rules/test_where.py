"""A condition is an expression over columns, and nothing else."""

import operator
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reccl.errors import ConfigError
from reccl.recommend.rules.where import select_where

ITEMS = pl.DataFrame(
    {
        "price": [9.5, 80.0, None, 50.0],
        "in_stock": [True, True, False, None],
        "category": ["tea", "coffee", "tea", None],
        "tags": [["new", "sale"], [], ["new"], None],
        "unit price": [1, 2, 3, 4],
        "details": [
            {"color": "red", "size": {"cm": 10, "in words": "small"}, "marks": ["a"]},
            {"color": "blue", "size": {"cm": 90, "in words": "large"}, "marks": []},
            {"color": None, "size": None, "marks": None},
            None,
        ],
        "offers": [[{"shop": "a"}, {"shop": "b"}], [{"shop": "b"}], [], None],
        "flat.name": [1, 2, 3, 4],
    }
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("price < 50", [1, 0, 0, 0]),
        ("price <= 50 and in_stock", [1, 0, 0, 0]),
        ("in_stock", [1, 1, 0, 0]),
        ("not in_stock", [0, 0, 1, 0]),
        ("5 < price <= 50", [1, 0, 0, 1]),
        ("category in ['tea', 'milk']", [1, 0, 1, 0]),
        ("category not in ('tea',)", [0, 1, 0, 0]),
        ("category == 'tea' or price > 70", [1, 1, 1, 0]),
        ("'new' in tags", [1, 0, 1, 0]),
        ("'off' in category", [0, 1, 0, 0]),
        ("price is None", [0, 0, 1, 0]),
        ("price is not None and category is not None", [1, 1, 0, 0]),
        ("price * 2 - 1 < 20", [1, 0, 0, 0]),
        ("`unit price` % 2 == 0", [0, 1, 0, 1]),
        ("-price < -60", [0, 1, 0, 0]),
        ("details.color == 'red'", [1, 0, 0, 0]),
        ("'b' in offers.shop", [1, 1, 0, 0]),
        ("flat.name > 1", [0, 1, 1, 1]),
        ("details.size.cm > 5 and price > 50", [0, 1, 0, 0]),
        ("`details`.size.`in words` in ['small', 'large']", [1, 1, 0, 0]),
        ("'a' in details.marks", [1, 0, 0, 0]),
        ("'lu' in details.color", [0, 1, 0, 0]),
        ("details.color is None", [0, 0, 1, 1]),
        ("details.size is not None", [1, 1, 0, 0]),
        ("True", [1, 1, 1, 1]),
        ("1 > 2", [0, 0, 0, 0]),
        ("  (price < 10)\n", [1, 0, 0, 0]),
    ],
)
def test_which_items_meet_a_condition(condition: str, expected: list[int]) -> None:
    assert select_where(condition, ITEMS).to_list() == [bool(value) for value in expected]


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("", "invalid syntax"),
        ("price <", "invalid syntax"),
        ("price = 5", "invalid syntax; write it as price < 50 and category == 'tea'"),
        ("prize < 5", "did you mean 'price'"),
        ("price", "it is Float64, not true or false"),
        ("price < 'a'", "cannot compare"),
        ("__import__('os').system('true')", "it cannot hold"),
        ("open('/etc/passwd')", "it cannot hold"),
        ("price.map_elements(print)", "it cannot hold"),
        ("[x for x in tags]", "it cannot hold"),
        ("details.colour == 'red'", "no column 'details.colour'; did you mean 'details.color'"),
        ("details.size.mm > 3", "no column 'details.size.mm'; did you mean 'details.size.cm'"),
        ("details", "not true or false"),
        ("price.color == 'red'", "no column 'price.color'"),
        ("details.color.str == 'red'", "no column 'details.color.str'"),
        ("details.__class__ == 'red'", "no column 'details.__class__'"),
        ("details.color.__class__.__mro__ is None", "no column '"),
        ("price.name == 'red'", "no column '"),
        ("price.meta.serialize is None", "no column '"),
        ("detail.color == 'red'", "no column 'detail.color'; did you mean 'details.color'"),
        ("details.struct.unnest() is None", "it cannot hold"),
        ("details.color.to_uppercase() == 'RED'", "it cannot hold"),
        ("details['color'] == 'red'", "it cannot hold"),
        ("'red'.color == 'red'", "it cannot hold"),
        ("(price + 1).real > 1", "it cannot hold"),
        ("'x' in ''.__class__", "it cannot hold"),
        ("details.`*` == 'red'", "no column 'details.*'"),
        ("details.`^.*$` == 'red'", "no column '"),
        ("details." + "color." * 300 + "x == 1", "no column '"),
        ("(lambda: True)()", "it cannot hold"),
        ("(price := 3) > 2", "it cannot hold"),
        ("f'{price}' == '3'", "it cannot hold"),
        ("price ** 999999999 > 1", "it cannot hold"),
        ("price if in_stock else 1", "it cannot hold"),
        ("price is 3", "`is` is for"),
        ("3 in price", "neither a list of values"),
        ("(" * 100 + "price < 1" + ")" * 100 + " and " + "not " * 100 + "in_stock", "too many"),
        ("price < 1 or " * 1000 + "in_stock", "over 2,000 letters"),
        ("category in [price]", ""),
        ("price < 1\x00", ""),
        ("b'a' == category", "it cannot hold"),
    ],
)
def test_what_is_no_condition_is_refused_in_one_line(condition: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        select_where(condition, ITEMS)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        alphabet=st.sampled_from("price in_stock category and or not < > = ( ) [ ] ' \" . , 1 + - * / % ` :"),
        max_size=40,
    )
)
def test_any_text_gives_booleans_or_one_line(text: str) -> None:
    try:
        found = select_where(text, ITEMS)
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        assert found.dtype == pl.Boolean
        assert found.len() == ITEMS.height
        assert found.null_count() == 0


WORDS = ("price", "details", "color", "size", "cm", "marks", "__class__", "__init__", "struct", "str", "len", "name")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), st.sampled_from(("", "()", "[0]", "(1)", "('x')")))
def test_a_dotted_path_is_a_field_that_there_is_or_nothing(path: list[str], behind: str) -> None:
    kind: object = ITEMS.schema.get(path[0])
    for name in path[1:]:
        kind = dict(kind).get(name) if isinstance(kind, pl.Struct) else None
    condition = f"{'.'.join(path)}{behind} is not None"
    if kind is None or behind:
        with pytest.raises(ConfigError):
            select_where(condition, ITEMS)
        return
    values: list[object] = ITEMS[path[0]].to_list()
    for name in path[1:]:
        values = [value[name] if isinstance(value, dict) else None for value in values]
    assert select_where(condition, ITEMS).to_list() == [value is not None for value in values]


Row = dict[str, object]
Truth = Callable[[Row], bool | None]
"""Of a row: true, false, or unknown where a value is missing."""


def compare(column: str, sign: str, value: object) -> tuple[str, Truth]:
    """A comparison, as text and as Python."""
    known = {
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
        "==": operator.eq,
        "!=": operator.ne,
    }
    return f"{column} {sign} {value!r}", lambda row: None if row[column] is None else known[sign](row[column], value)


def negate(part: tuple[str, Truth]) -> tuple[str, Truth]:
    """`not`."""
    return f"not ({part[0]})", lambda row: None if part[1](row) is None else not part[1](row)


def join(word: str, parts: list[tuple[str, Truth]]) -> tuple[str, Truth]:
    """`and`, `or`, in Kleene's logic."""

    def truth(row: Row) -> bool | None:
        values, decides = [part[1](row) for part in parts], word == "or"
        return decides if decides in values else None if None in values else not decides

    return f" {word} ".join(f"({text})" for text, _ in parts), truth


SIGNS = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
SIMPLE = st.one_of(
    st.builds(compare, st.just("price"), SIGNS, st.sampled_from((0, 9.5, 50, 80.0, -3))),
    st.builds(compare, st.just("category"), st.sampled_from(("==", "!=")), st.sampled_from(("tea", "coffee", ""))),
    st.sampled_from(("price", "category", "in_stock")).map(
        lambda name: (f"{name} is None", lambda row: row[name] is None)
    ),
    st.lists(st.sampled_from(("tea", "coffee", "milk")), min_size=1, max_size=3).map(
        lambda some: (f"category in {some!r}", lambda row: None if row["category"] is None else row["category"] in some)
    ),
    st.sampled_from(("new", "sale", "old")).map(
        lambda tag: (f"{tag!r} in tags", lambda row: None if row["tags"] is None else tag in row["tags"])
    ),
    st.just(("in_stock", lambda row: row["in_stock"])),
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        inner.map(negate), st.builds(join, st.sampled_from(("and", "or")), st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(CONDITIONS)
def test_any_condition_is_what_python_finds_row_by_row(condition: tuple[str, Truth]) -> None:
    text, truth = condition
    assert select_where(text, ITEMS).to_list() == [truth(row) is True for row in ITEMS.to_dicts()]
