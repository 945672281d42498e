"""Every layout of MovieLens becomes the same tables; the real ones have the published sizes."""

import os
from pathlib import Path

import polars as pl
import pytest

from reccl.bundle import locate_bundled
from reccl.data.ingest import pipelines
from reccl.data.ingest.tables import Tables
from reccl.errors import DataError

MOVIELENS = pipelines.load(str(locate_bundled("pipelines") / "movielens.py"))


def real(name: str) -> Path:
    folder = Path(os.environ.get("RECCL_DATA") or "/nowhere") / name
    if not folder.is_dir():
        pytest.skip(f"the real {name} is not in RECCL_DATA")
    return folder


def rows(tables: Tables) -> pl.DataFrame:
    return tables.interactions.collect()[0]


def published_100k(folder: Path) -> Path:
    (folder / "u.data").write_text("2\t1\t5\t880000000\n1\t2\t3\t890000000\n1\t1\t4\t890000001\n")
    flags = {"unknown": "0|0|0", "toys": "0|1|1", "none": "1|0|0"}
    lines = (
        f"1|Toy Story (1995)|01-Jan-1995||http://x|{flags['toys']}\n"
        f"2|Misérables, Les (1995)|||http://y|{flags['unknown']}\n"
        f"3|unknown||||{flags['none']}\n4|Undated|02-Feb-1996||http://z|{flags['unknown']}\n"
    )
    (folder / "u.item").write_bytes(lines.encode("latin-1"))
    (folder / "u.user").write_text("1|24|M|technician|85711\n2|53|F|other|T8H1N\n")
    (folder / "u.genre").write_text("unknown|0\nAction|1\nAnimation|2\n\n")
    return folder


def typed_100k(folder: Path) -> Path:
    heads = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (folder / "ml-100k.inter").write_text(heads + "2\t1\t5\t880000000\n1\t2\t3\t890000000\n1\t1\t4\t890000001\n")
    (folder / "ml-100k.item").write_text(
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "1\tToy Story\t1995\tAction Animation\n2\tMisérables, Les\t1995\t\n3\tunknown\t\tunknown\n4\tUndated\t1996\t\n"
    )
    (folder / "ml-100k.user").write_text(
        "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
        "1\t24\tM\ttechnician\t85711\n2\t53\tF\tother\tT8H1N\n"
    )
    return folder


def published_1m(folder: Path) -> Path:
    (folder / "ratings.dat").write_text("2::1::5::880000000\n1::2::3::890000000\n1::1::4::890000001\n")
    films = "1::Toy Story (1995)::Action|Animation\n2::Misérables, Les (1995)::\n3::Star Wars: Episode IV::Action\n"
    (folder / "movies.dat").write_bytes(films.encode("latin-1"))
    (folder / "users.dat").write_text("1::M::25::12::85711\n2::F::56::0::T8H1N\n")
    return folder


def published_csv(folder: Path) -> Path:
    (folder / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n2,1,5.0,880000000\n1,2,3.0,890000000\n1,1,4.0,890000001\n"
    )
    (folder / "movies.csv").write_text(
        'movieId,title,genres\n1,Toy Story (1995),Action|Animation\n2,"Misérables, Les (1995)",(no genres listed)\n'
        "3,Fawlty Towers (1975-1979),Comedy\n4,(500) Days of Summer (2009) ,Drama\n5,No Year,Drama\n"
    )
    return folder


LAYOUTS = (published_100k, typed_100k, published_1m, published_csv)


@pytest.mark.parametrize("lay", LAYOUTS)
def test_every_layout_gives_the_same_interactions(lay: object, tmp_path: Path) -> None:
    table = rows(MOVIELENS.run(lay(tmp_path)))  # type: ignore[operator]
    assert table.schema == {"user": pl.Int64, "item": pl.Int64, "rating": pl.Float64, "timestamp": pl.Int64}
    assert table.rows() == [(2, 1, 5.0, 880000000), (1, 2, 3.0, 890000000), (1, 1, 4.0, 890000001)]


@pytest.mark.parametrize("lay", LAYOUTS)
def test_every_layout_describes_its_films_in_the_same_words(lay: object, tmp_path: Path) -> None:
    items = MOVIELENS.run(lay(tmp_path)).items  # type: ignore[operator]
    assert items is not None
    films = items.collect()
    assert films.schema == {"item": pl.Int64, "title": pl.String, "year": pl.Int64, "genres": pl.List(pl.String)}
    assert films.rows()[:2] == [(1, "Toy Story", 1995, ["Action", "Animation"]), (2, "Misérables, Les", 1995, [])]


@pytest.mark.parametrize("lay", LAYOUTS[:3])
def test_users_are_described_where_they_were_asked(lay: object, tmp_path: Path) -> None:
    users = MOVIELENS.run(lay(tmp_path)).users  # type: ignore[operator]
    assert users is not None
    table = users.collect()
    assert set(table.columns) == {"user", "age", "gender", "occupation", "zip_code"}
    assert table.schema["occupation"] == pl.String
    assert table["zip_code"].to_list() == ["85711", "T8H1N"]


def test_a_year_is_taken_from_the_title_s_end_or_the_release_date_or_left_open(tmp_path: Path) -> None:
    (tmp_path / "100k").mkdir()
    assert MOVIELENS.run(published_100k(tmp_path / "100k")).items.collect().select("title", "year").rows()[2:] == [
        ("unknown", None),
        ("Undated", 1996),
    ]
    assert MOVIELENS.run(published_csv(tmp_path)).items.collect().select("title", "year").rows()[2:] == [
        ("Fawlty Towers", 1975),
        ("(500) Days of Summer", 2009),
        ("No Year", None),
    ]


def test_a_colon_in_a_title_is_no_separator(tmp_path: Path) -> None:
    assert "Star Wars: Episode IV" in MOVIELENS.run(published_1m(tmp_path)).items.collect()["title"]


def test_the_steps_asked_for_are_applied_and_named(tmp_path: Path) -> None:
    tables = MOVIELENS.run(published_csv(tmp_path), minimum_rating=4, since=885000000, user_core=1, item_core=1)
    table, counts = tables.interactions.collect()
    assert table.rows() == [(1, 1, 4.0, 890000001)]
    assert [count.step for count in counts] == ["read", "time window", "rating >= 4", "core of 1 a user, 1 an item"]
    assert [count.rows for count in counts] == [3, 2, 1, 1]


def test_an_empty_folder_is_told_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"holds no MovieLens data; expected the files u.data, .*; or ratings.csv, movies.csv"
    ):
        MOVIELENS.run(tmp_path)


def test_only_the_files_read_are_inputs(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").touch()
    inputs = MOVIELENS.inputs(published_csv(tmp_path), minimum_rating=4)
    assert inputs is not None
    assert [path.name for path in inputs] == ["ratings.csv", "movies.csv"]


@pytest.mark.real_data
def test_ml_100k_has_its_published_size() -> None:
    tables = MOVIELENS.run(real("ml-100k"))
    table = rows(tables)
    assert (table.height, table["user"].n_unique(), table["item"].n_unique()) == (100_000, 943, 1_682)
    assert tables.users.collect().height == 943
    films = tables.items.collect()
    assert films.height == 1_682
    assert films.row(0) == (1, "Toy Story", 1995, ["Animation", "Children's", "Comedy"])


@pytest.mark.real_data
def test_ml_1m_without_ratings_has_its_published_size_and_says_what_it_cannot_do() -> None:
    tables = MOVIELENS.run(real("ml-1m"))
    table = rows(tables)
    assert (table.height, table["user"].n_unique(), table["item"].n_unique()) == (1_000_209, 6_040, 3_706)
    assert tables.users.collect().height == 6_040
    assert tables.items.collect().height == 3_883
    if (real("ml-1m") / "ratings.dat").is_file():
        pytest.skip("this ml-1m has ratings")
    for option, value in (("minimum_rating", 4), ("since", "2000-01-01")):
        with pytest.raises(DataError, match=f"{option}: {value} needs a .*, and .* has none; leave it out"):
            MOVIELENS.run(real("ml-1m"), **{option: value})
