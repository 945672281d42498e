"""Columns of thousands of words: a matrix keeps the most frequent, codes keep all, and memory has a bound."""

import polars as pl
import pytest
import torch

from reccl.data.features import Categorical, FeatureTables, FittedFeatures, MultiHot
from reccl.data.features.words import MOST_WORDS, one_hot
from reccl.encoders import tower
from reccl.encoders.tower import Tower

N = 3 * MOST_WORDS


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    numbers = [*range(N), *range(N - MOST_WORDS, N)]
    words = [f"w{number}" for number in numbers]
    return pl.DataFrame({"brand": words, "tags": [[word, "all"] for word in words]})


def test_a_matrix_has_columns_for_the_most_frequent_words(table: pl.DataFrame) -> None:
    fitted = FittedFeatures.fit(table, pl.Series([True] * table.height), {"tags": None, "brand": Categorical()})
    x = fitted.transform(table)  # [n, F]
    assert x.shape == (table.height, MOST_WORDS)
    frequent = torch.tensor([int(word[1:]) >= N - MOST_WORDS for word in table["brand"]])
    assert torch.equal(x.sum(1), frequent.float())
    assert fitted.columns == sorted(f"brand=w{number}" for number in range(N - MOST_WORDS, N))


def test_of_lists_the_most_frequent_words_too(table: pl.DataFrame) -> None:
    fitted = FittedFeatures.fit(table, pl.Series([True] * table.height), {"brand": None, "tags": MultiHot()})
    assert len(fitted.columns) == MOST_WORDS
    assert fitted.columns[0] == "tags=all"
    assert torch.allclose(fitted.transform(table).sum(1), torch.ones(table.height))  # "all" is in every row


def test_a_vocabulary_of_ones_own_counts(table: pl.DataFrame) -> None:
    schema = {"brand": Categorical(vocabulary=N), "tags": MultiHot(vocabulary=1)}
    fitted = FittedFeatures.fit(table, pl.Series([True] * table.height), schema)
    assert len(fitted.columns) == N + 1
    again = FittedFeatures.from_state(*fitted.to_state())
    assert again.columns == fitted.columns
    assert fitted.columns[-1] == "tags=all"


def test_codes_for_embeddings_keep_all_words(table: pl.DataFrame) -> None:
    trained = pl.Series([True] * table.height)
    tables = FeatureTables(None, table, trained[:0], trained)
    encoded = tables.encode_items(("brand", "tags"))
    assert encoded.categories["brand"][1] == N + 1
    assert encoded.lists["tags"][1] == N + 2  # "all" and unknown
    assert encoded.categories["brand"][0].shape == (table.height,)  # codes, no column a word


def test_a_line_says_how_many_are_kept(table: pl.DataFrame) -> None:
    trained = pl.Series([True] * table.height)
    notes = FeatureTables(None, table, trained[:0], trained).notes()
    assert notes[-1] == (
        "data.features.items: tags has 6,001 words: as columns for cold_start the 2,000 most frequent are kept, "
        "the others count as unknown; {kind: multi_hot, vocabulary: N} keeps N"
    )
    few = table.with_columns(pl.lit("a").alias("brand"), pl.lit(None).alias("tags"))
    assert FeatureTables(None, few, trained[:0], trained).notes() == []


def test_words_as_frequent_are_kept_by_the_alphabet() -> None:
    settings = Categorical(vocabulary=2)
    assert settings.fit(pl.Series(["d", "b", "c", "a", "d"])).values["words"] == ["a", "d"]


def test_one_hot_is_that_of_torch() -> None:
    codes = torch.tensor([2, 0, 1, 3, 0])
    assert torch.equal(one_hot(codes, 4), torch.nn.functional.one_hot(codes, 4)[:, 1:].float())


def test_a_tower_reads_a_table_in_parts(table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = FittedFeatures.fit(table, pl.Series([True] * table.height))
    width = len(fitted.columns)
    random = torch.Generator().manual_seed(0)
    made = Tower(fitted, ((torch.randn(4, width, generator=random), torch.zeros(4)),))
    few = table.slice(N - 5, 10)
    whole, largest = made.embed(few), []
    transform = FittedFeatures.transform

    def watch(self: FittedFeatures, part: pl.DataFrame) -> torch.Tensor:
        largest.append(part.height * width)
        return transform(self, part)

    monkeypatch.setattr(tower, "CELLS", 3 * width)
    monkeypatch.setattr(FittedFeatures, "transform", watch)
    assert torch.equal(made.embed(few), whole)
    assert max(largest) <= tower.CELLS
    assert made.embed(few.clear()).shape == (0, 4)
