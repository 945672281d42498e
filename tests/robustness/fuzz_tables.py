"""Strategies: tables as files. Text in many dialects, JSON lines, Parquet and Arrow, whole or changed at random; and
what Python's csv and json read in them.
"""

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import dropwhile
from typing import Any

import polars as pl
from hypothesis import strategies as st

from reccl.data.ingest.delimited import MISSING
from tests.robustness.fuzz_configs import LETTERS, change_bytes

Row = tuple[str | None, ...]
IDS = [
    "1",
    "2",
    "3",
    "1.0",
    "007",
    "-5",
    "a",
    "B b",
    "é",
    "日本",
    "x@y.z",
    '7" Single',
    'a "b"',
    "o'k",
    "1e3",
    "1.101E+17",
]
IDS += ["9223372036854775807", "9223372036854775808", "1" * 40, "l" * 300, "#x", "a,b", "a;b", "a|b", "a\tb", "a:b"]
IDS += ["a\nb", "a\r\nb", '"', '""', "a\x00b", "\ufeffa", *MISSING]
TIMES = [
    "0",
    "1",
    "881250949",
    "1700000000000",
    "-1",
    "1.5",
    "2024-01-01",
    "2024-01-01T10:00:00Z",
    "2024-13-01",
    "soon",
]
TIMES += ["2024-01-01 10:00:00.5+02:00", "31.12.2024", "9" * 30, "inf", "nan", "", "1e9"]
RATINGS = ["1", "3.5", "4,5", "1.000,5", "True", "false", "good", "", "nan", "-inf", "1e400", "5"]
FIELDS = {
    "user": st.one_of(st.sampled_from(IDS), st.integers(0, 9).map(str), st.text(LETTERS, max_size=6)),
    "item": st.one_of(st.sampled_from(IDS), st.integers(0, 9).map(str)),
    "timestamp": st.one_of(st.sampled_from(TIMES), st.integers().map(str)),
    "rating": st.one_of(st.sampled_from(RATINGS), st.floats().map(str)),
    "note": st.text(LETTERS, max_size=6),
}
PLAIN = {
    "user": st.integers(0, 9).map(str),
    "item": st.sampled_from("abcdef"),
    "timestamp": st.integers(0, 2**31).map(str),
    "rating": st.integers(1, 5).map(str),
    "note": st.sampled_from(["good", "so, so", 'a "hit"']),
}


@dataclass(frozen=True)
class TextTable:
    """The bytes of a table of text, and how it is to be read."""

    content: bytes
    separator: str
    encoding: str
    ragged: str
    options: dict[str, Any]


@st.composite
def text_tables(draw: st.DrawFn) -> TextTable:
    """A table of text."""
    names = draw(st.permutations(["user", "item", *draw(st.sets(st.sampled_from(["timestamp", "rating", "note"])))]))
    fields = draw(st.sampled_from([PLAIN, FIELDS]))
    rows = draw(st.lists(st.tuples(*(fields[name] for name in names)), max_size=8))
    separator = draw(st.sampled_from([",", ",", ",", "\t", ";", "|", ":"]))
    made = io.StringIO()
    writer = csv.writer(
        made,
        delimiter=separator,
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=draw(st.sampled_from(["\n", "\n", "\r\n"])),
    )
    writer.writerows([names, *rows])
    text = made.getvalue()
    if draw(st.booleans()):
        lines = text.split("\n")
        for _ in range(draw(st.integers(1, 2))):
            lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(LINES)))
        text = "\n".join(lines)
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"]))
    content = text.encode(encoding, "replace")
    if draw(st.integers(0, 3)) == 0:
        content = change_bytes(draw, content)
    said = encoding if draw(st.integers(0, 9)) else draw(st.sampled_from(["utf-8", "utf-16", "ascii", "latin-1", "x"]))
    return TextTable(content, separator, said, draw(st.sampled_from(["error", "error", "fill"])), draw(options(names)))


RETURN = "\ue000"
LINES = [
    "",
    "  ",
    "1",
    "1,2,3,4,5,6",
    "1;2",
    "\t",
    '"',
    'a,"b',
    '"a",b',
    "\x00",
    "\r",
    "# a comment",
    "user,item",
    ",,,",
]


@st.composite
def options(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    """Options of the pipeline `table`."""
    choices: dict[str, list[Any]] = {
        "ids": ["auto", "integer", "string"],
        "nulls": ["drop", "error"],
        "duplicates": ["first", "last", "error"],
        "decimal": [".", ","],
        "thousands": [None, ",", ".", "'"],
    }
    if "timestamp" in names and draw(st.booleans()):
        choices |= {"timestamp": ["timestamp"], "time_unit": ["s", "ms", "us", "ns"]}
        choices |= {"time_format": [None, None, "%d.%m.%Y", "%Y", "nonsense", "%"], "since": [None, "1970-01-02", 5]}
    if "rating" in names and draw(st.booleans()):
        choices |= {"rating": ["rating"], "minimum_rating": [None, 3.0, float("inf")]}
    chosen = draw(st.sets(st.sampled_from(sorted(choices))))
    fixed = {name: name for name in ("timestamp", "rating") if name in choices}
    return fixed | {name: draw(st.sampled_from(choices[name])) for name in chosen}


def read_readings(table: TextTable) -> list[list[Row]]:
    """What Python reads, once with quotation marks as csv has them and once as text; none where it cannot."""
    marked = table.content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = table.content.decode("utf-16" if marked else table.encoding)
    except (UnicodeError, LookupError):
        return []
    lines = [line.removeprefix("\ufeff").removesuffix("\r") for line in text.split("\n")]
    readings = [[line.split(table.separator) for line in lines]]
    try:
        plain = (f"{line}\n".replace("\r", RETURN) for line in lines)  # within a line it is a character as others
        read = list(csv.reader(plain, delimiter=table.separator))
        readings.append([[field.replace(RETURN, "\r") for field in row] for row in read])
    except csv.Error:
        pass
    made = []
    for reading in readings:
        reading = list(
            dropwhile(lambda row: not table.separator.join(row).strip(), reading)
        )  # the header is no blank line
        rows = [row for row in reading if len(row) > 1 or (row and row[0].strip())]
        if rows:
            width = len(rows[0])
            fits = table.ragged == "fill" or all(len(row) == width for row in rows)
            if fits:
                made.append([tuple(map(tidy, [*row, *[None] * width][:width])) for row in rows])
    return made


SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)
"""What Unicode calls white space; Python adds four control characters."""


def tidy(field: Any) -> str | None:
    """A field without outer space, None where missing."""
    text = None if field is None else str(field).removeprefix("\ufeff").strip(SPACE)
    return None if text in MISSING else text


@st.composite
def json_lines(draw: st.DrawFn) -> bytes:
    """Objects line by line, now and then broken."""
    values = st.one_of(
        st.sampled_from(
            [None, True, 1, 2.5, "a", "1", "007", 2**63, 2**64, 2**70, [1], {"id": 1}, [], {}, "2024-01-01"]
        ),
        st.integers(),
        st.text(LETTERS, max_size=4),
    )
    keys = st.sampled_from(["user", "item", "timestamp", "rating", "note"])
    plain = st.fixed_dictionaries({"user": st.integers(0, 5), "item": st.sampled_from("abc")})
    rows = draw(st.one_of(st.lists(plain, max_size=6), st.lists(st.dictionaries(keys, values), max_size=6)))
    lines = [json.dumps(row, ensure_ascii=draw(st.booleans())) for row in rows]
    for _ in range(draw(st.integers(0, 2))):
        odd = ["", "  ", "null", "5", "[1]", "{", "{'user': 1}", '{"user": NaN}', '{"user": 1, "user": 2}', "\x00"]
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(odd)))
    if draw(st.integers(0, 5)) == 0:
        lines = [f"[{', '.join(lines)}]"]
    content = "\n".join(lines).encode()
    return change_bytes(draw, content) if draw(st.integers(0, 3)) == 0 else content


def count_objects(content: bytes) -> int | None:
    """Rows of JSON lines, or of an array of objects; None where Python cannot read them."""
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip().startswith("["):
            return len(json.loads(text))
        return sum(1 for line in text.split("\n") if line.strip() and json.loads(line) is not False)
    except ValueError:
        return None


TYPES: dict[str, tuple[pl.DataType | type[pl.DataType], list[Any]]] = {
    "int8": (pl.Int8, [0, 1, -1, 127]),
    "int64": (pl.Int64, [0, 1, 2, -(2**63), 2**63 - 1]),
    "uint64": (pl.UInt64, [0, 1, 2**64 - 1]),
    "int128": (pl.Int128, [0, 2**100]),
    "float32": (pl.Float32, [0.0, 1.0, 1.5, float("nan"), float("inf")]),
    "float64": (pl.Float64, [0.0, 1.0, 2.0, float("nan"), 1e300, 2.0**53]),
    "text": (pl.String, ["a", "1", "007", "", " ", "nan", "x" * 300, "\x00"]),
    "binary": (pl.Binary, [b"a", b"1", b"", b"\xff\xfe"]),
    "boolean": (pl.Boolean, [True, False]),
    "date": (pl.Date, [date(2024, 1, 1), date(1, 1, 1)]),
    "datetime": (pl.Datetime("us"), [datetime(2024, 1, 1), datetime(1970, 1, 1)]),
    "zoned": (pl.Datetime("ms", "UTC"), [datetime(2024, 1, 1, tzinfo=UTC)]),
    "duration": (pl.Duration("us"), []),
    "decimal": (pl.Decimal(10, 2), [1, 2]),
    "category": (pl.Categorical(), ["a", "b"]),
    "enum": (pl.Enum(["a", "b"]), ["a", "b"]),
    "list": (pl.List(pl.Int64), [[1], [], [1, 2]]),
    "struct": (pl.Struct({"id": pl.Int64}), [{"id": 1}]),
    "array": (pl.Array(pl.Int64, 2), [[1, 2]]),
    "null": (pl.Null, []),
}


@st.composite
def typed_tables(draw: st.DrawFn) -> pl.DataFrame:
    """A table with columns of any type, nulls among them."""
    height = draw(st.integers(0, 6))

    def column(name: str, kinds: list[str]) -> pl.Series:
        dtype, values = TYPES[draw(st.sampled_from(kinds))]
        drawn = draw(st.lists(st.sampled_from([None, *values, *values]), min_size=height, max_size=height))
        return pl.Series(name, drawn, dtype=dtype, strict=False)

    names = ["user", "item", *draw(st.sets(st.sampled_from(["timestamp", "rating"])))]
    common = ["int64", "text", "float64", *TYPES]
    return pl.DataFrame([column(name, common) for name in names])
