"""Pipelines by name or path: a Python file with one function, whose keyword arguments are its config."""

import inspect
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, get_type_hints

from pydantic.fields import FieldInfo

from reccl.bundle import available, find
from reccl.data.ingest.tables import Tables
from reccl.errors import ConfigError, did_you_mean, listed


class Pipeline:
    """A loaded pipeline file.

    `run(raw, **arguments)` makes the tables; `inputs(raw, **arguments)` lists the files that it reads, or gives None
    where they cannot be hashed (a database), so that nothing is reused from the cache.
    """

    def __init__(self, path: Path) -> None:
        module = loaded(path)
        if not callable(getattr(module, "pipeline", None)):
            raise ConfigError(f"{path} defines no function pipeline(raw: Path, *, ...) -> Tables")
        self.path = path
        self.run: Callable[..., Tables] = module.pipeline
        self.inputs: Callable[..., list[Path] | None] = getattr(module, "inputs", everything)

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments as pydantic field definitions: name -> (annotation, default)."""
        hints = get_type_hints(self.run, include_extras=True)
        keywords = [p for p in inspect.signature(self.run).parameters.values() if p.kind is p.KEYWORD_ONLY]
        return {
            p.name: (hints.get(p.name, Any), FieldInfo(default=... if p.default is p.empty else p.default))
            for p in keywords
        }


def load(name: str) -> Pipeline:
    """The pipeline file called `name`: a path, a file of ./pipelines/, or one that came with reccl."""
    path, places = find(name, "pipelines", ".py")
    if path is None:
        known = available("pipelines", ".py")
        tried = ", ".join(str(place) for place in places if place.suffix == ".py")
        raise ConfigError(f"no pipeline {name!r}{did_you_mean(name, known)}; known: {listed(known)}; tried {tried}")
    return Pipeline(path.resolve())


def loaded(path: Path) -> Any:
    """Import a file by its path, without touching sys.path."""
    spec = spec_from_file_location(f"reccl_pipeline_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def everything(raw: Path, **_: Any) -> list[Path]:
    """Every file below the raw folder."""
    return sorted(path for path in raw.rglob("*") if path.is_file())
