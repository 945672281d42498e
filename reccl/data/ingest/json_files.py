"""JSON files: objects line by line, or an array of them; every key of every object, in its widest type.

Lines may also be Python literals, {'user': u'ann'}, as some public data has them.
"""

import ast
import json
from glob import escape
from io import BytesIO
from pathlib import Path

import polars as pl

from reccl.data.ingest.failures import READING, give_reason
from reccl.data.ingest.transcode import rewrite_lines, to_utf8
from reccl.errors import DataError


def is_array(file: Path) -> bool:
    """Whether a JSON file holds one array, and not an object a line. Raises DataError where it cannot be read."""
    try:
        first = (
            pl.scan_lines(to_utf8(file), glob=False).filter(pl.col("line").str.strip_chars() != "").head(1).collect()
        )
    except READING as error:
        raise DataError(f"cannot read {file}: {give_reason(error)}; check the file") from None
    return first.height > 0 and first.item().lstrip("\ufeff ").startswith("[")


def scan_json(file: Path) -> pl.LazyFrame:
    """A JSON file as a table. Raises DataError that names the first line that is no JSON."""
    source = to_utf8(file)
    try:
        if is_array(file):
            text = "\n".join(pl.scan_lines(source, glob=False).collect().to_series())
            return pl.read_json(BytesIO(text.encode()), infer_schema_length=None).lazy()
        frame = pl.scan_ndjson(escape(str(source)), infer_schema_length=None)
        frame.collect_schema()
    except READING as error:
        raise explain_line(file, source, error) from None
    return frame


def explain_line(file: Path, source: Path, error: BaseException) -> DataError:
    """The error for the first line that is no JSON object."""
    number = 0
    for batch in pl.scan_lines(source, glob=False).collect_batches(lazy=True):
        for line in batch.to_series():
            number += 1
            try:
                bad = bool(line.strip()) and not isinstance(json.loads(line), dict)
            except ValueError:
                bad = True
            if bad:
                advice = "mend or remove it"
                if line.lstrip().startswith(("{'", "{u'")):
                    advice = "it is a Python literal: set format: python"
                return DataError(f"{file}, line {number} is not a JSON object: {line[:40]!r}; {advice}")
    return DataError(f"cannot read {file} as JSON: {give_reason(error)}; check the file")


def scan_literals(file: Path) -> pl.LazyFrame:
    """A file of one Python dict a line as a table; no code is run. Raises DataError that names the first other line."""

    def convert(line: str, number: int) -> str:
        try:
            value = ast.literal_eval(line.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            value = None
        if not isinstance(value, dict):
            raise DataError(f"{file}, line {number} is not a Python dict: {line.strip()[:40]!r}; mend or remove it")
        return json.dumps(value, default=to_plain)

    return pl.scan_ndjson(rewrite_lines(file, convert), infer_schema_length=None)


def to_plain(value: object) -> object:
    """What JSON lacks: sets as lists, bytes as text."""
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
