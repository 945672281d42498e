"""Parts: recommendations of any number of users as a folder of Parquet files, each for a block of users."""

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from reccl.atomic import draft_folder
from reccl.data.columns import RUN_ID
from reccl.errors import ConfigError, DataError
from reccl.recommend.target import open_target
from reccl.recommend.write import write_arrow

PART_USERS = 100_000
"""Users of one part."""
PLAN = b"reccl.plan"
"""Where a part says, in the metadata of its Parquet file, what it is a part of."""
Lists = Callable[[pl.Series], Iterable[pl.DataFrame]]
"""The recommendations of some users, as tables."""
Watch = Callable[[pl.DataFrame], object]
"""Hears of rows."""
Engine = Literal["local", "ray"]
"""What scores the parts."""


@dataclass(frozen=True)
class Plan:
    """What the parts are of: the same plan gives the same parts, on whatever machine."""

    run_id: str
    users: int
    part_users: int
    request: Mapping[str, object]  # what else decides what is written, such as k

    @property
    def parts(self) -> int:
        """How many there are."""
        return -(-self.users // self.part_users)

    def path(self, folder: Path, part: int) -> Path:
        """The file of one part."""
        return folder / f"part-{part:05}.parquet"

    def place(self, part: int) -> range:
        """Where the users of a part stand among all, sorted."""
        return range(part * self.part_users, min(self.users, (part + 1) * self.part_users))


@dataclass(frozen=True)
class Shard:
    """One machine's share of the parts: those with part % count = number - 1."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, words: str) -> "Shard":
        """From `3/16`. Raises ConfigError for anything else.

        >>> Shard.parse("3/16")
        Shard(number=3, count=16)
        """
        number, _, count = words.partition("/")
        if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count) <= 1_000_000):
            raise ConfigError(f"--shard {words}: write it as --shard 3/16, the third of sixteen")
        return cls(int(number), int(count))

    def parts(self, plan: Plan) -> range:
        """Its parts."""
        return range(self.number - 1, plan.parts, self.count)


@dataclass(frozen=True)
class Written:
    """What one call of `write_parts` did."""

    rows: int
    parts: int
    kept: int  # parts of the shard that were there already
    missing: int  # parts that other shards have still to write
    users: int  # of the parts that were written


def open_parts(folder: Path, plan: Plan, shard: Shard, *, resume: bool) -> None:
    """Make the folder. Raises ConfigError where it holds anything but parts of the same plan.

    With `resume`, finished parts are kept; without it, there must be none of this shard.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft_folder(folder / "part"):  # what killed processes left goes, and it can be written to
            there = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot write to {folder}: {error.strerror}; choose another --out") from None
    expected = {plan.path(folder, part) for part in range(plan.parts)}
    for path in there:
        check_part(path, plan, expected)
    done = sum(plan.path(folder, part) in there for part in shard.parts(plan))
    if done and not resume:
        raise ConfigError(
            f"{folder} has {done:,} finished parts of the same request: add --resume, or choose another --out"
        )


def check_part(path: Path, plan: Plan, expected: Container[Path]) -> None:
    """Raise ConfigError for a file that is no part of the plan."""
    there = read_plan(path)
    if there is None:
        raise ConfigError(
            f"--out {path.parent} holds {path.name}, which is no part of such lists; choose another folder"
        )
    asked = json.loads(json.dumps(asdict(plan)))
    differing = [key for key in asked if key != "request" and there.get(key) != asked[key]]
    before, now = there.get("request", {}), asked["request"]
    differing += [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if differing or path not in expected:
        raise ConfigError(
            f"{path.parent} was begun with another {', '.join(differing) or 'number of parts'}: "
            "choose another --out, or ask for the same"
        )


def read_plan(path: Path) -> dict[str, Any] | None:
    """What a file says it is a part of; None for any other file."""
    try:
        found = json.loads((pq.read_schema(path).metadata or {})[PLAN])
    except (OSError, KeyError, ValueError, pa.ArrowException):
        return None
    return found if isinstance(found, dict) else None


def write_parts(
    lists: Lists,
    users: pl.Series,
    folder: Path,
    plan: Plan,
    shard: Shard | None = None,
    *,
    engine: Engine = "local",
    ray_address: str | None = None,
    watch: Watch = lambda _: None,
) -> Written:
    """Write the parts of a shard that are not there yet; each appears whole or not at all.

    Args:
        lists: gives the recommendations of some users; for Ray, a `Listing`.
        users: all users, unique and sorted, whatever the shard.
        folder: see `open_parts`, which comes first.
        plan: what the parts are of.
        shard: this machine's share; all of it without one.
        engine: scored by this process, or by Ray Data (`reccl.recommend.ray_parts`); the parts are the same.
        ray_address: of a Ray cluster that runs; without one, Ray is started on this machine and ended again.
        watch: is called with the rows that are written.

    Columns of a part: those of the lists (user, item, score, rank, source, ...) and run_id.
    """
    shard, rows = shard or Shard(), 0
    left = list_missing(folder, plan, shard)
    blocks = ((part, users[plan.place(part).start : plan.place(part).stop]) for part in left)
    if engine == "ray":
        from reccl.recommend.ray_parts import score_parts

        with closing(score_parts(lists, list(blocks), plan, ray_address)) as scored:
            for part, content in scored:
                with open_target(plan.path(folder, part)) as file:
                    file.write(content)
                table = pl.read_parquet(content)
                rows += table.height
                watch(table)
    else:
        for part, some in blocks:
            with open_target(plan.path(folder, part)) as file:
                rows += write_part(watched(lists(some), watch), file, plan)
    served, missing = sum(len(plan.place(part)) for part in left), list_missing(folder, plan, Shard())
    return Written(rows, len(left), len(shard.parts(plan)) - len(left), len(missing), served)


def list_missing(folder: Path, plan: Plan, shard: Shard) -> list[int]:
    """The parts of a shard that are not there."""
    return [part for part in shard.parts(plan) if not plan.path(folder, part).exists()]


def watched(tables: Iterable[pl.DataFrame], watch: Watch) -> Iterator[pl.DataFrame]:
    """The same tables; each has been seen once the next is asked for."""
    for table in tables:
        yield table
        watch(table)


def write_part(tables: Iterable[pl.DataFrame], file: IO[bytes], plan: Plan) -> int:
    """Write the Parquet file of one part; the number of rows."""
    about, rows = {PLAN: json.dumps(asdict(plan)).encode()}, 0

    def open_writer(file: IO[bytes], schema: pa.Schema) -> pq.ParquetWriter:
        return pq.ParquetWriter(file, schema.with_metadata(about), compression="zstd")

    with write_arrow(file, open_writer) as append:
        for table in tables:
            append(table.with_columns(pl.lit(plan.run_id).alias(RUN_ID)))
            rows += table.height
    return rows
