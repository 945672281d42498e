"""Pipelines by name or path: a Python file with one function, whose keyword arguments are its config."""

import inspect
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, TypeVar

from pydantic.fields import FieldInfo

from reccl.bundle import available, find
from reccl.data.ingest.tables import Tables
from reccl.errors import ConfigError, did_you_mean, listed

Function = TypeVar("Function", bound=Callable[..., Any])


class Pipeline:
    """A loaded pipeline file.

    `run(raw, **arguments)` makes the tables; `inputs(raw, **arguments)` lists the files that it reads, or gives None
    where they cannot be hashed (a database), so that nothing is reused from the cache.
    """

    def __init__(self, path: Path) -> None:
        module = import_file(path)
        if not callable(getattr(module, "pipeline", None)):
            raise ConfigError(f"{path} defines no function pipeline(raw: Path, *, ...) -> Tables")
        self.path = path
        self.run: Callable[..., Tables] = module.pipeline
        self.inputs: Callable[..., list[Path] | None] = getattr(module, "inputs", list_files)

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments as pydantic field definitions: name -> (annotation, default)."""
        return {
            name: (
                Any if key.annotation is key.empty else key.annotation,
                FieldInfo(default=... if key.default is key.empty else key.default),
            )
            for name, key in keywords(self.run).items()
        }


def keywords(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of a function by name."""
    parameters = inspect.signature(function, eval_str=True).parameters
    return {name: key for name, key in parameters.items() if key.kind is key.KEYWORD_ONLY}


def add_options(source: Callable[..., Any]) -> Callable[[Function], Function]:
    """In a pipeline's signature and docstring, put the keyword arguments of `source` in place of its `**options`.

    >>> def sort(rows, *, by: str = "time"):
    ...     '''Sort rows.
    ...
    ...     by: the column to sort by.
    ...     '''
    >>> @add_options(sort)
    ... def pipeline(raw, *, path: str, **options):
    ...     '''Read rows.'''
    >>> str(inspect.signature(pipeline)), pipeline.__doc__.splitlines()
    ("(raw, *, path: str, by: str = 'time')", ['Read rows.', 'by: the column to sort by.'])
    """

    def decorate(function: Function) -> Function:
        own = inspect.signature(function, eval_str=True)
        listed_keys = [key for key in own.parameters.values() if key.kind is not key.VAR_KEYWORD]
        meanings = inspect.cleandoc(source.__doc__ or "").partition("\n\n")[2]
        function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n{meanings}"
        function.__signature__ = own.replace(parameters=[*listed_keys, *keywords(source).values()])  # type: ignore[attr-defined]
        return function

    return decorate


def load(name: str) -> Pipeline:
    """The pipeline file called `name`: a path, a file of ./pipelines/, or one that came with reccl."""
    path, places = find(name, "pipelines", ".py")
    if path is None:
        known = available("pipelines", ".py")
        tried = ", ".join(str(place) for place in places if place.suffix == ".py")
        raise ConfigError(f"no pipeline {name!r}{did_you_mean(name, known)}; known: {listed(known)}; tried {tried}")
    return Pipeline(path.resolve())


def import_file(path: Path) -> Any:
    """Import a file by its path, without touching sys.path."""
    spec = spec_from_file_location(f"reccl_pipeline_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def list_files(raw: Path, **_: Any) -> list[Path]:
    """Every file below the raw folder."""
    return sorted(path for path in raw.rglob("*") if path.is_file())
