"""A pipeline is one file with one function; its keyword arguments are its config."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from reccl.data.ingest import pipelines
from reccl.data.settings import AnyData
from reccl.errors import ConfigError

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


def test_a_pipeline_is_found_as_a_path_then_in_the_current_folder_then_bundled(here: Path) -> None:
    assert pipelines.load("table").path.name == "table.py"
    (here / "pipelines" / "table.py").write_text(OWN)
    assert pipelines.load("table").path == here / "pipelines" / "table.py"
    (here / "table.py").write_text(OWN)
    assert pipelines.load("table").path == here / "table.py"
    assert pipelines.load(str(here / "pipelines" / "table.py")).path == here / "pipelines" / "table.py"


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
