"""Random options, ids and files of ids: taken for what they say, or refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.exceptions import TyperException

from reccl.cli.app import app
from reccl.cli.cold import parse_shots
from reccl.cli.recommend import user_ids
from reccl.data.ids import IdMap
from reccl.data.ingest.steps import to_seconds
from reccl.errors import ConfigError
from reccl.recommend.id_tables import read_id_table, read_user_ids
from reccl.recommend.write import choose_format
from tests.robustness.fuzz_configs import LETTERS, WORDS, change_bytes
from tests.robustness.fuzz_tables import FIELDS, IDS, json_lines, text_tables
from tests.robustness.fuzzing import cases, ends_well, few

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
TEXT = IdMap.fit(pl.Series(["1", "007", "a", "ana@shop.example", "B b"]))
NUMBERS = IdMap.fit(pl.Series([1, 2, 7, 2**40]))
PATHS = ["lists.csv", "lists.parquet", ".", "", "/", "a/b.tsv", "x.csv.gz", "x.GZ", "\0", "-", "~", "a" * 300, "latest"]
ENDINGS = ["csv", "tsv", "txt", "jsonl", "json", "parquet", "arrow", "csv.gz", "xlsx", "csv.xz", "csv.zst", "dat"]


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A command and words behind it: its options, right and wrong, and values."""
    name = draw(st.sampled_from(sorted(name for name, each in COMMANDS.items() if not hasattr(each, "commands"))))
    own = [option for each in COMMANDS[name].params for option in each.opts if option not in ("--help", "-h")]
    options = st.sampled_from([*own, *own, "--no", "-z", "--", "--out=x", "---", "-"])
    values = st.one_of(
        st.sampled_from([*WORDS, *PATHS, "0", "-1", "5", "2.5", "1e3", "cpu", "cuda:99", "9" * 30]),
        st.integers().map(str),
        st.text(LETTERS, max_size=8),
    )
    return name, [
        word for word in draw(st.lists(st.one_of(options, values), max_size=5)) if word not in ("--help", "-h")
    ]


def parse(line: tuple[str, list[str]]) -> None:
    """The words are parsed, or refused in words."""
    name, words = line

    def call() -> Any:
        try:
            return COMMANDS[name].make_context(name, list(words))
        except TyperException as error:
            raise ConfigError(" ".join(error.format_message().split())) from error

    ends_well("command lines", call)


def take(text: str) -> None:
    """Ids, moments, numbers of interactions and names of outputs, as they are written on the command line."""
    for known in (TEXT, NUMBERS):
        ids, _ = ends_well("ids of the command line", lambda known=known: user_ids(text, {}, known))
        if ids is not None:
            words = [part.strip() for part in text.split(",") if part.strip()]
            assert ids.dtype == known.ids.dtype
            assert [str(each) for each in ids] == words or known is NUMBERS
            assert len(ids) == len(words)
    calls: dict[str, Callable[[], object]] = {
        "moments": lambda: to_seconds(text),
        "shots": lambda: parse_shots(text),
        "names of outputs": lambda: choose_format(Path(text)),
    }
    for what, call in calls.items():
        ends_well(what, call)


@st.composite
def id_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file with ids, and the ending of its name."""
    ending = draw(st.sampled_from(ENDINGS))
    match draw(st.sampled_from(["lines", "lines", "table", "json", "bytes"])):
        case "lines":
            lines = draw(st.lists(st.one_of(st.sampled_from(["1", "007", "2", "7"]), FIELDS["user"]), max_size=6))
            header = draw(st.sampled_from([["user"], ["user"], [], ["customer"], ["id"]]))
            content = "\n".join([*header, *lines]).encode()
        case "table":
            content = draw(text_tables()).content
        case "json":
            content = draw(json_lines())
        case _:
            content = draw(st.binary(max_size=40))
    return ending, change_bytes(draw, content) if draw(st.integers(0, 5)) == 0 else content


def read_ids(folder: Path, file: tuple[str, bytes]) -> None:
    """Ids that are read stand in the file, in the type of the model's; one of them at least is known."""
    ending, content = file
    path, said = folder / f"ids.{ending}", []
    path.write_bytes(content)
    for known in (TEXT, NUMBERS):
        ids, _ = ends_well("files of users", lambda known=known: read_user_ids(path, {}, known, said.append))
        if ids is not None:
            assert ids.dtype == known.ids.dtype
            assert not len(ids) or known.to_rows(ids).null_count() < len(ids)
    table, _ = ends_well("tables of ids", lambda: read_id_table(path, {"user": "customer"}))
    assert table is None or "customer" not in table.columns or "user" in table.columns
    path.unlink()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files lie that are read."""
    return tmp_path_factory.mktemp("ids")


TEXTS = st.one_of(
    st.sampled_from(
        [
            *WORDS,
            *PATHS,
            *IDS,
            "0,1,3",
            "1,",
            ",",
            "1970-01-01",
            "2024-13-01",
            "ana@shop.example",
            "x.csv",
            "²",
            "9" * 5000,
        ]
    ),
    st.lists(st.sampled_from(["1", "2", "007", " a", "x", "", "1.0", "1e3", "9" * 30]), max_size=4).map(",".join),
    st.text(LETTERS, max_size=10),
)


@few
@given(command_lines())
def test_a_random_command_line_is_parsed_or_refused(line: tuple[str, list[str]]) -> None:
    parse(line)


@few
@given(TEXTS)
def test_random_values_of_options_are_taken_or_refused(text: str) -> None:
    take(text)


@few
@given(id_files())
def test_a_random_file_of_ids_is_read_or_refused(folder: Path, file: tuple[str, bytes]) -> None:
    read_ids(folder, file)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(10_000)
@given(command_lines())
def test_many_random_command_lines(line: tuple[str, list[str]]) -> None:
    parse(line)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(6_000)
@given(TEXTS)
def test_many_random_values_of_options(text: str) -> None:
    take(text)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(6_000)
@given(id_files())
def test_many_random_files_of_ids(folder: Path, file: tuple[str, bytes]) -> None:
    read_ids(folder, file)
