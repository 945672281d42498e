"""Tutorials: runs the notebooks of docs/tutorials, and writes them as pages of the site.

    python scripts/tutorials.py [NAME ...]       # runs them in a folder of their own and keeps what they print

The notebooks are tracked with their outputs; `scripts/pages.py` turns those into Markdown.
"""

import json
import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs" / "tutorials"
TIMEOUT = 600
"""Seconds that a cell may take."""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
Notebook = dict[str, Any]


def main(names: list[str]) -> None:
    """Run the notebooks named, or all of them, and write them back."""
    for path in notebooks():
        if not names or path.stem in names:
            with TemporaryDirectory() as folder:
                path.write_text(serialize(run(path, Path(folder))))
            print(f"ran {path.name}")


def notebooks() -> list[Path]:
    """All tutorials, in the order in which they are read."""
    return sorted(FOLDER.glob("*.ipynb"))


def run(path: Path, folder: Path) -> Notebook:
    """The notebook as it is after a run in `folder`. Raises nbclient's CellExecutionError where a cell fails."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, resources=place, kernel_name="python3", timeout=TIMEOUT)
    client.execute(env={**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"})
    return dict(notebook)


def serialize(notebook: Notebook) -> str:
    """A notebook as text that differs from another run's only where its outputs do, a line a line."""
    cells = []
    for number, cell in enumerate(notebook["cells"], 1):
        tidy = {**cell, "id": f"cell-{number:02}", "metadata": {}, "source": lines_of(cell["source"])}
        if cell["cell_type"] == "code":
            tidy["outputs"] = [tidy_output(output) for output in cell["outputs"]]
        cells.append(tidy)
    whole = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def tidy_output(output: Notebook) -> Notebook:
    """An output without metadata, its texts as lines."""
    tidy = dict(output)
    if "text" in tidy:
        tidy["text"] = lines_of(re.sub(r"\S*ipykernel_\d+/\d+\.py:\d+: ", "", text_of(tidy["text"])))
    if "data" in tidy:
        tidy |= {"metadata": {}, "data": {kind: lines_of(value) for kind, value in tidy["data"].items()}}
    return tidy


def to_markdown(notebook: Notebook) -> str:
    """Text as it is, code in blocks, below each what it printed or showed."""
    parts = []
    for cell in notebook["cells"]:
        source = text_of(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(re.sub(r"\]\(([\w-]+)\.ipynb\)", r"](\1.md)", source))
        else:
            parts += [f"```python\n{source}\n```", *(output_of(output) for output in cell["outputs"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def output_of(output: Notebook) -> str:
    """One output of a cell as Markdown: a picture, a table, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![plot](data:image/png;base64,{text_of(data['image/png']).strip()})"
    if "text/html" in data:
        html = re.sub(r"<style>.*?</style>", "", text_of(data["text/html"]), flags=re.DOTALL)
        return re.sub(r"<table[^>]*>", "<table>", html).replace("&quot;", "").replace("\n\n", "\n")
    return f"``` {{ .text .output }}\n{text_of(output.get('text') or data.get('text/plain', '')).rstrip()}\n```"


def text_of(lines: str | list[str]) -> str:
    """Notebooks hold a text whole, or as a list of its lines."""
    return lines if isinstance(lines, str) else "".join(lines)


def lines_of(text: str | list[str]) -> list[str]:
    """A text as the list of its lines."""
    return text_of(text).splitlines(keepends=True)


if __name__ == "__main__":
    main(sys.argv[1:])
