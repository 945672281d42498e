"""Cell: one training of a study: a method on a split of a data set with a seed, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reccl.config import Experiment, dump

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Group:
    """A method on a split of a data set: what is tuned once, and trained with every seed."""

    data: str
    method: str
    split: int | None
    """Seed of the split, or number of its window; None: that of the data set."""

    def describe(self) -> str:
        """In a few words.

        >>> Group("ml-100k", "ease", 43).describe()
        'ml-100k, ease, split 43'
        """
        return f"{self.data}, {self.method}" + ("" if self.split is None else f", split {self.split}")


@dataclass(frozen=True)
class Cell:
    """One training."""

    group: Group
    seed: int
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Key -> value, as they were tuned."""

    def describe(self) -> str:
        """In a few words."""
        return f"{self.group.describe()}, seed {self.seed}"


@dataclass(frozen=True)
class Tuned:
    """What the tuning of a group has found, and spent."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """Key -> value; empty where there was nothing to tune."""
    trials: int = 0
    """That have ended, failed ones included."""
    seconds: float = 0.0
    """Of training and validating, summed over trials."""
    space: str = ""
    """Digest of the space."""
    run: str = ""
    """Id of the tuning's run in MLflow."""
    error: str = ""
    """Why nothing was found."""


@dataclass(frozen=True)
class CellResult:
    """What came of a cell."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """On test rows."""
    timing: Mapping[str, float] = field(default_factory=dict)
    """Seconds by name, and energy_kwh where it was measured."""
    fingerprint: str = ""
    """Hash of the data."""
    split: str = ""
    """Digest of what was predicted from what (`SplitDigest.test`), which tells published splits."""
    test_share: float = 0.0
    """Test rows over all other rows."""
    run: str = ""
    """Id in MLflow."""
    per_user: pl.DataFrame | None = None
    """user and one column for each metric of the study that users have values of."""
    error: str = ""
    """Why there is none of these, in one line."""

    @property
    def seconds(self) -> float:
        """Of training, with the refit."""
        return sum(self.timing.get(f"{part}_seconds", 0.0) for part in ("train", "refit"))


def digest(*texts: str) -> str:
    """A short hash of texts."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def cell_key(experiment: Experiment) -> str:
    """What a finished cell is found by: equal where everything that decides its result is written alike."""
    return digest("cell", dump(experiment))
