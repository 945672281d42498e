"""Ledger: what a study has finished, in files that are whole or not there, so that it is gone on with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reccl.atomic import atomic_path, lock
from reccl.errors import RunError
from reccl.lazy import pl
from reccl.studies.cell import Cell, CellResult, Tuned
from reccl.tracking import folder


@dataclass(frozen=True)
class Ledger:
    """The folder of a study that this process holds: mlruns/studies/NAME."""

    place: Path

    @property
    def run(self) -> str:
        """The id of its run in MLflow; empty where there is none yet."""
        return str(self.read("study").get("run", ""))

    def keep_run(self, identifier: str) -> None:
        """The study is recorded there."""
        self.write("study", {"run": identifier})

    def tuned(self, key: str) -> Tuned | None:
        """What a tuning that has ended has found."""
        found = self.read(f"tuned-{key}")
        return Tuned(**found) if found else None

    def keep_tuned(self, key: str, tuned: Tuned) -> None:
        """A tuning has ended."""
        self.write(f"tuned-{key}", asdict(tuned))

    def cell(self, key: str) -> CellResult | None:
        """What came of a cell that was finished; None also where a part of it is gone."""
        found, table = self.read(f"cell-{key}"), self.place / f"cell-{key}.parquet"
        if not found or not table.is_file():
            return None
        found.pop("cell", None)
        return CellResult(**found, per_user=pl.read_parquet(table))

    def keep_cell(self, key: str, cell: Cell, result: CellResult) -> None:
        """A cell is finished; the table of its users comes first."""
        assert result.per_user is not None
        with atomic_path(self.place / f"cell-{key}.parquet") as draft:
            result.per_user.write_parquet(draft)
        fields = {name: value for name, value in vars(result).items() if name != "per_user"}
        self.write(f"cell-{key}", {"cell": cell.describe(), **fields})

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file; empty where there is none. Raises RunError where it is none of ours."""
        path = self.place / f"{name}.json"
        try:
            found = json.loads(path.read_text()) if path.is_file() else {}
        except (OSError, ValueError) as error:
            raise RunError(f"cannot read {path}: {error}; remove it, so that its part runs again") from None
        return found if isinstance(found, dict) else {}

    def write(self, name: str, values: dict[str, Any]) -> None:
        """A JSON file, whole or not at all."""
        with atomic_path(self.place / f"{name}.json") as draft:
            draft.write_text(json.dumps(values, indent=2, default=str) + "\n")


@contextmanager
def open_ledger(name: str) -> Iterator[Ledger]:
    """The folder of a study, made where there is none and locked for this process.

    Raises RunError where another process holds it, or it cannot be written.
    """
    place, descriptor = folder() / "studies" / name, None
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / "lock").touch()
        descriptor = lock(place / "lock")
    except BlockingIOError:
        raise RunError(f"study {name!r} is being run by another process: wait, or name this one anew") from None
    except OSError as error:
        if not os.access(place, os.W_OK):
            raise RunError(f"cannot write {place}: {error.strerror}; change to a folder you may write to") from None
    try:
        yield Ledger(place)
    finally:
        if descriptor is not None:
            os.close(descriptor)
