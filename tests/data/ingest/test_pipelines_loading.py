"""A pipeline is one file with one function; its keyword arguments are its config."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from reccl.data.dataset import run_pipeline
from reccl.data.ingest import pipelines
from reccl.data.settings import AnyData, validate_data
from reccl.errors import ConfigError, DataError

OWN = """
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import Field

from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables


def pipeline(raw: Path, *, needed: str, most: Annotated[int, Field(ge=1)] = 5) -> Tables:
    return Tables(Funnel.read(pl.LazyFrame({"user": [1], "item": [most]})))
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    return tmp_path


def test_a_bare_name_is_the_bundled_pipeline_then_a_local_file(here: Path) -> None:
    for place in (here / "table.py", here / "pipelines" / "table.py", here / "pipelines" / "shop.py"):
        place.write_text(OWN)
    bundled = pipelines.load("table").path
    assert here not in bundled.parents
    assert pipelines.find_shadow("table") == Path("pipelines/table.py")
    assert pipelines.load("shop").path == here / "pipelines" / "shop.py"
    (here / "shop.py").write_text(OWN)
    assert pipelines.load("shop").path == here / "shop.py"
    assert pipelines.find_shadow("shop") is None


@pytest.mark.parametrize("name", ["./table.py", "table.py", "pipelines/table.py", "./pipelines/table"])
def test_a_path_is_the_file_that_it_names_also_beside_a_bundled_name(here: Path, name: str) -> None:
    for place in (here / "table.py", here / "pipelines" / "table.py"):
        place.write_text(OWN)
    assert here in pipelines.load(name).path.parents
    assert pipelines.find_shadow(name) is None


BROKEN = {
    "raise KeyError('x')": "own.py cannot be imported: KeyError: 'x' (",
    "import sys; sys.exit(0)": "own.py cannot be imported: SystemExit: 0 (",
    "def f(:": "own.py cannot be imported: SyntaxError: invalid syntax",
    "import no_such_module": "own.py cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
    "pipeline = 5": "own.py defines no function pipeline(raw: Path, *, ...) -> Tables",
    "def pipeline(): ...": "own.py: pipeline takes no folder; write pipeline(raw: Path, *, ...) -> Tables",
    "def pipeline(raw, other): ...": "argument 'other' of pipeline is not keyword-only",
    "def pipeline(raw, *others): ...": "argument 'others' of pipeline is not keyword-only",
    "def pipeline(raw, **others): ...": "argument 'others' of pipeline is not keyword-only",
    "def pipeline(raw, *, split=1): ...": "argument 'split' of pipeline cannot be a config key",
    "def pipeline(raw, *, model_dump=1): ...": "argument 'model_dump' of pipeline cannot be a config key",
    "def pipeline(raw, *, _own=1): ...": "argument '_own' of pipeline cannot be a config key",
    "def pipeline(raw, *, a: 'Nothing'): ...": "the annotations of pipeline cannot be read: NameError",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_pipeline_is_one_line(here: Path, text: str) -> None:
    (here / "own.py").write_text(text)
    with pytest.raises(ConfigError) as failure:
        validate_data({"pipeline": "own"})
    assert BROKEN[text] in str(failure.value)
    assert "\n" not in str(failure.value)


FAILING = {
    "return 5": "pipeline gives int; it must give Tables(Funnel.read(frame), ...)",
    "return Tables(5)": "pipeline gives Tables; it must give",
    "raise ValueError('no such shop')": "pipeline failed: ValueError: no such shop (",
    "import sys; sys.exit(0)": "pipeline failed: SystemExit: 0 (",
    "return Tables(Funnel.read(pl.LazyFrame({'user': [1]}).map_batches(lambda t: 1 / 0)))": "division by zero",
}


@pytest.mark.parametrize("line", FAILING)
def test_a_pipeline_that_fails_is_one_line(here: Path, line: str) -> None:
    start = "import polars as pl\nfrom reccl.data.ingest.funnel import Funnel\n"
    start += "from reccl.data.ingest.tables import Tables\n"
    (here / "own.py").write_text(f"{start}def pipeline(raw):\n    {line}\n")
    with pytest.raises(DataError) as failure:
        run_pipeline(validate_data({"pipeline": "own"}), here)
    assert FAILING[line] in str(failure.value)
    assert "\n" not in str(failure.value)


def test_keyword_arguments_are_config_keys_with_their_types_and_defaults(here: Path) -> None:
    (here / "own.py").write_text(OWN)
    data = TypeAdapter(AnyData).validate_python({"pipeline": "own.py", "needed": "yes"})
    assert data.arguments() == {"needed": "yes", "most": 5}
    table = pipelines.load("own").run(Path(), **data.arguments()).interactions.collect()[0]
    assert table.rows() == [(1, 5)]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "needed"),
        ({"needed": "yes", "most": 0}, "most"),
        ({"needed": "yes", "moist": 3}, "unknown key 'moist'; did you mean 'most'"),
    ],
)
def test_arguments_are_checked_against_the_signature(here: Path, keys: dict, message: str) -> None:
    (here / "own.py").write_text(OWN)
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(AnyData).validate_python({"pipeline": "own", **keys})


def test_a_data_section_survives_its_own_dump(here: Path) -> None:
    (here / "own.py").write_text(OWN)
    adapter = TypeAdapter(AnyData)
    data = adapter.validate_python({"pipeline": "own", "needed": "yes", "split": {"kind": "temporal", "test": 0.2}})
    assert adapter.validate_python(adapter.dump_python(data, mode="json")).model_dump() == data.model_dump()


def test_a_name_that_is_nowhere_says_what_is_near_and_where_it_looked(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"no pipeline 'movielen'; did you mean 'movielens'.*known: adjacency.*tried"):
        pipelines.load("movielen")


def test_a_file_without_the_function_says_what_to_define(here: Path) -> None:
    (here / "empty.py").write_text("")
    with pytest.raises(ConfigError, match=r"empty.py defines no function pipeline\(raw: Path, \*, ...\) -> Tables"):
        pipelines.load("empty")


def test_without_a_list_of_inputs_every_file_of_the_folder_counts(here: Path) -> None:
    (here / "own.py").write_text(OWN)
    (here / "raw" / "deep").mkdir(parents=True)
    (here / "raw" / "deep" / "b.csv").touch()
    (here / "raw" / "a.csv").touch()
    assert pipelines.load("own").inputs(here / "raw", needed="yes") == [
        here / "raw" / "a.csv",
        here / "raw" / "deep" / "b.csv",
    ]
