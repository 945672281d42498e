"""JSON files: objects line by line, or an array of them; every key of every object, in its widest type."""

import json
from io import BytesIO
from pathlib import Path

import polars as pl

from reccl.data.ingest.transcode import to_utf8
from reccl.errors import DataError

CONVERT = (
    "import ast, json, sys; [print(json.dumps(ast.literal_eval(line))) for line in sys.stdin]"  # of a Python literal
)


def is_array(file: Path) -> bool:
    """Whether a JSON file holds one array, and not an object a line. Raises DataError where it cannot be read."""
    try:
        first = pl.scan_lines(to_utf8(file)).filter(pl.col("line").str.strip_chars() != "").head(1).collect()
    except pl.exceptions.PolarsError as error:
        raise DataError(f"cannot read {file}: {error}") from None
    return first.height > 0 and first.item().lstrip("\ufeff ").startswith("[")


def scan_json(file: Path) -> pl.LazyFrame:
    """A JSON file as a table. Raises DataError that names the first line that is no JSON."""
    source = to_utf8(file)
    try:
        if is_array(file):
            text = "\n".join(pl.scan_lines(source).collect().to_series())
            return pl.read_json(BytesIO(text.encode()), infer_schema_length=None).lazy()
        frame = pl.scan_ndjson(source, infer_schema_length=None)
        frame.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise explain_line(file, source, error) from None
    return frame


def explain_line(file: Path, source: Path, error: Exception) -> DataError:
    """The error for the first line that is no JSON object."""
    number = 0
    for batch in pl.scan_lines(source).collect_batches(lazy=True):
        for line in batch.to_series():
            number += 1
            try:
                bad = bool(line.strip()) and not isinstance(json.loads(line), dict)
            except ValueError:
                bad = True
            if bad:
                advice = "mend or remove it"
                if line.lstrip().startswith(("{'", "{u'")):
                    advice = f'it is a Python literal: convert the file with python -c "{CONVERT}" < FILE > NEW.jsonl'
                return DataError(f"{file}, line {number} is not a JSON object: {line[:40]!r}; {advice}")
    return DataError(f"cannot read {file} as JSON: {str(error).splitlines()[0]}; check the file")
