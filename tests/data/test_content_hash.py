"""A table's hash is that of its content: no chunk, process or garbage below a null changes it, every value does."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from reccl.data.content_hash import ROWS, hash_table
from reccl.errors import DataError

TABLE = pl.DataFrame(
    {
        "id": [1, 2, None],
        "name": ["a", None, "c"],
        "tags": [["x"], None, []],
        "nested": [{"a": 1.5}, {"a": None}, None],
        "raw": [b"\x00\xff", None, b""],
        "at": pl.Series([0, 1, None]).cast(pl.Datetime("us")),
        "kind": pl.Series(["p", "q", None]).cast(pl.Categorical),
    }
)


def test_chunks_and_slices_change_nothing() -> None:
    parts = pl.concat([TABLE[:1], TABLE[1:2], TABLE[2:]], rechunk=False)
    padded = pl.concat([TABLE, TABLE])[1:4]
    assert hash_table(parts) == hash_table(TABLE)
    assert hash_table(padded) == hash_table(pl.concat([TABLE[1:], TABLE[:1]]))


def test_what_lies_below_a_null_changes_nothing() -> None:
    masked = pl.select(pl.when(pl.Series([False, True])).then(pl.Series([7, 8])).alias("x"))
    assert masked["x"].to_list() == [None, 8]
    assert hash_table(masked) == hash_table(pl.DataFrame({"x": [None, 8]}))


@pytest.mark.parametrize("name", TABLE.columns)
def test_every_value_name_and_type_counts(name: str) -> None:
    hashes = {hash_table(table) for table in (TABLE, TABLE.with_columns(pl.col(name).reverse()), TABLE.drop(name))}
    assert len(hashes | {hash_table(TABLE.rename({name: f"{name}_"}))}) == 4
    assert hash_table(pl.DataFrame({"x": [1]})) != hash_table(pl.DataFrame({"x": ["1"]}))


def test_long_tables_are_hashed_in_parts() -> None:
    long = pl.DataFrame({"x": np.arange(ROWS + 5)})
    assert hash_table(long) != hash_table(long[:-1])


def test_another_process_gives_the_same_hash() -> None:
    code = "import polars as pl; from reccl.data.content_hash import hash_table as h; "
    code += "print(h(pl.DataFrame({'x': ['a', None], 'y': [.1, 2]})))"
    prints = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        prints.add(done.stdout.strip())
    assert prints == {hash_table(pl.DataFrame({"x": ["a", None], "y": [0.1, 2.0]}))}


def test_python_objects_are_refused() -> None:
    with pytest.raises(DataError, match="column 'x' holds Python objects"):
        hash_table(pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)}))
