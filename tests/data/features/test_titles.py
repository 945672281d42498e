"""RBF and title_tfidf are their definitions."""

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.features import RBF, MultiHot, TitleTfidf


def test_rbf_columns_are_gaussians_of_length_one_a_width_apart() -> None:
    kind, years = RBF(number=5), pl.Series("year", [1960, 2000, 1973, None])
    state = kind.fit(years)
    points = np.array([1960, 1970, 1980, 1990, 2000])
    expected = np.exp(-np.square((1973 - points) / 10) / 2)
    found = kind.transform(years, state)
    np.testing.assert_allclose(found[2], expected / np.linalg.norm(expected), rtol=1e-5)
    assert not found[3].any()
    assert kind.name_columns("year", state)[1] == "year~1970"
    assert torch.equal(kind.transform(pl.Series("year", [1900]), state)[0], found[0])


def test_rbf_of_one_value_are_one_column() -> None:
    kind, same = RBF(), pl.Series("year", [7, 7])
    assert kind.transform(same, kind.fit(same)).tolist() == [[1.0], [1.0]]


TITLES = pl.Series("title", ["Star Wars", "Star Trek II: Wrath (1982)", "Trek", None])


def test_title_tfidf_has_the_words_of_several_titles_and_rows_of_length_one() -> None:
    kind = TitleTfidf(marks=0)
    state = kind.fit(TITLES)
    assert kind.name_columns("title", state)[:2] == ["title=star", "title=trek"]
    words = kind.transform(TITLES, state)[:, :2]
    np.testing.assert_allclose(words, [[1, 0], [0.5**0.5, 0.5**0.5], [0, 1], [0, 0]], atol=1e-6)


def test_title_tfidf_counts_marks_in_standard_units() -> None:
    kind = TitleTfidf()
    state = kind.fit(TITLES)
    place = kind.name_columns("title", state).index("title~digits")
    counts = np.log1p([0, 1, 0])
    expected = (counts - counts.mean()) / counts.std() / np.sqrt(10)
    np.testing.assert_allclose(kind.transform(TITLES, state)[:3, place], expected, rtol=1e-5)
    assert not kind.transform(TITLES, state)[3].any()


def test_multi_hot_of_length_one_has_cosines_as_inner_products() -> None:
    kind, genres = MultiHot(normalize="length"), pl.Series("genres", [["a", "b"], ["a"], []])
    found = kind.transform(genres, kind.fit(genres))
    assert (found[0] @ found[1]).item() == pytest.approx(0.5**0.5)
    assert found.square().sum(1).tolist() == pytest.approx([1, 1, 0])
