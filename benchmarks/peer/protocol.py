"""Protocol: the rows that every library is given, and how the lists that it makes are measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reccl.cli.evaluate_lists import measure_file, read_protocol

if TYPE_CHECKING:
    from reccl.config import Experiment
    from reccl.data.dataset import Dataset

ODD = ("users_without_list", "unknown_items", "seen_items", "repeated_rows")
"""What lists should not have, as `reccl evaluate --recs` counts it."""


@dataclass(frozen=True)
class Measured:
    """What lists came to."""

    metrics: dict[str, float]  # recall_at_20, ndcg_at_10 ...
    per_user: pl.DataFrame  # user, and the same metrics
    odd: dict[str, int]


@dataclass(frozen=True)
class Protocol:
    """A data set with its split, as `reccl evaluate --recs --data NAME` reads it."""

    name: str
    experiment: "Experiment"
    data: "Dataset"
    rows: Path  # what workers read: train and validation pairs, and who needs lists; no test pair

    @classmethod
    def of(cls, name: str, overrides: Sequence[str], folder: Path) -> "Protocol":
        """Read the data and write the rows of train and validation for all libraries alike."""
        experiment, data = read_protocol(name, "", overrides, trust=False)
        folder.mkdir(parents=True, exist_ok=True)
        rows = folder / f"rows-{data.digest.parts}.npz"
        pairs = {part: data.part(part).select("user", "item").unique().sort("user", "item") for part in PARTS}
        users = {f"{part}_users": data.part(part)["user"].unique().sort().to_numpy() for part in ("validation", "test")}
        tables = {part: table.to_numpy() for part, table in pairs.items()}
        np.savez(rows, size=(len(data.user_ids), len(data.item_ids)), **tables, **users)
        return cls(name, experiment, data, rows)

    @property
    def k(self) -> int:
        """Length of the lists."""
        return max(self.experiment.evaluation.cutoffs)

    def measure(self, lists: np.ndarray, part: str, path: Path) -> Measured:
        """Write the lists of the users of a part ([n, k] row numbers, -1 where one ends) as Parquet, and measure it."""
        users = self.data.part(part)["user"].unique().sort()
        place, rank = np.nonzero(lists >= 0)
        items = pl.Series(lists[place, rank], dtype=pl.Int32)
        table = {"user": self.data.user_ids.to_ids(users.gather(place)), "item": self.data.item_ids.to_ids(items)}
        pl.DataFrame({**table, "rank": rank + 1}).write_parquet(path)
        _, counted, result = measure_file(path, self.experiment, self.data, part)
        odd = {name: number for name in ODD if (number := getattr(counted, name))}
        return Measured(result.means(), result.to_frame(self.data.user_ids), odd)


PARTS = ("train", "validation")
