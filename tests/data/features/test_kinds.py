"""Each kind of feature equals its definition, worked out slowly."""

import datetime
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.features import (
    Bins,
    Categorical,
    Date,
    FeatureSettings,
    FittedFeatures,
    MultiHot,
    Numeric,
    Prefix,
    Text,
    Vector,
)
from reccl.errors import DataError


def fit(values: list | pl.Series, kind: FeatureSettings) -> tuple[FittedFeatures, pl.DataFrame]:
    table = pl.DataFrame({"it": values}, strict=False)
    return FittedFeatures.fit(table, pl.Series([True] * table.height), {"it": kind}), table


def matrix(values: list | pl.Series, kind: FeatureSettings) -> list[list[float]]:
    made, table = fit(values, kind)
    return made.transform(table).tolist()


class TestCategorical:
    def test_rare_words_are_unknown(self) -> None:
        made, table = fit(["a", "b", "a", "c", None], Categorical(min_count=2, unknown=True))
        assert made.columns == ["it=a", "it~unknown"]
        assert made.transform(table).tolist() == [[1, 0], [0, 1], [1, 0], [0, 1], [0, 1]]

    def test_a_whole_number_is_the_same_word_however_it_is_stored(self) -> None:
        made, table = fit([1, 25, 1], Categorical())
        assert made.columns == ["it=1", "it=25"]
        for other in (pl.Float64, pl.Int8, pl.String):
            assert torch.equal(made.transform(table.cast(other)), made.transform(table))
        assert fit([0.5, 2.0, float("nan")], Categorical())[0].columns == ["it=0.5", "it=2"]


class TestPrefix:
    def test_it_is_the_category_of_the_beginning(self) -> None:
        made, table = fit(["94043", "T8H", "90210", ""], Prefix(length=1))
        assert made.columns == ["it=9*", "it=T*"]
        assert made.transform(table).tolist() == [[1, 0], [0, 1], [1, 0], [0, 0]]
        assert fit(["94043", "T8H", "90210", " "], Prefix(length=2))[0].columns == ["it=90*", "it=94*", "it=T8*"]


class TestMultiHot:
    def test_a_row_is_shared_among_its_known_words(self) -> None:
        made, table = fit([["a", "b"], ["b", "b"], [], None, ["c", "a", "b"]], MultiHot(min_count=2))
        assert made.columns == ["it=a", "it=b"]
        assert made.transform(table).tolist() == [[0.5, 0.5], [0, 1], [0, 0], [0, 0], [0.5, 0.5]]

    def test_it_may_count_every_word_in_full(self) -> None:
        assert matrix([["a", "b"], ["b", "b"]], MultiHot(normalize=False)) == [[1, 1], [0, 1]]

    def test_text_is_parted(self) -> None:
        assert matrix(["a|b", "b", "", None], MultiHot()) == [[0.5, 0.5], [0, 1], [0, 0], [0, 0]]
        assert fit(["x y", "y"], MultiHot(separator=" "))[0].columns == ["it=x", "it=y"]


class TestNumeric:
    def test_quantile_is_the_share_below(self) -> None:
        values = [5.0, 1, 1, 100, None, 7]
        known = [value for value in values if value is not None]
        shares = [
            0 if value is None else 2 * np.mean([(other < value) + 0.5 * (other == value) for other in known]) - 1
            for value in values
        ]
        np.testing.assert_allclose(np.ravel(matrix(values, Numeric(scaling="quantile"))), shares, atol=1e-6)

    def test_quantiles_of_many_rows_are_those_of_all(self) -> None:
        values = np.random.default_rng(0).exponential(size=20_000)
        ranks = 2 * (values.argsort().argsort() + 0.5) / len(values) - 1
        np.testing.assert_allclose(np.ravel(matrix(values.tolist(), Numeric(scaling="quantile"))), ranks, atol=4e-3)

    def test_missing_may_have_a_column(self) -> None:
        made, table = fit([1.0, None, 3.0], Numeric(missing=True))
        assert made.columns == ["it", "it~missing"]
        np.testing.assert_allclose(made.transform(table), [[-(0.5**0.5), 0], [0, 1], [0.5**0.5, 0]], rtol=1e-6)

    def test_numbers_in_text_are_numbers_and_words_are_refused(self) -> None:
        assert matrix(["1", "", "3"], Numeric()) == matrix([1, None, 3], Numeric())
        with pytest.raises(DataError, match=r"^feature 'it' of kind numeric: .*Star"):
            fit(["1", "Star Wars"], Numeric())

    def test_a_moment_is_the_same_in_any_unit(self) -> None:
        made, table = fit([datetime.datetime(2000, 1, day) for day in (1, 2, 4)], Numeric())
        for other in (pl.Datetime("ms"), pl.Datetime("ns"), pl.Date):
            assert torch.equal(made.transform(table.cast(other)), made.transform(table))


class TestBins:
    def test_each_range_has_about_as_many_rows_and_its_name_says_which(self) -> None:
        made, table = fit(list(range(100)), Bins(number=4))
        assert made.columns == ["it<24.75", "it=24.75..49.5", "it=49.5..74.25", "it>=74.25"]
        assert made.transform(table).sum(0).tolist() == [25, 25, 25, 25]
        assert made.transform(pl.DataFrame({"it": [-1e9, 24.75, 1e9, None]})).tolist() == [
            [1, 0, 0, 0],
            [0, 1, 0, 0],
            [0, 0, 0, 1],
            [0, 0, 0, 0],
        ]

    def test_no_range_is_empty_where_many_rows_are_alike(self) -> None:
        made, table = fit([1] * 50 + [2] * 3 + [9] * 50, Bins(number=10))
        assert (made.transform(table).sum(0) > 0).all()
        assert fit([5, 5, 5], Bins())[0].columns == ["it=any"]


class TestDate:
    def test_the_parts_are_year_month_and_weekday(self) -> None:
        made, table = fit(["1999-12-31", "2001-01-01 10:00", None], Date())
        assert made.columns == ["it~year", "it~month_sin", "it~month_cos", "it~weekday_sin", "it~weekday_cos"]
        turns = [(11 / 12, 4 / 7), (0, 0)]  # a Friday in December, a Monday in January
        expected = [
            [year, *(wave(2 * np.pi * turn) for turn in pair for wave in (np.sin, np.cos))]
            for year, pair in zip((-(0.5**0.5), 0.5**0.5), turns, strict=True)
        ]
        np.testing.assert_allclose(made.transform(table), [*expected, [0] * 5], atol=1e-6)

    def test_december_is_near_january(self) -> None:
        rows = torch.tensor(matrix(["2000-12-01", "2000-01-01", "2000-06-01"], Date(parts=("month",))))
        assert torch.dist(rows[0], rows[1]) < torch.dist(rows[0], rows[2])

    def test_numbers_are_no_dates(self) -> None:
        with pytest.raises(DataError, match="feature 'it' of kind date: holds Int64, no dates; a year is kind numeric"):
            fit([1995, 1996], Date())


class TestVector:
    def test_it_is_scaled_as_asked(self) -> None:
        values = [[3.0, 4.0], [0.0, 0.0], None, [6.0, 8.0]]
        assert matrix(values, Vector()) == [[3, 4], [0, 0], [0, 0], [6, 8]]
        np.testing.assert_allclose(matrix(values, Vector(scaling="unit")), [[0.6, 0.8], [0, 0], [0, 0], [0.6, 0.8]])
        known = np.array([value for value in values if value])
        expected = (known - known.mean(0)) / known.std(0)
        scaled = matrix(values, Vector(scaling="standard"))
        np.testing.assert_allclose(scaled, [*expected[:2], [0, 0], expected[2]], rtol=1e-6)

    def test_arrays_and_integers_are_vectors_too(self) -> None:
        assert matrix(pl.Series([[1, 2], None], dtype=pl.Array(pl.Int32, 2)), Vector()) == [[1, 2], [0, 0]]

    def test_another_length_is_one_clear_line(self) -> None:
        made, _ = fit([[1.0, 2.0], [3.0, 4.0]], Vector())
        with pytest.raises(DataError, match=r"^feature 'it' of kind vector: row 2 holds 3 numbers, not 2$"):
            made.transform(pl.DataFrame({"it": [[1.0, 2.0], [1.0, 2.0, 3.0]]}))
        with pytest.raises(DataError, match="row 2 holds 1 numbers, not 2"):
            fit([[1.0, 2.0], [1.0]], Vector())
        with pytest.raises(DataError, match="holds String, no lists of numbers"):
            fit(["a"], Vector())


TITLES = ["star wars", "star trek wars", "toy story", "a toy story a", "alien", "the alien wars"]


def lsa(titles: list[str], dimension: int) -> np.ndarray:
    """TF-IDF and its singular vectors as they stand in a textbook: cosines between the rows, [n, n]."""
    bags = [Counter(title.split()) for title in titles]
    words = sorted({word for bag in bags for word in bag})
    weight = {word: np.log((1 + len(bags)) / (1 + sum(word in bag for bag in bags))) + 1 for word in words}
    x = np.array([[bag[word] * weight[word] for word in words] for bag in bags])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    z = x @ np.linalg.svd(x)[2][:dimension].T
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    return z @ z.T


class TestText:
    @pytest.mark.parametrize("dimension", [2, 3, 6])
    def test_it_equals_latent_semantic_analysis_in_slow_numpy(self, dimension: int) -> None:
        made = np.array(matrix(TITLES, Text(dimension=dimension)))
        np.testing.assert_allclose(made @ made.T, lsa(TITLES, dimension), atol=1e-5)

    def test_rows_have_length_one_or_none_where_no_word_is_known(self) -> None:
        made, _ = fit(TITLES, Text(dimension=100))
        rows = made.transform(pl.DataFrame({"it": ["wars of the toys", "zzz", "", None]}))
        np.testing.assert_allclose(rows.norm(dim=1), [1, 0, 0, 0], atol=1e-6)
        assert len(made.columns) == len(TITLES)  # no more components than rows

    def test_components_beyond_the_rank_are_left_out(self) -> None:
        assert fit(["one two"] * 5, Text(dimension=4))[0].columns == ["it~1"]

    def test_parts_of_words_are_found_by_characters_alone(self) -> None:
        def likeness(**keys: int) -> float:
            made, _ = fit([*TITLES, "toys"], Text(dimension=7, **keys))
            one, other = made.transform(pl.DataFrame({"it": ["toy", "toys"]}))
            return float(one @ other)

        assert likeness() == pytest.approx(0, abs=1e-6)
        assert likeness(characters=4) > 0.2
        assert likeness(words=0, characters=4) > 0.2

    def test_the_vocabulary_is_capped_by_frequency(self) -> None:
        made, _ = fit([*TITLES, "wars"], Text(vocabulary=1))
        assert made.features[0].state.values == {"words": ["wars"]}
        assert made.describe()["vocabulary"].to_list() == [1]

    def test_lists_of_words_are_joined(self) -> None:
        lists = [title.split() for title in TITLES]
        np.testing.assert_array_equal(matrix(lists, Text()), matrix(TITLES, Text()))

    def test_reading_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="words and characters are both 0: nothing of the text is read"):
            Text(words=0)

    def test_a_model_takes_the_place_of_the_words(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class Model:
            def __init__(self, folder: str, *, local_files_only: bool) -> None:
                assert (folder, local_files_only) == (str(tmp_path), True)

            def encode(self, texts: list[str], **_: object) -> np.ndarray:
                return np.array([[len(text), 1, text.count("a")] for text in texts], dtype=np.float32)

        monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Model))
        made, table = fit(TITLES, Text(model=tmp_path, dimension=3))
        x = Model(str(tmp_path), local_files_only=True).encode(TITLES)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        rows = made.transform(table).numpy()
        np.testing.assert_allclose(rows @ rows.T, x @ x.T, atol=1e-5)
        again = FittedFeatures.from_state(*made.to_state())
        assert torch.equal(again.transform(table), made.transform(table))

    def test_a_model_that_is_not_there_is_one_clear_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(DataError, match=r"no folder .*nowhere with a sentence-transformers model; nothing is d"):
            fit(TITLES, Text(model=tmp_path / "nowhere"))
        monkeypatch.setitem(sys.modules, "sentence_transformers", None)
        with pytest.raises(DataError, match="needs the package sentence-transformers: pip install"):
            fit(TITLES, Text(model=tmp_path))
