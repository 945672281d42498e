"""Every kind of feature: learned from trained rows alone, the same after saving, and steady on what it never saw."""

import datetime
import json
from pathlib import Path

import polars as pl
import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file

from reccl.data.features import AnyFeature, FeatureSettings, FittedFeatures

ROOM = AnyFeature
DAY = datetime.date
SAMPLES = {
    "bins": ([1990, 2001, None, 1950, 1970], [None, 1e9, -5]),
    "rbf": ([1990, 2001, None, 1950, 1970], [None, 1e9, -5]),
    "categorical": (["drama", "west", None, "drama", "=~"], [None, "space", "drama"]),
    "date": ([DAY(1999, 12, 31), DAY(2000, 1, 1), None, DAY(2004, 2, 29)], [None, DAY(1900, 1, 1)]),
    "multi_hot": ([["a", "b"], [], None, ["b", None, "b"]], [None, ["z"], ["z", "a"]]),
    "numeric": ([1.0, 2.5, None, float("nan"), -3.0], [None, 1e300, float("inf")]),
    "prefix": (["94043", "T8H1N", None, "", "90210"], [None, "1"]),
    "text": (["Star Wars", "Star Trek", None, "", "Toy Story"], [None, "Alien", "toy wars"]),
    "title_tfidf": (["Star Wars", "Star Trek", None, "", "Toy Story 2"], [None, "Alien", "toy wars (II)"]),
    "vector": ([[1.0, 2.0], [3.0, 4.0], None, [0.0, 1.0]], [None, [9.0, 9.0]]),
}
"""Of each kind trained values and values of a new table."""


def column(values: list, like: list | None = None) -> pl.Series:
    return pl.Series("it", values, dtype=pl.Series(like or values).dtype, strict=False)


def fitted(part: type[FeatureSettings], values: list, untrained: int = 0) -> FittedFeatures:
    table = column(values, SAMPLES[part.model_fields["kind"].default][0]).to_frame()
    trained = [True] * (len(values) - untrained) + [False] * untrained
    return FittedFeatures.fit(table, pl.Series(trained, dtype=pl.Boolean), {"it": part()})


@pytest.fixture
def known(part: type[FeatureSettings]) -> list:
    return SAMPLES[part.model_fields["kind"].default][0]


@pytest.fixture
def new(part: type[FeatureSettings], known: list) -> pl.DataFrame:
    return column(SAMPLES[part.model_fields["kind"].default][1], known).to_frame()


class TestContract:
    def test_its_settings_round_trip(self, part: type[FeatureSettings]) -> None:
        room: TypeAdapter[FeatureSettings] = TypeAdapter(AnyFeature)
        assert room.validate_python(json.loads(json.dumps(part().model_dump(mode="json")))) == part()

    def test_it_has_a_name_of_its_own_for_every_column(self, part: type[FeatureSettings], known: list) -> None:
        made = fitted(part, known)
        matrix = made.transform(column(known).to_frame())
        assert matrix.shape == (len(known), len(set(made.columns)))
        assert matrix.dtype == torch.float32
        assert len(made.columns) == len(set(made.columns)) > 0
        assert all(name.startswith("it") for name in made.columns)
        assert matrix.abs().sum() > 0

    def test_what_is_missing_is_zero(self, part: type[FeatureSettings], known: list) -> None:
        table, made = column(known).to_frame(), fitted(part, known)
        gone = table.with_columns(it=pl.lit(None, dtype=table.schema["it"]))
        for empty in (gone, gone.cast(pl.Null)):
            assert not made.transform(empty).any()

    def test_it_reads_values_that_it_never_saw(
        self, part: type[FeatureSettings], known: list, new: pl.DataFrame
    ) -> None:
        matrix = fitted(part, known).transform(new)
        assert matrix.shape[0] == new.height
        assert matrix.isfinite().all()
        assert not matrix[0].any()  # missing

    def test_a_row_does_not_depend_on_its_neighbors(self, part: type[FeatureSettings], known: list) -> None:
        table, made = column(known).to_frame(), fitted(part, known)
        alone = torch.cat([made.transform(table[row]) for row in range(table.height)])
        assert torch.allclose(alone, made.transform(table), atol=1e-6)

    def test_untrained_rows_teach_nothing(self, part: type[FeatureSettings], known: list, new: pl.DataFrame) -> None:
        values = known + new["it"].to_list()
        only = fitted(part, known)
        both = fitted(part, values, untrained=new.height)
        same(only, both)
        assert torch.equal(only.transform(new), both.transform(new))

    def test_it_is_the_same_after_saving(
        self, part: type[FeatureSettings], known: list, new: pl.DataFrame, tmp_path: Path
    ) -> None:
        made = fitted(part, known)
        values, tensors = made.to_state()
        save_file(tensors, tmp_path / "features.safetensors")
        again = FittedFeatures.from_state(json.loads(json.dumps(values)), load_file(tmp_path / "features.safetensors"))
        same(made, again)
        assert torch.equal(made.transform(new), again.transform(new))
        assert again.columns == made.columns
        assert again.describe().equals(made.describe())

    @pytest.mark.parametrize("values", [[], [None, None]], ids=["no row", "nothing known"])
    def test_with_nothing_to_learn_from_it_is_finite(
        self, part: type[FeatureSettings], known: list, new: pl.DataFrame, values: list
    ) -> None:
        made = fitted(part, values)
        matrix = made.transform(new)
        assert matrix.shape == (new.height, len(made.columns))
        assert matrix.isfinite().all()

    def test_codes_say_the_same_as_the_matrix(self, part: type[FeatureSettings], known: list) -> None:
        made, table = fitted(part, known), column(known).to_frame()
        features, matrix = made.encode(table), made.transform(table)
        if features.numbers is not None:
            assert torch.equal(features.numbers, matrix)
        for codes, size in features.categories.values():
            assert size == matrix.shape[1] + 1
            assert torch.equal(codes, torch.where(matrix.any(1), matrix.argmax(1) + 1, 0))
        for codes, size in features.lists.values():
            assert size == matrix.shape[1] + 1
            assert [set(row) - {0} for row in codes.tolist()] == [
                {place + 1 for place, value in enumerate(row) if value} for row in matrix.tolist()
            ]


def same(one: FittedFeatures, other: FittedFeatures) -> None:
    """Equal to the last bit."""
    (values, tensors), (other_values, other_tensors) = one.to_state(), other.to_state()
    assert values == other_values
    assert tensors.keys() == other_tensors.keys()
    assert all(torch.equal(tensor, other_tensors[name]) for name, tensor in tensors.items())
