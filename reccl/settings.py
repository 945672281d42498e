"""Settings: the base of every config object. Frozen, closed, typed; the docstring under a field documents it."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    WrapValidator,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import override

from reccl.errors import ConfigError, describe_error, did_you_mean, join_names
from reccl.limits import find_excess
from reccl.redaction import redact_entry, redact_values
from reccl.trust import module_files, require_trust


class Settings(BaseModel):
    """A config section: unknown keys are errors, values cannot change after loading, defaults are checked too."""

    model_config = ConfigDict(
        frozen=True,
        defer_build=True,  # most parts are never used: what is validated is built first
        extra="forbid",
        validate_default=True,
        allow_inf_nan=False,
        arbitrary_types_allowed=True,
    )

    @model_validator(mode="wrap")
    @classmethod
    def _closed(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Name the nearest allowed key where a key is unknown."""
        if isinstance(value, dict):
            strange = [key for key in value if key not in cls.model_fields]
            if strange:
                raise ValidationError.from_exception_data(cls.__name__, [unknown_key(key, cls) for key in strange])
            value = {key: of_default_kind(entry, cls.model_fields[key].default) for key, entry in value.items()}
        made = handler(value)
        found = {name: find_excess(name, getattr(made, name)) for name in cls.limited_fields()}
        if excess := [excess_number(name, text) for name, text in found.items() if text]:
            raise ValidationError.from_exception_data(cls.__name__, excess)
        return made

    @override
    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return [(name, redact_entry(name, value)) for name, value in super().__repr_args__()]

    @classmethod
    def limited_fields(cls) -> Iterable[str]:
        """The fields whose numbers have the limits of `reccl.limits`; a part from elsewhere sets its own."""
        return cls.model_fields if cls.__module__.startswith("reccl.") else ()

    @classmethod
    def meanings(cls) -> dict[str, str]:
        """What the docstring under each field says. Read from the source when asked for: validation does without."""
        bases = [base for base in reversed(cls.__mro__) if issubclass(base, Settings)]
        return {name: text for base in bases for name, text in field_docstrings(base).items()}

    @model_serializer(mode="wrap")
    def _named(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the class of a part that comes from outside the package, so that the dump loads again; no passwords."""
        inside = redact_values(handler(self))
        cls = type(self)
        return (
            inside
            if cls.__module__.startswith("reccl.")
            else {"class": f"{cls.__module__}.{cls.__qualname__}", **inside}
        )


def field_docstrings(cls: type) -> Mapping[str, str]:
    """Field -> docstring, of the fields that a class itself annotates and documents."""
    try:
        file = inspect.getsourcefile(cls)
    except TypeError:  # a class without a source, made in a terminal
        return {}
    return documented_fields(file).get(cls.__qualname__, {}) if file else {}


@cache
def documented_fields(file: str) -> dict[str, dict[str, str]]:
    """Class -> field -> docstring, of all classes of a file; empty where there is none."""
    found: dict[str, dict[str, str]] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                found[f"{prefix}{node.name}"] = dict(docstrings_in(node.body))
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                visit(node.body, f"{prefix}{node.name}.<locals>.")

    with suppress(OSError, SyntaxError, UnicodeDecodeError):
        visit(ast.parse(Path(file).read_text(encoding="utf-8")).body, "")
    return found


def docstrings_in(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """(field, text) of annotated names with text below."""
    for pair in pairwise(body):
        match pair:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def of_default_kind(value: Any, default: Any) -> Any:
    """A part's keys without its kind are keys of the default part: `scorer.similarity` of the default scorer."""
    kind = getattr(default, "kind", None)
    part = isinstance(value, dict) and "class" not in value and "kind" not in value
    return {"kind": kind, **value} if kind and part else value


def unknown_key(key: object, cls: type[Settings]) -> InitErrorDetails:
    """The error for a key that `cls` does not have."""
    near = did_you_mean(str(key), cls.model_fields)
    text = f"unknown key {str(key)!r}{near or f'; allowed: {join_names(cls.model_fields)}'}"
    return InitErrorDetails(
        type=PydanticCustomError("unknown_key", "{text}", {"text": text}), loc=(str(key),), input=key
    )


def excess_number(name: str, text: str) -> InitErrorDetails:
    """The error for a number beyond its limit."""
    return InitErrorDetails(type=PydanticCustomError("limit", "{text}", {"text": text}), loc=(name,), input=None)


def outside(base: type[Settings]) -> WrapValidator:
    """Lets a union of parts also take `class: my_package.module.MySettings`, a subclass of the room's `base`."""

    def validate(value: Any, handler: Any) -> Any:
        if isinstance(value, dict) and "class" in value:
            cls = import_class(str(value["class"]), base)
            return cls.model_validate({key: entry for key, entry in value.items() if key != "class"})
        return value if isinstance(value, base) else handler(value)

    return WrapValidator(validate)


def import_class(path: str, base: type[Settings]) -> type[Settings]:
    """The class at a dotted path, which must extend `base`."""
    module, _, name = path.rpartition(".")
    if not all(word.isidentifier() for word in path.split(".")) or not module:
        raise PydanticCustomError(
            "outside", "class {path} is not a dotted path such as my_package.module.MySettings", {"path": repr(path)}
        )
    if not module.startswith("reccl.") and module not in sys.modules:
        try:
            require_trust(module_files(module), f"class {path}")
        except ConfigError as error:
            raise PydanticCustomError("outside", "{error}", {"error": str(error)}) from None
    try:
        cls = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:  # an import runs the module, which may do anything
        reason = f"{error}" if isinstance(error, ImportError | AttributeError) else describe_error(error)
        raise PydanticCustomError("outside", "cannot import {path}: {error}", {"path": path, "error": reason}) from None
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise PydanticCustomError(
            "outside", "{path} is not a subclass of {base}", {"path": path, "base": base.__name__}
        )
    return cls
