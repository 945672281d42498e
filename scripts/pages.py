"""Pages: the parts of the documentation that are written from the code itself.

    python scripts/pages.py        # docs/api/*.md, docs/tutorials/*.md, docs/layout.md

`make docs` runs it before it builds the site. The pages are not tracked: they are what the docstrings and notebooks of
this checkout say. The list of them in mkdocs.yml is.
"""

import ast
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, it finds its neighbors
from scripts.tutorials import notebooks, to_markdown

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SITE = ROOT / "mkdocs.yml"
FRONT = ("reccl.evaluation.lists",)
"""Modules that the front page shows beside those it takes names from: what `reccl.evaluate` gives."""
HIDDEN = {"_bundled", "bench", "cli", "reference", "scaffold"}
"""Rooms that are no API: they serve the command line, or the package itself."""
MODULES = ("comparison", "config", "errors", "experiment", "fitting", "settings")
"""Modules beside the rooms that have a page of their own; those behind `import reccl` share one."""


def main() -> None:
    """Write every page anew."""
    shutil.rmtree(DOCS / "api", ignore_errors=True)
    (DOCS / "api").mkdir(parents=True)
    written = pages()
    for name, text in written.items():
        (DOCS / name).write_text(text)
    SITE.write_text(with_navigation(SITE.read_text(), written))


def pages() -> dict[str, str]:
    """Every generated page: path below docs/ -> Markdown."""
    rooms = {f"api/{slug(room)}.md": api_page(room) for room in api_rooms()}
    modules = {f"api/{path.stem}.md": module_page(path) for path in single_modules()}
    lessons = {f"tutorials/{path.stem}.md": to_markdown(json.loads(path.read_text())) for path in notebooks()}
    fixed = {"api/index.md": api_index(), "api/reccl.md": front_page(), "layout.md": layout()}
    return {**fixed, **rooms, **modules, **lessons}


def with_navigation(site: str, written: Iterable[str]) -> str:
    """The site's config with one line for each page of the API, in place of the lines that it has."""
    names = sorted(Path(name).stem for name in written if name.startswith("api/"))
    front = [name for name in ("index", "reccl") if name in names]
    rest = [name for name in names if name not in front]
    lines = ["      - api/index.md", *(f"      - {name}: api/{name}.md" for name in [*front[1:], *rest])]
    before, _, after = site.partition("  - API:\n")
    return f"{before}  - API:\n" + "\n".join(lines) + "\n" + after[after.index("\nplugins:") :]


# API reference: one page a room


def api_rooms() -> list[Path]:
    """Every package of reccl that is part of the API, in alphabetical order."""
    rooms = sorted(path.parent for path in (ROOT / "reccl").rglob("__init__.py"))
    return [room for room in rooms[1:] if room.relative_to(ROOT / "reccl").parts[0] not in HIDDEN]


def single_modules() -> list[Path]:
    """The modules beside the rooms that have a page."""
    return [ROOT / "reccl" / f"{name}.py" for name in MODULES]


def slug(room: Path) -> str:
    """The name of a room's page: data.splits."""
    return ".".join(room.relative_to(ROOT / "reccl").parts)


def api_index() -> str:
    """The page that lists all others."""
    lines = [
        "# API reference",
        "",
        "[`import reccl`](reccl.md) is the front door: load_dataset, train, load, evaluate.",
    ]
    lines += ["The parts stand in rooms, each usable alone: `from reccl.losses import info_nce`.", ""]
    lines += ["## Rooms", "", "| room | |", "|---|---|"]
    lines += [f"| [`{dotted(room)}`]({slug(room)}.md) | {sentence(room / '__init__.py')} |" for room in api_rooms()]
    lines += ["", "## Modules", "", "| module | |", "|---|---|"]
    lines += [f"| [`{dotted(path)}`]({path.stem}.md) | {sentence(path)} |" for path in single_modules()]
    return "\n".join(lines) + "\n"


def api_page(room: Path) -> str:
    """One room: what its index exports, file by file; a room without an index shows the public names of every file."""
    exported = exports(room / "__init__.py")
    paths = sorted(room.glob("*.py"))
    lines = [f"# {dotted(room)}", "", sentence(room / "__init__.py"), ""]
    for module in sorted(set(exported) - {dotted(path) for path in paths}):
        others = ", ".join(f"`{name}`" for name in exported[module])
        lines += [f"Exported from here too: {others} of [`{module}`]({home(module)}.md).", ""]
    for path in paths:
        names = exported.get(dotted(path))
        if path.name != "__init__.py" and (names or not exported):
            lines += [*directive(path, names), ""]
    return "\n".join(lines)


def front_page() -> str:
    """What `import reccl` gives: what is defined beside the rooms in full, the rest as links."""
    beside: dict[str, list[str]] = {}
    links = []
    for name, place in constant(ROOT / "reccl" / "__init__.py", "_PLACES").items():
        module, _, attribute = place.partition(":")
        if module.count(".") == 1 and attribute and module.split(".")[1] not in MODULES:
            beside.setdefault(module, []).append(attribute)
            links += [f"- `{name}`: `{module}.{attribute}`, above"] if name != attribute else []
        else:
            page = module.split(".")[1] if module.split(".")[1] in MODULES else home(module)
            links.append(f"- `{name}`: [`{place.replace(':', '.')}`]({page}.md)")
    lines = ["# reccl", "", "What `import reccl` gives.", ""]
    for module, names in sorted(beside.items()):
        lines += [*directive(ROOT / f"{module.replace('.', '/')}.py", names), ""]
    for module in FRONT:
        lines += [*directive(ROOT / f"{module.replace('.', '/')}.py", None), ""]
    return "\n".join([*lines, "## Elsewhere", "", *links]) + "\n"


def constant(path: Path, name: str) -> Any:
    """The value of a module's constant, read without importing it; None where there is no such constant."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    return None


def home(module: str) -> str:
    """The page of the room that a module is in."""
    path = ROOT / module.replace(".", "/")
    return slug(path if path.is_dir() else path.parent)


def module_page(path: Path) -> str:
    """One module that stands beside the rooms."""
    return "\n".join(directive(path, None, level=1)) + "\n"


def directive(path: Path, names: list[str] | None, level: int = 2) -> Iterator[str]:
    """What mkdocstrings reads."""
    yield f"::: {dotted(path)}"
    yield "    options:"
    yield f"      heading_level: {level}"
    if names:
        yield f"      members: [{', '.join(sorted(names, key=defined(path).index))}]"


def defined(path: Path) -> list[str]:
    """The names of a module in the order of their definition."""
    names: list[str] = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


def exports(index: Path) -> dict[str, list[str]]:
    """The names that a room's index exports, by the module that defines them; {} where it exports nothing."""
    tree = ast.parse(index.read_text())
    public = set(constant(index, "__all__") or ())
    found: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("reccl."):
            names = [alias.name for alias in node.names if alias.name in public]
            if names:
                found.setdefault(node.module, []).extend(names)
    return found


# How the code is laid out


def layout() -> str:
    """The page of all files with what each is about."""
    lines = ["# How the code is laid out", ""]
    lines += ["Each file is named after one idea, and its first line says which. Imports go down only: a row of this"]
    lines += ["list may import from the rows below it, and a test walks them.", ""]
    lines += [f"{place}. {', '.join(f'`{room}`' for room in sorted(row))}" for place, row in enumerate(layers(), 1)]
    for folder, paths in folders():
        lines += ["", f"## {folder.relative_to(ROOT).as_posix()}/", ""]
        if (folder / "__init__.py").is_file():
            lines += [sentence(folder / "__init__.py"), ""]
        lines += ["| file | |", "|---|---|"]
        lines += [f"| `{path.relative_to(folder).as_posix()}` | {about(path)} |" for path in paths]
    return "\n".join(lines) + "\n"


def layers() -> list[set[str]]:
    """The rooms from top to bottom, as the test of the architecture has them."""
    return list(reversed(constant(ROOT / "tests" / "test_architecture.py", "LAYERS")))


def folders() -> Iterator[tuple[Path, list[Path]]]:
    """Every folder that the page shows, with its files."""
    rooms = sorted({path.parent for path in (ROOT / "reccl").rglob("*.py") if "_bundled" not in path.parts})
    for folder in [*rooms, ROOT / "pipelines", ROOT / "scripts", ROOT / "benchmarks"]:
        yield folder, sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    configs = ROOT / "configs"
    for folder in (configs, configs / "methods", configs / "data", configs / "spaces", configs / "studies"):
        yield folder, sorted(folder.glob("*.yaml"))


def about(path: Path) -> str:
    """What a file says of itself: the first sentence of a docstring, or the first comment of a YAML file."""
    return sentence(path) if path.suffix == ".py" else comment(path)


def sentence(path: Path) -> str:
    """The first paragraph of a module's docstring, as one line of Markdown."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return one_line(docstring.split("\n\n")[0].splitlines())


def comment(path: Path) -> str:
    """The first line of comment of a YAML file, and the lines that carry its sentence on."""
    lines: list[str] = []
    for line in path.read_text().splitlines():
        text = line.removeprefix("#").strip()
        if not line.startswith("#") or text.startswith(("reccl ", "Paper:")):
            break
        lines.append(text)
        if text.endswith("."):
            break
    return one_line(lines)


def one_line(lines: Iterable[str]) -> str:
    """Lines as one, fit for a cell of a table."""
    return " ".join(" ".join(lines).split()).replace("|", "\\|")


def dotted(path: Path) -> str:
    """The name under which Python imports a file or folder."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


if __name__ == "__main__":
    main()
