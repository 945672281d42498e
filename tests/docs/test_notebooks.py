"""The tutorials run, and what is stored of them is a clean, complete run."""

import json
from pathlib import Path

import pytest

from scripts.tutorials import notebooks, run, serialize, to_markdown

TUTORIALS = notebooks()
NAMES = [path.stem for path in TUTORIALS]
KIB = 1024
MADE_UP = {"02-your-own-data"}
"""Those that need no data set from elsewhere."""

EXPECTED = "users are not known"
"""The warning that the tutorials speak of."""


def test_there_are_four() -> None:
    assert [name.partition("-")[0] for name in NAMES] == ["01", "02", "03", "04"]


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_it_runs(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if path.stem not in MADE_UP:
        request.getfixturevalue("real_data")
    notebook = run(path, tmp_path)
    assert not [output for cell in notebook["cells"] for output in cell.get("outputs", []) if is_noise(output)]


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_the_stored_run_is_whole_small_and_tidy(path: Path) -> None:
    text = path.read_text()
    notebook = json.loads(text)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "run: make tutorials"
    assert not [output for cell in code for output in cell["outputs"] if is_noise(output)]
    assert path.stat().st_size < 200 * KIB
    assert serialize(notebook) == text, "run: make tutorials"


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_its_links_lead_to_pages_that_exist(path: Path) -> None:
    page = to_markdown(json.loads(path.read_text()))
    assert ".ipynb)" not in page
    for target in [part.partition(")")[0] for part in page.split("](")[1:]]:
        if not target.startswith(("http", "data:")):
            source = path.parent / target
            assert source.is_file() or source.with_suffix(".ipynb").is_file(), target


def is_noise(output: dict) -> bool:
    """An error, or something on standard error that the text does not speak of."""
    return output["output_type"] == "error" or (
        output.get("name") == "stderr" and EXPECTED not in "".join(output["text"])
    )


class TestPages:
    def test_text_code_and_what_it_printed_follow_each_other(self) -> None:
        notebook = {
            "cells": [
                {"cell_type": "markdown", "source": ["# Title\n", "See [this](02-more.ipynb)."]},
                {
                    "cell_type": "code",
                    "source": "print(1)",
                    "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}],
                },
            ]
        }
        expected = "# Title\nSee [this](02-more.md).\n\n```python\nprint(1)\n```\n\n``` { .text .output }\n1\n```\n"
        assert to_markdown(notebook) == expected

    def test_tables_and_pictures_are_shown(self) -> None:
        table = {"text/html": ['<div><style>a {}\n</style><table border="1" class="dataframe">x</table></div>']}
        picture = {"image/png": "abc=\n", "text/plain": "<Figure>"}
        outputs = [{"output_type": "display_data", "data": data} for data in (table, picture)]
        page = to_markdown({"cells": [{"cell_type": "code", "source": "show()", "outputs": outputs}]})
        assert "<div><table>x</table></div>" in page
        assert "![plot](data:image/png;base64,abc=)" in page
