"""Settings are frozen and closed, document every field, and their defaults are checked."""

from importlib import import_module
from pkgutil import walk_packages
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

import reccl
from reccl.settings import Settings, import_class, of_default_kind


class Oven(Settings):
    """A section."""

    degrees: Annotated[int, Field(ge=0)] = 180
    """How hot."""
    door: str = "closed"


def every_settings_class() -> list[type[Settings]]:
    for module in walk_packages(reccl.__path__, "reccl."):
        if module.name != "reccl.recommend.served" and not module.name.startswith("reccl.cli"):
            import_module(module.name)
    found, waiting = [], [Settings]
    while waiting:
        waiting += (below := waiting.pop().__subclasses__())
        found += [one for one in below if one.__module__.startswith("reccl.") and "__file__" not in one.__dict__]
    return sorted(set(found), key=lambda one: f"{one.__module__}.{one.__qualname__}")


def test_values_cannot_change_after_loading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Oven().degrees = 3  # type: ignore[misc]


@pytest.mark.parametrize("key", ["degree", "Degrees"])
def test_an_unknown_key_names_the_nearest(key: str) -> None:
    with pytest.raises(ValidationError, match=f"unknown key '{key}'; did you mean 'degrees'"):
        Oven.model_validate({key: 1})


def test_an_unknown_key_with_nothing_near_lists_what_is_allowed() -> None:
    with pytest.raises(ValidationError, match="unknown key 'xyz'; allowed: degrees, door"):
        Oven.model_validate({"xyz": 1})


def test_keyword_arguments_are_as_closed_as_files() -> None:
    with pytest.raises(ValidationError, match="unknown key 'degree'"):
        Oven(degree=1)  # type: ignore[call-arg]


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_numbers_are_finite(value: float) -> None:
    class Tray(Settings):
        width: float

    with pytest.raises(ValidationError, match="finite"):
        Tray(width=value)


def test_defaults_are_checked_too() -> None:
    class Broken(Settings):
        degrees: Annotated[int, Field(ge=0)] = -1

    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Broken()


def test_the_text_under_a_field_documents_it() -> None:
    assert Oven.meanings()["degrees"] == "How hot."


def test_the_dump_of_a_part_from_outside_names_its_class() -> None:
    assert Oven().model_dump() == {"class": f"{Oven.__module__}.Oven", "degrees": 180, "door": "closed"}


def test_a_class_is_imported_by_its_dotted_path() -> None:
    assert import_class("reccl.encoders.LightGCN", Settings).__name__ == "LightGCN"


def test_a_section_without_a_kind_takes_that_of_the_default_part() -> None:
    class Part:
        kind = "plain"

    assert of_default_kind({"rate": 1}, Part()) == {"kind": "plain", "rate": 1}
    assert of_default_kind({"kind": "other"}, Part()) == {"kind": "other"}
    assert of_default_kind({"class": "a.B"}, Part()) == {"class": "a.B"}
    assert of_default_kind({"rate": 1}, None) == {"rate": 1}
    assert of_default_kind("word", Part()) == "word"


@pytest.mark.parametrize("cls", every_settings_class(), ids=lambda cls: f"{cls.__module__}.{cls.__qualname__}")
def test_every_config_class_and_field_is_documented(cls: type[Settings]) -> None:
    assert cls.__doc__
    assert not [name for name in cls.model_fields if name != "kind" and name not in cls.meanings()]
