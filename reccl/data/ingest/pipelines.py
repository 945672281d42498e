"""Pipelines by name or path: a Python file with one function, whose keyword arguments are its config."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, TypeVar

from pydantic.fields import FieldInfo

from reccl.bundle import available, find, is_file, locate_bundled
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables
from reccl.errors import ConfigError, DataError, RecclError, describe_error, did_you_mean, join_names
from reccl.settings import Settings
from reccl.trust import require_trust

RESERVED = {*dir(Settings), "pipeline", "source", "root", "split", "features", "half_life", "weight_scale"}
"""What an argument of a pipeline cannot be called: the other keys of the section, and names of Settings."""
Function = TypeVar("Function", bound=Callable[..., Any])


class Pipeline:
    """A loaded pipeline file.

    `run(raw, **arguments)` makes the tables; `inputs(raw, **arguments)` lists the files that it reads, or gives None
    where they cannot be hashed (a database), so that nothing is reused from the cache.
    """

    def __init__(self, path: Path) -> None:
        module = import_file(path)
        self.function: Callable[..., Tables] = getattr(module, "pipeline", None)  # type: ignore[assignment]
        check_signature(self.function, path)
        self.path = path
        self.list_inputs: Callable[..., list[Path] | None] = getattr(module, "inputs", list_files)

    def run(self, raw: Path, **arguments: Any) -> Tables:
        """The tables of a folder of raw files. Raises DataError where the pipeline fails or gives something else."""
        with explain_failure(self.path, "pipeline"):
            tables = self.function(raw, **arguments)
        if not isinstance(tables, Tables) or not isinstance(tables.interactions, Funnel):
            kind = type(tables).__name__
            raise DataError(f"{self.path}: pipeline gives {kind}; it must give Tables(Funnel.read(frame), ...)")
        return tables

    def inputs(self, raw: Path, **arguments: Any) -> list[Path] | None:
        """The files that are read; None where they cannot be told."""
        with explain_failure(self.path, "inputs"):
            files = self.list_inputs(raw, **arguments)
            return None if files is None else [Path(file) for file in files]

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments as pydantic field definitions: name -> (annotation, default)."""
        return {
            name: (
                Any if key.annotation is key.empty else key.annotation,
                FieldInfo(default=... if key.default is key.empty else key.default),
            )
            for name, key in keywords(self.function).items()
        }


def check_signature(function: object, path: Path) -> None:
    """Refuse what is no function of one folder and keyword arguments."""
    shape = "pipeline(raw: Path, *, ...) -> Tables"
    if not callable(function):
        raise ConfigError(f"{path} defines no function {shape}")
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    except Exception as error:  # an annotation is evaluated, which may do anything
        raise ConfigError(f"{path}: the annotations of pipeline cannot be read: {describe_error(error)}") from error
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or parameters[0].kind not in positional:
        raise ConfigError(f"{path}: pipeline takes no folder; write {shape}")
    for key in parameters[1:]:
        if key.kind is not key.KEYWORD_ONLY:
            raise ConfigError(f"{path}: argument {key.name!r} of pipeline is not keyword-only; write {shape}")
        if key.name.startswith("_") or key.name in RESERVED:
            raise ConfigError(f"{path}: argument {key.name!r} of pipeline cannot be a config key; rename it")


@contextmanager
def explain_failure(path: Path, function: str) -> Iterator[None]:
    """Turn whatever a pipeline's code raises, an exit too, into a DataError that says where."""
    try:
        yield
    except (RecclError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise DataError(f"{path}: {function} failed: {describe_error(error)}") from error


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
    """The pipeline called `name`: see `find_pipeline`. For the config of a stored run, its file must be trusted."""
    path, places = find_pipeline(name)
    if path is None:
        known = available("pipelines", ".py")
        tried = ", ".join(str(place) for place in places if place.suffix == ".py")
        raise ConfigError(f"no pipeline {name!r}{did_you_mean(name, known)}; known: {join_names(known)}; tried {tried}")
    if not is_bundled(path):
        require_trust([path], f"pipeline {name}")
    return Pipeline(path.resolve())


def find_pipeline(name: str) -> tuple[Path | None, list[Path]]:
    """The file that a name or path means, and the places tried.

    A path (`./pipelines/shop.py`, `shop.py`) is that file. A bare name is a pipeline that came with reccl, else a file
    of the current folder or ./pipelines: what comes with reccl cannot be replaced by a file that lies about.
    """
    own = locate_bundled("pipelines") / f"{name}.py"
    if is_bare(name) and is_file(own):
        return own, [own]
    return find(name, "pipelines", ".py")


def is_bare(name: str) -> bool:
    """Whether a pipeline is named without a folder or an ending."""
    return Path(name).name == name and not name.endswith(".py")


def is_bundled(path: Path) -> bool:
    """Whether a pipeline came with reccl."""
    return path.resolve().parent == locate_bundled("pipelines").resolve()


def find_shadow(name: str) -> Path | None:
    """A local file that has the name of a bundled pipeline, and is not meant by it."""
    path, _ = find_pipeline(name)
    if path is None or not is_bare(name) or not is_bundled(path):
        return None
    local = (Path("pipelines") / f"{name}.py", Path(f"{name}.py"))
    return next((place for place in local if is_file(place) and not is_bundled(place)), None)


def import_file(path: Path) -> Any:
    """Import a file by its path, without touching sys.path. Raises ConfigError for whatever its code raises."""
    spec = spec_from_file_location(f"reccl_pipeline_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (RecclError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"pipeline {path} cannot be imported: {describe_error(error)}") from error
    return module


def list_files(raw: Path, **_: Any) -> list[Path]:
    """Every file below the raw folder."""
    return sorted(path for path in raw.rglob("*") if path.is_file())
