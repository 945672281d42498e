"""What random inputs have found, one small test each."""

from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from reccl import config
from reccl.bounded_yaml import MAX_VALUES, Loader, parse_yaml
from reccl.cli.cold import parse_shots
from reccl.config_file import parse_override
from reccl.data import store
from reccl.data.dataset import Dataset
from reccl.data.ingest.delimited import Dialect, scan_delimited
from reccl.data.ingest.files import read_table
from reccl.data.ingest.table_files import find_table_files
from reccl.errors import ConfigError, DataError, RecclError
from reccl.recommend import Model, load, save
from reccl.recommend.verify import DIGESTS, seal
from tests.robustness.fuzzing import check_error


def read(path: Path, text: str | bytes, **dialect: object) -> list[tuple[str | None, ...]]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return scan_delimited(path, Dialect(**dialect))[0].collect(engine="streaming").rows()


def test_values_are_counted_while_yaml_is_read_not_after(monkeypatch: pytest.MonkeyPatch) -> None:
    made, make = [], Loader.compose_scalar_node
    monkeypatch.setattr(Loader, "compose_scalar_node", lambda *words: made.append(1) or make(*words))
    with pytest.raises(ConfigError, match="more than 20,000 values"):
        parse_yaml("[" + "1," * 500_000 + "]", "config")
    assert len(made) <= MAX_VALUES


@pytest.mark.parametrize("digits", ["9" * 1001, "0x" + "f" * 5000, "1" + ":59" * 5000, "0b" + "1" * 100_000])
def test_a_number_of_many_digits_is_refused_however_it_is_written(digits: str) -> None:
    with pytest.raises(ConfigError, match=r"number of [\d,]+ digits"):
        parse_yaml(f"a: {digits}", "config")


def test_a_huge_number_from_python_is_an_error_not_a_failure_to_show_it() -> None:
    with pytest.raises(ConfigError, match=r"training\.epochs"):
        config.resolve("smoke", {"training": {"epochs": 10**5000}})


def test_an_equals_sign_may_separate_fields() -> None:
    assert parse_override("data.separator==") == (("data", "separator"), "=")


def test_a_long_override_without_a_value_is_cut_in_its_error() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_override("a" * 5000)
    check_error(caught.value)


def test_a_row_of_tabs_alone_is_a_row_without_values(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.tsv", "user\titem\n1\t2\n\t\n\n3\t4\n", separator="\t")
    assert rows == [("1", "2"), (None, None), ("3", "4")]


@pytest.mark.parametrize("first", ["1", "1,2,3,4"])
def test_ragged_rows_are_filled_and_cut_in_a_file_that_quotes(tmp_path: Path, first: str) -> None:
    rows = read(tmp_path / "a.csv", f'user,item\n{first}\n"a","b"\n', ragged="fill")
    assert rows[1] == ("a", "b")
    assert rows[0][0] == "1"


@pytest.mark.parametrize("name", ["orders [2024]", "a*b", "what?", "[", "{a,b}"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl", "json", "arrow"])
def test_a_name_with_the_signs_of_a_pattern_is_a_name(tmp_path: Path, name: str, ending: str) -> None:
    table, path = pl.DataFrame({"user": [1, 2]}), tmp_path / name / f"{name}.{ending}"
    path.parent.mkdir()
    writers = {
        "csv": table.write_csv,
        "parquet": table.write_parquet,
        "jsonl": table.write_ndjson,
        "json": table.write_json,
        "arrow": table.write_ipc,
    }
    with path.open("wb") as file:
        writers[ending](file)
    assert read_table(find_table_files(path)).rows() == [(1,), (2,)]
    assert read_table(find_table_files(path.parent)).height == 2


def test_utf16_that_ends_within_a_character_is_refused(tmp_path: Path) -> None:
    whole = "user,item\n1,2\n".encode("utf-16")
    assert read(tmp_path / "a.csv", whole) == [("1", "2")]
    with pytest.raises(DataError, match="utf-16"):
        read(tmp_path / "b.csv", whole[:-1])


def test_a_header_that_goes_on_in_the_next_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv: a quotation mark in the header"):
        read(tmp_path / "a.csv", 'user,"item\nnumber"\n1,2\n', ragged="fill")


def test_a_carriage_return_where_ragged_rows_are_filled_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv, line 4 "):
        read(tmp_path / "a.csv", 'user,item\n1,"2\n3"\n4\r5,6\n', ragged="fill")


def test_a_carriage_return_within_a_line_of_a_file_that_quotes_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv, line 4 "):
        read(tmp_path / "a.csv", '"a",b\n"1","2\n3"\n4\r5,6\n')


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_damaged_file_is_an_error_also_where_polars_panics(tmp_path: Path, kind: str) -> None:
    table, made = pl.DataFrame({"user": ["a", "b", None], "item": [1, None, 3]}), BytesIO()
    table.write_parquet(made) if kind == "parquet" else table.write_ipc(made)
    whole, path, refused = made.getvalue(), tmp_path / f"table.{kind}", 0
    for place in range(0, len(whole), 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            read_table(find_table_files(path))
        except DataError as error:
            check_error(error)
            refused += 1
    assert refused > 20


def test_a_damaged_column_of_bytes_is_told_as_damage(tmp_path: Path) -> None:
    made = BytesIO()
    pl.DataFrame({"user": [None, None], "item": [1, 2]}, schema={"user": pl.Binary, "item": pl.Int64}).write_parquet(
        made
    )
    (tmp_path / "t.parquet").write_bytes(b"\x00" + made.getvalue())
    with pytest.raises(DataError) as caught:
        Dataset.from_frame(tmp_path / "t.parquet")
    check_error(caught.value)


def test_prepared_data_whose_manifest_says_something_else_is_corrupt(tmp_path: Path) -> None:
    data = Dataset.from_frame(pl.DataFrame({"user": [1, 1, 2], "item": [1, 2, 1]}), users=pl.DataFrame({"user": [1]}))
    store.write(data, tmp_path / "data")
    manifest = tmp_path / "data" / store.MANIFEST
    for right, wrong in ((data.fingerprint, "0" * 64), ('"rows": 3', '"rows": 4'), ("user_table", "other_table")):
        text = manifest.read_text()
        assert right in text
        manifest.write_text(text.replace(right, wrong))
        with pytest.raises(DataError, match="corrupt"):
            store.read(tmp_path / "data")
        manifest.write_text(text)
    assert store.read(tmp_path / "data").fingerprint == data.fingerprint


def test_a_model_with_damaged_ids_and_right_digests_is_an_error_also_where_polars_panics(tmp_path: Path) -> None:
    from reccl.scorers import Scorer

    data = Dataset.from_frame(pl.DataFrame({"user": ["a", "a", "b"], "item": [1, 2, 1]}))
    embeddings = pl.DataFrame({"x": [0.5, 1.0]}).to_torch()
    save(Model.of(Scorer(embeddings.float(), embeddings.float()), data), tmp_path)
    path = tmp_path / "users.parquet"
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        (tmp_path / DIGESTS).unlink()
        seal(tmp_path, *(each.name for each in tmp_path.iterdir()))
        try:
            load(tmp_path)
        except RecclError as error:
            check_error(error)
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("shots", ["²", "9" * 5000, "1,½", "٣"])
def test_shots_are_digits(shots: str) -> None:
    with pytest.raises(ConfigError, match="--shots"):
        parse_shots(shots)
