"""`reccl similar` and `reccl explain` print what the library gives, and refuse the rest in one line."""

import json

import pytest


def test_similar_items_and_users(shop) -> None:
    answer = shop("similar", "--run", "planted", "--items", "10,13", "-k", 2, "--json")
    assert answer.code == 0, answer.err
    rows = json.loads(answer.out)
    assert [row["item"] for row in rows] == [10, 10, 13, 13]
    assert list(rows[0]) == ["item", "similar_item", "similarity", "rank"]
    answer = shop("similar", "--run", "planted", "--users", "u001", "-k", 3)
    assert answer.out.splitlines()[0].split() == ["user", "similar_user", "similarity", "rank"]
    assert len(answer.out.splitlines()) == 4


def test_an_explanation_names_the_score_and_the_items_that_carry_it(shop) -> None:
    answer = shop("explain", "--run", "planted", "--user", "u001", "--item", 10, "-k", 3)
    assert answer.code == 0, answer.err
    first, header, *rows, last = answer.out.splitlines()
    assert first.startswith("user u001, item 10: score ")
    assert header.split() == ["item", "contribution", "share"]
    assert len(rows) == 3
    assert "the rest: " in last and "an estimate, since the model is trained" in last
    answer = shop("explain", "--run", "planted", "--user", "u001", "--item", 10, "--json")
    told = json.loads(answer.out)
    assert told["source"] == "model" and not told["exact"]
    total = sum(part["contribution"] for part in told["contributions"])
    assert told["score"] == pytest.approx(total + told["rest"], abs=1e-4)


def test_a_new_user_is_explained_by_a_history(shop, tmp_path) -> None:
    (tmp_path / "today.csv").write_text("user,item\nzoe,10\nzoe,13\n")
    answer = shop("explain", "--run", "planted", "--user", "zoe", "--item", 16, "--history", tmp_path / "today.csv")
    assert answer.code == 0, answer.err
    assert "by fold_in" in answer.out


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("similar",), 2, "similar to what? Name --items or --users"),
        (("similar", "--items", "10", "--users", "u001"), 2, "similar to what?"),
        (("similar", "--items", "9999"), 1, "item '9999' is not known to this model"),
        (("similar", "--users", "zoe"), 1, "user 'zoe' is not known to this model"),
        (("explain", "--user", "zoe", "--item", "10"), 1, "user 'zoe' is not known"),
        (("explain", "--user", "u001", "--item", "x"), 1, "item 'x' is not known"),
        (("similar", "--items", "10", "--item-columns", "title"), 1, "no column title"),
    ],
)
def test_what_cannot_be_is_one_line(shop, words: tuple[str, ...], code: int, line: str) -> None:
    assert shop(*words).refusal(code).startswith(line)


def test_export_writes_a_folder_and_spares_other_folders(shop, tmp_path) -> None:
    answer = shop("export", "--run", "planted", "--out", tmp_path / "v")
    assert answer.code == 0, answer.err
    assert "200 users and " in answer.out
    assert {path.name for path in (tmp_path / "v").iterdir()} == {
        "users.npy",
        "items.npy",
        "users.parquet",
        "items.parquet",
        "vectors.json",
    }
    assert shop("export", "--run", "planted", "--out", tmp_path / "v", "--format", "parquet").code == 0
    assert shop("export", "--out", tmp_path).refusal(2).endswith("is there and is no export; choose another folder")
