"""Imports go down only, heavy libraries stay where they belong, files stay small and are named after one idea."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "reccl"
FILES = sorted(PACKAGE.rglob("*.py"))
PIPELINES = sorted((ROOT / "pipelines").glob("*.py"))
LAYERS = (
    {
        "version",
        "openmp",
        "settings",
        "lazy",
        "errors",
        "bundle",
        "caller_warning",
        "clock",
        "products",
        "published",
        "atomic",
        "signals",
        "config_errors",
        "config_file",
        "bounded_yaml",
        "limits",
        "redaction",
        "trust",
        "cache",
        "determinism",
        "energy",
        "memory",
    },
    {"data"},
    {"losses", "metrics", "distributed"},
    {"views", "negatives"},
    {"encoders", "scorers"},
    {"cold_start"},
    {"training", "evaluation", "recommend"},
    {"config", "warm_start"},
    {"fitting", "forecast", "outcome", "pilot", "comparison", "reference", "few_shot"},
    {"experiment", "processes", "tracking", "progress", "recommender"},
    {"api", "nightly", "reproduction", "serving"},
    {"auditing", "bench", "scaffold", "tuning"},
    {"studies"},
    {"cli"},
    {"__main__", ""},
)
SIDEWAYS = {
    "settings": {"errors", "limits", "redaction", "trust"},
    "cache": {"errors"},
    "determinism": {"errors"},
    "clock": {"memory"},
    "memory": {"errors"},
    "trust": {"cache", "errors"},
    "config_errors": {"errors", "redaction"},
    "bounded_yaml": {"errors"},
    "config_file": {"bounded_yaml", "bundle", "config_errors", "errors"},
    "scorers": {"encoders"},  # Embeddings
    "recommend": {"evaluation", "training"},  # of training, the checkpoint and the record of an epoch
    "pilot": {"fitting", "outcome"},
    "experiment": {"fitting", "outcome"},
}
"""Imports within one layer."""
SERVED = PACKAGE / "serving" / "served.py"
NAMELESS = ("utils", "util", "common", "helpers", "helper", "misc")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at any depth: also in functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                inside = ROOT / below.replace(".", "/")
                yield below if inside.is_dir() or inside.with_suffix(".py").is_file() else str(node.module)


def room(module: str) -> str:
    """The part of reccl that a module belongs to; '' for reccl itself, which shows the API of all of them."""
    return module.split(".")[1] if "." in module else ""


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").replace("__init__", "")


def layer(room: str) -> int:
    return next(place for place, rooms in enumerate(LAYERS) if room in rooms)


def test_every_room_has_its_layer() -> None:
    rooms = {room_of(path) for path in FILES} - {"_bundled"}
    assert rooms == set().union(*LAYERS)


@pytest.mark.parametrize("path", FILES, ids=name)
class TestEveryFile:
    def test_imports_go_down(self, path: Path) -> None:
        here = room_of(path)
        for module in imports(path):
            there = room(module)
            if module.split(".")[0] != "reccl" or there == here:
                continue
            assert there, f"{name(path)} imports {module}: the package itself is what users import"
            allowed = layer(there) < layer(here) or there in SIDEWAYS.get(here, ())
            assert allowed, f"{name(path)} imports {module}: {here} may not import {there}"

    def test_heavy_libraries_stay_where_they_belong(self, path: Path) -> None:
        libraries = {module.split(".")[0] for module in imports(path)}
        assert "typer" not in libraries or room_of(path) == "cli"
        assert "mlflow" not in libraries or room_of(path) == "tracking" or path == SERVED
        assert "pipelines" not in libraries

    def test_it_fits_its_room(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= 300
        assert path.stem not in NAMELESS
        assert not path.stem.startswith("base_")


def test_losses_and_metrics_know_torch_and_settings_only() -> None:
    known = {"torch", "reccl.lazy", "reccl.settings", "reccl.products", "pydantic", "typing_extensions"}
    for folder in ("losses", "metrics"):
        for path in (PACKAGE / folder).rglob("*.py"):
            foreign = {
                module
                for module in imports(path)
                if not any(module == one or module.startswith(f"{one}.") for one in known | {f"reccl.{folder}"})
                and module.split(".")[0] not in sys.stdlib_module_names
            }
            assert not foreign, f"{name(path)} imports {foreign}"


def test_recommending_needs_the_checkpoint_and_its_history_but_no_training_code() -> None:
    used = {module for path in (PACKAGE / "recommend").rglob("*.py") for module in imports(path)}
    assert {module for module in used if module.startswith("reccl.training")} <= {
        "reccl.training.checkpoint",
        "reccl.training.epoch",
    }


def test_the_script_that_mlflow_serves_stands_alone() -> None:
    """tests/tracking runs it where reccl cannot be imported."""
    top = [node for node in ast.parse(SERVED.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert "reccl" not in ast.unparse(ast.Module(top, []))
    assert {module for module in imports(SERVED) if module.split(".")[0] == "reccl"} == {
        "reccl.errors",
        "reccl.serving",
    }
    assert not [path for path in FILES if "reccl.serving.served" in imports(path)]


@pytest.mark.parametrize("path", PIPELINES, ids=name)
def test_pipelines_know_the_data_room_and_errors_only(path: Path) -> None:
    inside = {module for module in imports(path) if module.split(".")[0] == "reccl"}
    assert {room(module) for module in inside} <= {"data", "errors"}
    assert len(path.read_text().splitlines()) <= 300


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh Python has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('loaded', *{{name.split('.')[0] for name in sys.modules}})"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


COMMANDS = (
    "init",
    "train",
    "tune",
    "recommend",
    "evaluate",
    "cold",
    "methods",
    "compare",
    "runs",
    "bench",
    "ui",
    "config",
    "data",
)


QUICK = (
    ["runs"],
    ["compare"],
    ["config", "list"],
    ["config", "show", "movielens"],
    ["config", "reference"],
    ["data", "list"],
    ["methods"],
    ["train", "--config", "movielens", "--set", "encoder.dimensoin=3"],
    ["train", "--config", "movielns"],
    ["train"],
    ["tune", "--config", "methods/lightgcn", "--space", "no-such-space"],
    ["data", "describe", "ml-100q"],
)


COMPLETED = ("train --config mo", "config show ", "data fetch ", "train --set enc", "compare l")


@pytest.mark.parametrize("kind", ["commands", "completions"])
def test_lists_mistakes_and_completions_need_no_heavy_library(kind: str) -> None:
    """One process for all: what one of them loads is named with the first that does."""
    heavy = {"torch", "torch_geometric", "mlflow", "pandas", "scipy", "sklearn", "matplotlib"}
    lines = [["reccl", *words] for words in QUICK] if kind == "commands" else [f"reccl {line}" for line in COMPLETED]
    code = f"""
import contextlib, io, os, sys
from reccl.cli.app import main
for line in {lines!r}:
    sys.argv = line if isinstance(line, list) else ["reccl"]
    if isinstance(line, str):
        count = str(len((line + ".").split()) - 1)
        os.environ |= {{"_RECCL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": count}}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main()
    found = {heavy!r} & {{name.split(".")[0] for name in sys.modules}}
    assert not found, f"{{line}} loads {{found}}"
"""
    loaded_by(code)


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)])
def test_help_loads_no_heavy_library(words: list[str]) -> None:
    code = f"import sys\nfrom reccl.cli.app import main\nsys.argv = ['reccl', *{words!r}]\n"
    code += "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    heavy = {"torch", "torch_geometric", "mlflow", "polars", "pandas", "sklearn", "pyarrow", "numpy"}
    assert not loaded_by(code) & heavy


def test_a_loss_is_loaded_without_mlflow_typer_or_torch_geometric() -> None:
    assert not loaded_by("import reccl.losses") & {"mlflow", "typer", "torch_geometric"}


def test_a_config_is_checked_without_the_libraries_that_it_configures() -> None:
    code = "from reccl.config import load, dump\nfor name in ('movielens', 'best'):\n    dump(load(name))"
    assert not loaded_by(code) & {"torch", "torch_geometric", "scipy", "sklearn", "pandas", "mlflow", "typer"}


def test_a_run_on_this_machine_without_a_file_is_no_reason_to_load_mlflow(tmp_path: Path) -> None:
    code = f"""
from reccl import tracking
from reccl.tracking.stored_run import StoredData, StoredInfo, StoredRun
info = StoredInfo("1", "a", "FINISHED", 0, 1, {tmp_path.as_uri()!r}, "1")
run = StoredRun(info, StoredData({{}}, lambda: ({{}}, {{"test/x": 1.0}})))
assert tracking.metrics_of(run) == {{"test/x": 1.0}}
assert tracking.per_user_of(run) is None
"""
    assert not loaded_by(code) & {"mlflow", "torch"}
