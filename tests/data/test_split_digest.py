"""The digest of a split: of pairs of original ids in parts, and of nothing else."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reccl.data.dataset import Dataset
from reccl.data.splits import RandomPerUser, StrongGeneralization, Temporal


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    """Pairs with parts; every user has a training row."""
    rows = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=30, unique=True))
    parts = draw(st.lists(st.sampled_from(["train", "validation", "test"]), min_size=len(rows), max_size=len(rows)))
    return pl.DataFrame(
        {"user": [u for u, _ in rows], "item": [i for _, i in rows], "part": ["train", "validation", *parts[2:]]}
    )


def digest(table: pl.DataFrame) -> tuple[str, str]:
    found = Dataset.from_frame(table, part="part").digest
    return found.parts, found.test


def content(table: pl.DataFrame) -> tuple[frozenset, frozenset]:
    """What the two digests stand for, as sets of text."""
    rows = {(str(user), str(item), part) for user, item, part in table.select("user", "item", "part").rows()}
    return frozenset(rows), frozenset((u, i, part.replace("validation", "train")) for u, i, part in rows)


@settings(max_examples=60, deadline=None)
@given(one=tables(), other=tables())
def test_two_digests_are_equal_where_the_pairs_of_every_part_are(one: pl.DataFrame, other: pl.DataFrame) -> None:
    for mine, theirs, ours, others in zip(digest(one), digest(other), content(one), content(other), strict=True):
        assert (mine == theirs) == (ours == others)


@settings(max_examples=30, deadline=None)
@given(table=tables(), seed=st.integers(0, 9))
def test_the_order_of_rows_repeats_and_the_type_of_ids_do_not_count(table: pl.DataFrame, seed: int) -> None:
    expected = digest(table)
    assert digest(table.sample(fraction=1, shuffle=True, seed=seed)) == expected
    assert digest(table.with_columns(pl.col("user", "item").cast(pl.String))) == expected
    assert digest(pl.concat([table, table[:1]])) == expected


@pytest.mark.parametrize(
    ("part", "changes"), [("train", (True, True)), ("validation", (True, True)), ("test", (True, True))]
)
def test_one_further_pair_in_any_part_is_another_split(part: str, changes: tuple[bool, bool]) -> None:
    table = pl.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 3], "part": ["train", "test", "train", "validation"]})
    more = pl.concat([table, pl.DataFrame({"user": [2], "item": [9], "part": [part]})])
    assert tuple(a != b for a, b in zip(digest(table), digest(more), strict=True)) == changes


def test_ids_that_run_together_are_told_apart() -> None:
    parts = ["train", "train", "test"]
    one = pl.DataFrame({"user": ["a\n1:b", "c", "c"], "item": ["x", "x", "y"], "part": parts})
    other = pl.DataFrame({"user": ["a", "b\n1:c", "b\n1:c"], "item": ["x", "x", "y"], "part": parts})
    assert digest(one) != digest(other)


def test_a_seed_of_the_split_or_what_is_given_makes_another_one(planted: pl.DataFrame) -> None:
    splits = [RandomPerUser(), RandomPerUser(seed=1), Temporal(), StrongGeneralization(), StrongGeneralization(seed=1)]
    found = [Dataset.from_frame(planted, timestamp="timestamp", split=split).digest for split in splits]
    assert len({each.parts for each in found}) == len({each.test for each in found}) == len(splits)
    again = Dataset.from_frame(planted.reverse(), timestamp="timestamp", split=StrongGeneralization())
    assert again.digest == found[3]


def test_it_is_pinned() -> None:
    """A published digest that changed with a version would lock its figures."""
    table = pl.DataFrame({"user": [1, 1, 2], "item": ["b", "a", "a"], "part": ["train", "test", "train"]})
    import hashlib

    text = b"user 2\n1:1\n1:2\nitem 2\n1:a\n1:b\n"
    train = b"train 2\n" + b"".join(n.to_bytes(4, "little") for n in (0, 1, 1, 0))
    whole = text + train + b"test 1\n" + b"".join(n.to_bytes(4, "little") for n in (0, 0))
    assert digest_without_validation(table) == hashlib.sha256(whole).hexdigest()[:32]


def digest_without_validation(table: pl.DataFrame) -> str:
    split = {"kind": "predefined", "validation": 0}
    return Dataset.from_frame(table, part="part", split=split).digest.test
