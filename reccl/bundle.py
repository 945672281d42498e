"""Where configs/ and pipelines/ are: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def locate_bundled(folder: str) -> Path:
    """The folder `configs` or `pipelines` that came with this installation."""
    inside = PACKAGE / "_bundled" / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def find(name: str, folder: str, suffix: str) -> tuple[Path | None, list[Path]]:
    """Look a file up: the path as given, then ./FOLDER/, then the bundled folder.

    Returns the file found (or None) and the places tried, in order. The suffix may be left out.
    """
    names = [name] if name.endswith(suffix) else [name, f"{name}{suffix}"]
    places = [root / candidate for root in (Path(), Path(folder), locate_bundled(folder)) for candidate in names]
    return next((place for place in places if is_file(place)), None), places


def is_file(path: Path) -> bool:
    """Whether a path is a file; False also for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, a folder on the way that may not be read
        return False


def available(folder: str, suffix: str) -> dict[str, Path]:
    """Every file of ./FOLDER/ and the bundled folder by its relative name without suffix; the local one wins."""
    found: dict[str, Path] = {}
    for root in (locate_bundled(folder), Path(folder)):
        for path in sorted(root.rglob(f"*{suffix}")) if root.is_dir() else []:
            if not path.name.startswith("_"):
                found[path.relative_to(root).with_suffix("").as_posix()] = path
    return found
