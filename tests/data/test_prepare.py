"""Prepared data is reused exactly as long as nothing that it came from has changed."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pydantic import TypeAdapter

from reccl.data.dataset import Dataset
from reccl.data.features import Bins, Categorical
from reccl.data.prepare import prepare
from reccl.data.settings import AnyData
from reccl.errors import ConfigError, DataError

Prepare = Callable[..., tuple[Dataset, list[str]]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def raw(tmp_path: Path, planted: pl.DataFrame, planted_items: pl.DataFrame) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    planted.write_csv(folder / "rows.csv")
    planted_items.select("item", "group", "size").write_csv(folder / "items.csv")
    return folder


@pytest.fixture
def prepared(raw: Path, cache: Path) -> Prepare:
    """Prepare the raw folder with these keys on top; gives the data set and what was said."""

    def run(**keys: object) -> tuple[Dataset, list[str]]:
        said: list[str] = []
        section = {
            "pipeline": "table",
            "source": str(raw),
            "interactions": "rows.csv",
            "timestamp": "timestamp",
            **keys,
        }
        return prepare(TypeAdapter(AnyData).validate_python(section), said.append), said

    return run


def test_the_second_time_the_prepared_data_is_reused_and_said_so(prepared: Prepare, cache: Path) -> None:
    first, said = prepared(items="items.csv")
    assert said == []
    second, said = prepared(items="items.csv")
    (folder,) = cache.glob("prepared/*")
    assert said == [f"reusing prepared data {folder}"]
    assert second.notes == first.notes
    for name in ("train", "validation", "test", "item_table"):
        assert_frame_equal(getattr(first, name), getattr(second, name))
    assert (first.counts, first.fingerprint) == (second.counts, second.fingerprint)


@pytest.mark.parametrize(
    "keys",
    [
        {"user_core": 2},
        {"items": "items.csv"},
        {"split": {"kind": "random_per_user"}},
        {"split": {"kind": "random_per_user", "seed": 1}},
        {"split": {"kind": "temporal"}},
        {"timestamp": None},
        {"user": "item", "item": "user"},
    ],
    ids=str,
)
def test_a_changed_argument_or_split_is_prepared_anew(prepared: Prepare, keys: dict) -> None:
    prepared()
    _, said = prepared(**keys)
    assert not any("reusing" in line for line in said)


def test_what_was_noticed_is_said_again_when_the_copy_is_reused(prepared: Prepare, raw: Path) -> None:
    table = pl.read_csv(raw / "items.csv")
    pl.concat([table.tail(-3), table.tail(1)]).write_csv(raw / "items.csv")
    expected = (
        "the table of items: 1 rows repeat an id: left out",
        f"the table of items: 3 of {table.height} items are not in it: their features are missing",
    )
    assert prepared(items="items.csv")[0].notes == expected
    again, said = prepared(items="items.csv")
    assert "reusing" in said[0]
    assert again.notes == expected


def test_partitions_of_the_same_content_are_prepared_apart(prepared: Prepare, raw: Path) -> None:
    (raw / "days" / "dt=2026-01-01").mkdir(parents=True)
    (raw / "rows.csv").rename(raw / "days" / "dt=2026-01-01" / "part.csv")
    first, _ = prepared(interactions="days", timestamp="dt")
    (raw / "days" / "dt=2026-01-01").rename(raw / "days" / "dt=2026-01-02")
    second, _ = prepared(interactions="days", timestamp="dt")
    assert (first.train["timestamp"].max(), second.train["timestamp"].max()) == (1767225600, 1767312000)


def test_a_fingerprint_is_that_of_what_is_prepared_however_it_came_about(
    prepared: Prepare, raw: Path, planted: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = {prepared()[0].fingerprint, prepared(split={"kind": "random_per_user"})[0].fingerprint}
    planted.sample(fraction=1, shuffle=True, seed=1).write_parquet(raw / "rows.parquet")
    prints |= {prepared(interactions="rows.parquet")[0].fingerprint}
    monkeypatch.setattr("reccl.version.__version__", "9.9.9")
    monkeypatch.setattr("reccl.data.store.FORMAT", 99)
    prints |= {prepared()[0].fingerprint}
    assert len(prints) == 1
    for keys in ({"split": {"kind": "temporal"}}, {"items": "items.csv"}, {"timestamp": None}):
        assert prepared(**keys)[0].fingerprint not in prints


def test_an_edit_of_the_code_that_prepares_is_prepared_anew(
    prepared: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code.py"
    code.write_text("one")
    monkeypatch.setattr("reccl.data.prepare.CODE", (code,))
    first, _ = prepared()
    assert prepared()[1][0].startswith("reusing prepared data")
    code.write_text("two")
    second, said = prepared()
    assert said == []
    assert first.fingerprint == second.fingerprint


def test_how_features_are_read_goes_along_and_changes_nothing_that_is_prepared(prepared: Prepare) -> None:
    first, _ = prepared(items="items.csv")
    second, said = prepared(items="items.csv", features={"items": {"size": {"kind": "bins"}}})
    assert said[0].startswith("reusing prepared data")
    assert first.fingerprint == second.fingerprint
    assert second.features.items == {"size": Bins()}
    third, _ = prepared(items="items.csv", features={"items": {"size": {"kind": "categorical"}}})
    assert third.features.items == {"size": Categorical()}
    assert prepared(items="items.csv")[0].features.items == {}


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (
            {"items": {"sizes": {"kind": "bins"}}},
            "data.features.items.sizes: the table of items has no column 'sizes'; did you mean 'size'?; "
            "there are group, size",
        ),
        (
            {"users": {"age": {"kind": "bins"}}},
            "data.features.users.age: this data has no table of users; leave it out",
        ),
    ],
)
def test_a_feature_of_a_column_that_is_not_there_is_one_line(prepared: Prepare, features: dict, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        prepared(items="items.csv", features=features)
    assert str(error.value) == told


def test_a_changed_byte_of_the_raw_files_is_prepared_anew(prepared: Prepare, raw: Path) -> None:
    first, _ = prepared()
    with (raw / "rows.csv").open("a") as file:
        file.write("u000,9999,1000000001\n")
    second, said = prepared()
    assert said == []
    assert second.summary()["items"] == first.summary()["items"] + 1


def test_the_content_counts_and_not_where_it_lies(prepared: Prepare, raw: Path, tmp_path: Path) -> None:
    prepared()
    raw.rename(tmp_path / "moved")
    _, said = prepared(source=str(tmp_path / "moved"))
    assert said[0].startswith("reusing prepared data")


def test_a_changed_pipeline_is_run_again(prepared: Prepare, tmp_path: Path) -> None:
    text = """
from pathlib import Path
import polars as pl
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables


def pipeline(raw: Path, *, most: int = 10**9) -> Tables:
    return Tables(Funnel.read(pl.scan_csv(raw / "rows.csv").filter(pl.col("item") < most)))
"""
    own = tmp_path / "own.py"
    own.write_text(text)

    def run(**keys: object) -> list[str]:
        said: list[str] = []
        section = {"pipeline": str(own), "source": str(tmp_path / "raw"), **keys}
        prepare(TypeAdapter(AnyData).validate_python(section), said.append)
        return said

    assert run() == []
    assert len(run()) == 1
    assert run(most=100) == []
    own.write_text(text + "\n# changed\n")
    assert run() == []


def test_a_corrupt_copy_is_made_anew_and_said_so(prepared: Prepare, cache: Path) -> None:
    first, _ = prepared()
    (damaged,) = cache.glob("prepared/*/train.parquet")
    damaged.write_bytes(b"no parquet")
    second, said = prepared()
    assert said == [f"prepared data {damaged} is corrupt; preparing it again"]
    assert_frame_equal(first.train, second.train)
    assert prepared()[1][0].startswith("reusing")


def test_a_missing_file_is_named_with_those_that_are_there(prepared: Prepare) -> None:
    with pytest.raises(DataError, match=r"row\.csv.*rows\.csv"):
        prepared(interactions="row.csv")


def test_a_file_that_cannot_be_read_as_a_table_is_one_line(prepared: Prepare, raw: Path) -> None:
    (raw / "rows.csv").write_text('user,item,timestamp\n1,2,3\n"broken')
    with pytest.raises(DataError) as error:
        prepared()
    assert "\n" not in str(error.value)


def test_a_source_that_is_nowhere_says_what_is_known(prepared: Prepare, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data set or folder 'ml-100'; did you mean 'ml-100k'"):
        prepared(source="ml-100")


def test_a_cache_that_is_no_folder_says_what_to_set(prepared: Prepare, cache: Path) -> None:
    cache.touch()
    with pytest.raises(DataError, match=r"cannot write to the cache folder .*; set RECCL_CACHE"):
        prepared()


def test_a_split_that_leaves_nothing_to_train_on_is_refused_and_not_kept(prepared: Prepare, cache: Path) -> None:
    with pytest.raises(DataError, match=r"the split leaves no training row of 3,600: hold out less"):
        prepared(split={"kind": "temporal", "test": "1990-01-01"})
    assert not list(cache.glob("prepared/*"))
