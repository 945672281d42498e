"""The config reference reads as YAML and English: every key has a meaning, no default is a Python repr."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import yaml
from annotated_types import Ge, Le
from pydantic import Field

from reccl.reference import reference
from reccl.reference.meanings import is_equation, markdown, of_class, of_pipeline
from reccl.reference.rooms import ROOMS, WHERE, anchor
from reccl.reference.words import describe_type, write_default
from reccl.scorers import Svd
from reccl.scorers.selection import Blend

PAGE = reference()


@dataclass(frozen=True)
class Row:
    key: str
    type: str
    default: str
    meaning: str


def rows() -> Iterator[Row]:
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            yield Row(*cells)


def test_every_key_has_a_meaning() -> None:
    assert not [row.key for row in rows() if len(row.meaning) < 6]


def test_every_default_is_yaml_and_no_python() -> None:
    for row in rows():
        if row.default != "**required**":
            assert row.default[0] == row.default[-1] == "`"
            yaml.safe_load(row.default[1:-1].replace("\\|", "|"))
        assert not re.search(r"None|True|False|Path\(|kind=|\('", row.default), row


def test_every_type_is_in_words() -> None:
    python = re.compile(r"\b(None|bool|int|str|float|dict|tuple|Any|Annotated|emptys)\b")
    assert not [row for row in rows() if python.search(row.type)]


def test_every_link_goes_to_a_chapter() -> None:
    titles = {anchor(line.lstrip("# ")) for line in PAGE.splitlines() if line.startswith("#")}
    links = set(re.findall(r"\]\((#[\w-]+)\)", PAGE))
    assert len(links) > 10
    assert links <= titles


def test_every_room_says_where_it_is_used() -> None:
    assert set(WHERE) == set(ROOMS)


def test_nothing_that_is_for_readers_of_the_code_is_left() -> None:
    assert not re.search(r"^(Args:|>>>)", PAGE, re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "metadata", "words"),
    [
        (float, [Ge(0), Le(1)], "number in [0, 1]"),
        (Annotated[int, Field(ge=1)] | None, [], "integer >= 1 or null"),
        (tuple[Annotated[int, Field(gt=0)], ...], [], "list of integers > 0"),
        (dict[str, float], [], "map of names to numbers"),
        (dict[str, list[Any]], [], "map of names to lists of any values"),
        (Svd | None, [], "[part](#scorer) or null"),
    ],
)
def test_types_are_words(kind: Any, metadata: list[Any], words: str) -> None:
    assert describe_type(kind, metadata) == words


def test_a_part_is_written_with_what_differs_from_its_defaults() -> None:
    assert write_default(Svd()) == "`{kind: svd}`"
    assert write_default(Svd(dimension=8)) == "`{kind: svd, dimension: 8}`"
    assert write_default(Blend(weights={"directions": 2.0})) == "`{kind: blend, weights: {directions: 2.0}}`"


def test_a_line_of_a_pipeline_that_names_no_key_is_prose() -> None:
    about, meanings = of_pipeline("Read.\n\nNote: all rows.\nuser: the column.", ["user"])
    assert about == "Read.\n\nNote: all rows."
    assert meanings == {"user": "The column."}


def test_a_loss_is_described_by_the_function_that_its_docstring_refers_to() -> None:
    from reccl.losses import BPR

    assert of_class(BPR).startswith("Bayesian personalized ranking")


def test_an_equation_is_a_block_and_a_sentence_with_an_equals_sign_is_none() -> None:
    assert is_equation("L = a + b")
    assert not is_equation("t = 1 is the softmax loss.")
    assert markdown("Words.\n\nL = a * b\n\nArgs:\n    a: left out.") == "Words.\n\n```text\nL = a * b\n```"
