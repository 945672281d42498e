"""A file of recommendations appears whole or not at all, and every tool reads it."""

import gzip
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import duckdb
import pandas as pd
import polars as pl
import pytest

from reccl.errors import ConfigError, RecclError
from reccl.recommend import Model, recommend, write_tables
from reccl.recommend.target import check_target

READERS = {
    "arrow": pl.read_ipc,
    "csv": pl.read_csv,
    "json": pl.read_json,
    "jsonl": pl.read_ndjson,
    "parquet": pl.read_parquet,
    "tsv": lambda path: pl.read_csv(path, separator="\t"),
}


def tables(model: Model) -> Iterator[pl.DataFrame]:
    """Three tables: known users twice, and unknown ones."""
    for users in (["u001", "u002"], ["u003"], ["zoe"]):
        yield from recommend(model, pl.Series(users), 4)


@pytest.mark.parametrize("form", READERS)
def test_every_format_gives_the_rows_back(model: Model, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"lists.{form}"
    assert write_tables(tables(model), path, form) == 16  # type: ignore[arg-type]
    again, right = READERS[form](path), pl.concat(tables(model))
    assert again.columns == right.columns
    assert again.drop("score").cast({"rank": pl.Int32}).equals(right.drop("score"))
    assert again["score"].to_list() == pytest.approx(right["score"].to_list(), rel=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_pandas_polars_and_duckdb_read_the_same_parquet(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    write_tables(tables(model), path, "parquet")
    right = pl.concat(tables(model)).rows()
    assert pl.read_parquet(path).rows() == right
    assert list(pd.read_parquet(path).itertuples(index=False, name=None)) == right
    with duckdb.connect() as connection:
        found = connection.sql(f"select * from '{path}'")
        assert found.fetchall() == right
        assert [str(kind) for kind in found.types] == ["VARCHAR", "BIGINT", "FLOAT", "INTEGER", "VARCHAR"]


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("failure", [RuntimeError("midway"), KeyboardInterrupt(), OSError(28, "No space left")])
def test_a_failure_midway_leaves_the_older_file_as_it_was(
    model: Model, form: str, failure: BaseException, tmp_path: Path
) -> None:
    path = tmp_path / f"lists.{form}"
    path.write_text("older")

    def broken() -> Iterator[pl.DataFrame]:
        yield next(tables(model))
        raise failure

    with pytest.raises((RuntimeError, KeyboardInterrupt, RecclError)):
        write_tables(broken(), path, form)  # type: ignore[arg-type]
    assert path.read_text() == "older"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("form", READERS)
def test_a_folder_that_is_not_there_is_one_clear_line(model: Model, form: str, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "lists"
    with pytest.raises(RecclError, match=r"cannot write .*lists: No such file or directory; choose another --out"):
        write_tables(tables(model), path, form)  # type: ignore[arg-type]


def test_no_table_at_all_is_an_empty_file_and_no_error(tmp_path: Path) -> None:
    assert write_tables(iter(()), tmp_path / "lists.csv", "csv") == 0


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json"])
def test_text_is_compressed_where_the_name_says_so(model: Model, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"lists.{ending}.gz"
    assert write_tables(tables(model), path) == 16
    plain = tmp_path / f"lists.{ending}"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert READERS[ending](plain).height == 16


@pytest.mark.parametrize("name", ["lists.txt", "lists.xlsx", "lists.parquet.gz", "lists.csv.zst", "lists.gz"])
def test_an_ending_that_is_not_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"--out .*{name}: "):
        write_tables(iter(()), tmp_path / name)
    assert not (tmp_path / name).exists()


class TestWhatIsNoRegularFile:
    def test_a_link_stays_a_link_and_its_file_is_replaced(self, model: Model, tmp_path: Path) -> None:
        real, link = tmp_path / "real" / "lists.csv", tmp_path / "link.csv"
        real.parent.mkdir()
        link.symlink_to(real)
        for _ in range(2):  # at first it leads nowhere
            write_tables(tables(model), link)
            assert link.is_symlink()
            assert pl.read_csv(real).height == 16
        assert [path.name for path in real.parent.iterdir()] == ["lists.csv"]

    def test_a_pipe_is_written_into(self, model: Model, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe.csv"
        os.mkfifo(pipe)
        read: list[str] = []
        reader = Thread(target=lambda: read.append(pipe.read_text()))
        reader.start()
        check_target(pipe)
        write_tables(tables(model), pipe)
        reader.join(10)
        assert len(read[0].splitlines()) == 17
        assert stat.S_ISFIFO(pipe.stat().st_mode)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make device files")
    def test_a_device_stays_a_device(self, model: Model, tmp_path: Path) -> None:
        null = tmp_path / "null"
        try:
            os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            null.write_bytes(b"x")
        except OSError:
            pytest.skip("this file system has no device files")
        check_target(null)
        assert write_tables(tables(model), null) == 16
        assert stat.S_ISCHR(null.stat().st_mode)
        assert [path.name for path in tmp_path.iterdir()] == ["null"]

    def test_the_devices_of_the_system_stay(self, model: Model) -> None:
        for name in ("/dev/null", "/dev/stdout"):
            before = os.lstat(name)
            check_target(Path(name))
            write_tables(tables(model), Path(name))
            assert os.path.samestat(before, os.lstat(name))

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("loop", "cannot write to .*: "),
            ("name" * 99, "cannot write to .*: File name too long; choose another --out"),
            ("file/lists.csv", "cannot write to .*: (Not a directory|File exists); choose another --out"),
            (".", r"--out .* is a folder; name a file"),
        ],
    )
    def test_what_cannot_be_written_is_one_line(self, tmp_path: Path, name: str, line: str) -> None:
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        (tmp_path / "file").touch()
        with pytest.raises(RecclError, match=line):
            check_target(tmp_path / name)


def test_an_older_file_keeps_its_permissions(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "lists.csv"
    path.touch(0o640)
    path.chmod(0o640)
    write_tables(tables(model), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
