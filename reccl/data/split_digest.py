"""Split digest: which pairs of original ids are in which part, as one short text, whatever the order of rows."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from reccl.data.columns import ITEM, PARTS, TEST, TRAIN, USER
from reccl.data.ids import IdMap
from reccl.data.pairs import distinct_keys
from reccl.lazy import np

if TYPE_CHECKING:
    from reccl.data.dataset import Dataset

LENGTH = 32
"""Letters of a digest."""
ROWS = 2**20
"""Pairs that are written at once."""


@dataclass(frozen=True)
class SplitDigest:
    """What a data set's numbers are of, exactly: equal digests are equal train, validation and test pairs."""

    parts: str
    """Of train, validation and test apart, and of the rows given of held-out users where there are some."""
    test: str
    """With validation as a part of train: who was to predict which pairs from which. Published files, which have no
    validation part, are known by it, however many validation rows are drawn from their train."""

    @classmethod
    def of(cls, data: "Dataset") -> "SplitDigest":
        """The digests of a data set.

        >>> from reccl.data.dataset import Dataset
        >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "item": [1, 2, 1], "part": ["train", "test", "train"]})
        >>> one, other = (Dataset.from_frame(some, part="part") for some in (rows, rows.reverse()))
        >>> one.digest == other.digest
        True
        """
        given = {f"given_{part}": rows for part, rows in data.given.items()}
        apart = {**{part: data.part(part) for part in PARTS}, **given}
        joined = {TRAIN: pl.concat([data.train, data.validation]), TEST: data.test, **given}
        return cls(*(digest_parts(data.user_ids, data.item_ids, parts) for parts in (apart, joined)))


def digest_parts(users: IdMap, items: IdMap, parts: Mapping[str, pl.DataFrame]) -> str:
    """SHA-256, 32 hex letters, of parts (row numbers): their ids as text, sorted, then each part's distinct pairs."""
    key, ranks = hashlib.sha256(), dict[str, np.ndarray[Any, np.dtype[np.int64]]]()
    for side, ids in ((USER, users), (ITEM, items)):
        present = pl.concat([rows[side] for rows in parts.values()]).unique()
        named = pl.DataFrame({side: present, "id": ids.ids.gather(present).cast(pl.String)}).sort("id")
        texts = named.select(pl.format("{}:{}", pl.col("id").str.len_bytes(), pl.col("id")).str.join("\n")).item()
        key.update(f"{side} {named.height}\n{texts or ''}\n".encode())
        ranks[side] = np.zeros(len(ids), np.int64)
        ranks[side][named[side].to_numpy()] = np.arange(named.height)
    size = max(1, len(items))
    for part, rows in parts.items():
        pairs = ranks[USER][rows[USER].to_numpy()] * size  # [n]
        pairs += ranks[ITEM][rows[ITEM].to_numpy()]
        pairs = distinct_keys(pairs)
        key.update(f"{part} {len(pairs)}\n".encode())
        for start in range(0, len(pairs), ROWS):
            key.update(np.stack(np.divmod(pairs[start : start + ROWS], size), 1).astype("<i4").tobytes())
    return key.hexdigest()[:LENGTH]
