"""Published figures stand beside a study's rows where all its runs are of the published split, else nowhere."""

from dataclasses import replace

import pytest

from reccl.published import PUBLISHED, SPLITS
from reccl.studies.cell import Cell, CellResult, Group
from reccl.studies.result import find_figures
from reccl.studies.settings import StudySettings
from reccl.studies.table import published_markdown

SETTINGS = StudySettings.model_validate(
    {"name": "s", "data": ["ml-1m-m1", "lastfm"], "configs": ["methods/ease"], "seeds": [1, 2]}
)
M1 = next(split for split in SPLITS if split.name == "ml-1m-m1")


def results(*digests: str) -> dict[Cell, CellResult]:
    group = Group("ml-1m-m1", "ease", None)
    return {Cell(group, seed): CellResult(split=digest) for seed, digest in enumerate(digests)}


def test_all_figures_of_the_split_are_there_best_first() -> None:
    found = find_figures(SETTINGS, results(M1.digest, M1.digest))
    assert list(found) == ["ml-1m-m1"]
    figures = found["ml-1m-m1"]
    assert set(figures) == {figure for figure in PUBLISHED if figure.split == "ml-1m-m1"}
    assert [figure.ndcg for figure in figures] == sorted((figure.ndcg for figure in figures), reverse=True)
    text = published_markdown(found)
    assert text.startswith("\nPublished for the split of ml-1m-m1, by others:\n\n| method | ndcg@20 | recall@20 |")
    assert "| BSL MF | 0.2681 | 0.2804 |" in text
    assert published_markdown({}) == ""


@pytest.mark.parametrize("digests", [("another",), (M1.digest, "another"), ("",), ()])
def test_of_another_split_none_is_shown(digests: tuple[str, ...]) -> None:
    assert find_figures(SETTINGS, results(*digests)) == {}


def test_runs_that_failed_do_not_count() -> None:
    mixed = results(M1.digest, "")
    failed = {cell: replace(result, error="broken") if not result.split else result for cell, result in mixed.items()}
    assert list(find_figures(SETTINGS, failed)) == ["ml-1m-m1"]
