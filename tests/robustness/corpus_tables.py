"""More bad inputs: ids of odd types, files that are not what their ending says, ids that match nobody, bombs."""

import gzip
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import polars as pl

from tests.robustness.corpus import GOOD, POPULAR, Case, Lay, flip, write

IDS = {
    "are NaN alone": ([float("nan")] * 4, "left no rows"),
    "are missing alone": ([None] * 4, "left no rows"),
    "are maps": ([{"id": 1}] * 4, "Struct"),
    "are lists": ([[1]] * 4, "List"),
    "are bytes that are no text": ([b"\xff\xfe"] * 4, "bytes that are no"),
    "are fractions": ([1.5, 2.0] * 2, "1.5"),
    "are infinite": ([float("inf"), 2.0] * 2, "inf"),
}
PAIRS = [(f"{user:04d}", item, 100) for user in range(20) for item in range(8)]
ROWS = pl.DataFrame(PAIRS, ["user", "item", "at"], orient="row")
TEXT = ROWS.write_csv().encode()


def more_tables() -> Iterator[Case]:
    """All of them."""
    for make in (odd_ids, disguises, folders, strangers, ids_of_another_type, bombs, words):
        yield from make()


def trains(name: str, says: str, lay: Lay, keys: str = "", file: str = "t.csv") -> Case:
    """A training on a file that is laid first."""

    def lay_all(folder: Path) -> None:
        write("t.yaml", POPULAR.format(keys=keys).replace("t.csv", file))(folder)
        lay(folder)

    return Case(name, ("train", "--config", "t.yaml"), says, lay_all)


def odd_ids() -> Iterator[Case]:
    """Parquet files whose ids cannot be ids."""
    for side in ("user", "item"):
        for name, (values, says) in IDS.items():

            def lay(folder: Path, side: str = side, values: list[object] = values) -> None:
                ids = {"user": [1, 2, 3, 4], "item": [1, 2, 3, 4], side: values}
                pl.DataFrame(ids, strict=False).write_parquet(folder / "t.parquet")

            yield trains(f"{side} ids that {name}", says, lay, file="t.parquet")


def disguises() -> Iterator[Case]:
    """Files that are something else than their ending says."""
    contents: dict[str, tuple[str, bytes | Callable[[Path], object], str]] = {
        "Parquet called CSV": ("t.csv", lambda path: ROWS.write_parquet(path), "set format: parquet"),
        "Arrow called CSV": ("t.csv", lambda path: ROWS.write_ipc(path), "set format: arrow"),
        "a spreadsheet called CSV": ("t.csv", b"PK\x03\x04" + bytes(60), "spreadsheet"),
        "a database called CSV": ("t.csv", b"SQLite format 3\x00" + bytes(60), "database"),
        "CSV called Parquet": ("t.parquet", TEXT, "t.parquet"),
        "CSV called Arrow": ("t.arrow", TEXT, "t.arrow"),
        "CSV called JSON": ("t.jsonl", TEXT, "line 1"),
        "gzip cut in half": ("t.csv.gz", gzip.compress(TEXT)[: len(gzip.compress(TEXT)) // 2], "t.csv.gz"),
        "gzip with a flipped byte": ("t.csv.gz", flip(gzip.compress(TEXT), 40), "t.csv.gz"),
        "a gzip header alone": ("t.csv.gz", b"\x1f\x8b\x08\x00", "t.csv.gz"),
        "zstd that is none": ("t.csv.zst", b"nothing", "t.csv.zst"),
        "bzip2 that is none": ("t.csv.bz2", b"nothing", "t.csv.bz2"),
        "xz that is none": ("t.csv.xz", b"nothing", "t.csv.xz"),
        "UTF-16 cut within a character": ("t.csv", TEXT.decode().encode("utf-16")[:-1], "utf-16"),
        "a header in two lines": ("t.csv", b'user,"item\nnumber"\n1,2\n', "header"),
    }
    for name, (file, content, says) in contents.items():

        def lay(folder: Path, file: str = file, content: bytes | Callable[[Path], object] = content) -> None:
            (folder / file).write_bytes(content) if isinstance(content, bytes) else content(folder / file)

        yield trains(f"a file that is {name}", says, lay, file=file)


def folders() -> Iterator[Case]:
    """Folders of files that do not fit together, and times that cannot be split."""
    contents: dict[str, tuple[dict[str, bytes], str]] = {
        "one without ids": ({"a.csv": TEXT, "b.csv": ROWS.drop("user").write_csv().encode()}, "b.csv"),
        "one of another format": ({"a.csv": TEXT, "b.jsonl": b'{"user": "1", "item": 2}'}, "mixes formats"),
        "headers alone": ({"a.csv": b"user,item\n", "b.csv": b"item,user\n"}, "left no rows"),
        "empty files alone": ({"a.csv": b"", "b.csv": b"\n"}, "empty"),
        "a ragged one": ({"a.csv": TEXT, "b.csv": b"user,item\n1,2\n1,2,3\n"}, "b.csv, line 3"),
        "nothing": ({}, "no table files"),
    }
    for name, (files, says) in contents.items():

        def lay(folder: Path, files: dict[str, bytes] = files) -> None:
            inside = folder / "parts"
            inside.mkdir(exist_ok=True)
            for old in inside.iterdir():
                old.unlink()
            for file, content in files.items():
                (inside / file).write_bytes(content)

        yield trains(f"a folder of {name}", says, lay, file="parts")
    split = ", timestamp: at, split: {kind: temporal}"
    yield trains("all times equal under a temporal split", "one time stay together", write("t.csv", TEXT), split)


def strangers() -> Iterator[Case]:
    """Tables of users and items whose ids match nobody."""
    numbers = pl.DataFrame({"user": [1, 2, 3], "item": [108, 109, 110], "size": [1, 2, 3]})
    texts = numbers.with_columns(pl.col("user", "item").cast(pl.String).str.zfill(6))
    gaps = numbers.with_columns(pl.when(pl.col("size") < 3).then(pl.col("user", "item")).cast(pl.Float64))
    for side in ("users", "items"):
        for name, table in {"numbers": numbers, "padded text": texts, "numbers with gaps": gaps}.items():
            for ending in ("csv", "parquet"):

                def lay(folder: Path, table: pl.DataFrame = table, ending: str = ending) -> None:
                    (folder / "t.csv").write_bytes(TEXT)
                    path = folder / f"features.{ending}"
                    table.write_csv(path) if ending == "csv" else table.write_parquet(path)

                keys = f", {side}: features.{ending}"
                if side == "items" and name == "padded text":
                    yield trains(f"{side} whose ids are {name}, {ending}", "whole number", lay, keys)
                else:
                    yield trains(f"{side} whose ids are {name}, {ending}", f"no {side[:-1]} of the table", lay, keys)


def ids_of_another_type() -> Iterator[Case]:
    """Files of users, new users, new items and history with ids of another type than the model's: text users, numbers
    for items.
    """
    recommend = ("recommend", "--run", "planted", "--out", "lists.csv")
    files: dict[str, tuple[str, pl.DataFrame, str]] = {
        "numbers as users": ("--users", pl.DataFrame({"user": [1, 2]}), "known"),
        "fractions as users": ("--users", pl.DataFrame({"user": [1.5, 2.5]}), "user"),
        "dates as users": ("--users", pl.DataFrame({"user": [date(2024, 1, 1)]}), "user"),
        "maps as users": ("--users", pl.DataFrame({"user": [{"id": "u001"}]}), "user"),
        "lists as users": ("--users", pl.DataFrame({"user": [["u001"]]}), "user"),
        "missing users alone": ("--users", pl.DataFrame({"user": [None, None]}), "users"),
        "numbers as users of a history": ("--history", pl.DataFrame({"user": [1, 2], "item": [10, 10]}), "user"),
        "words as items of a history": ("--history", pl.DataFrame({"user": ["u001"], "item": ["sku"]}), "sku"),
        "fractions as items of a history": ("--history", pl.DataFrame({"user": ["u001"], "item": [1.5]}), "1.5"),
        "lists as items of a history": ("--history", pl.DataFrame({"user": ["u001"], "item": [[1]]}), "item"),
        "maps as new users": ("--new-users", pl.DataFrame({"user": [{"id": 1}]}), "user"),
        "missing new users": ("--new-users", pl.DataFrame({"user": ["new", None]}), "id"),
        "fractions as new items": ("--new-items", pl.DataFrame({"item": [0.5], "size": [1]}), "0.5"),
        "words as new items": ("--new-items", pl.DataFrame({"item": ["new"], "size": [1]}), "new"),
        "bytes as new items": ("--new-items", pl.DataFrame({"item": [b"\xff"], "size": [1]}), "item"),
    }
    for name, (option, table, says) in files.items():

        def lay(folder: Path, table: pl.DataFrame = table) -> None:
            table.write_parquet(folder / "new.parquet")

        yield Case(f"{name} in a file", (*recommend, option, "new.parquet"), says, lay)


def bombs() -> Iterator[Case]:
    """Texts of a megabyte that take long to read, and numbers that cannot be written."""
    texts = {
        "half a million values": f"epochs: [{'1,' * 500_000}]",
        "a value a line": "epochs:\n" + "- 1\n" * 250_000,
        "a number of base 60": f"epochs: 1{':59' * 300_000}",
        "a number of base 16": f"epochs: 0x{'f' * 900_000}",
        "brackets": "epochs: " + "[" * 500_000,
        "dashes": "epochs: " + "- " * 400_000,
    }
    for name, text in texts.items():
        content = GOOD[: GOOD.index("training")] + f"training:\n  {text}\n" if "\n" not in text else f"{text}\n"
        yield Case(f"config: {name}", ("train", "--config", "bad.yaml"), "bad.yaml", write("bad.yaml", content))


def words() -> Iterator[Case]:
    """Digits that are none, values too long to show, and a cache that is a file."""
    lines = {
        "cold --shots ²": "shots",
        f"cold --shots {'9' * 5000}": "shots",
        f"train --config good.yaml --set {'a' * 5000}": "key=value",
        f"train --config good.yaml --set seed=0x{'f' * 5000}": "digits",
        f"train --config good.yaml --set name={'n' * 5000}": "name",
        f"data fetch {'d' * 5000}": "data set",
    }
    for line, says in lines.items():
        yield Case(f"reccl {line[:60]}", tuple(line.split(" ")), says)
    lay, environment = write("a-file", "text"), {"RECCL_CACHE": "a-file/cache"}
    yield Case("a cache below a file", ("train", "--config", "good.yaml"), "RECCL_CACHE", lay, environment)
