"""Database: the runs of a SQLite store, read without MLflow, which takes seconds to import and to make a client.

Only where the tables are those of a known version of MLflow's schema; `read_runs` gives None where anything else is
found, and MLflow's client then reads, migrates or refuses the store.
"""

import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from reccl.tracking.stored_run import StoredData, StoredInfo, StoredRun

SCHEMAS = ("dc11669786a5",)
"""Versions of MLflow's schema that are read here: of MLflow 3.17."""
TIMEOUT = 10.0
"""Seconds to wait for a process that writes."""


def read_runs(path: Path, experiment: str) -> list[StoredRun] | None:
    """The active runs of an active experiment, newest first; None where MLflow has to look: see above.

    An experiment that is not there has no runs, and neither has a database that was not made yet.
    """
    if not path.exists():
        return []
    try:
        with opened(path) as connection:
            versions = connection.execute("select version_num from alembic_version").fetchall()
            if len(versions) != 1 or versions[0][0] not in SCHEMAS:
                return None
            found = connection.execute(
                "select experiment_id, lifecycle_stage from experiments where name = ?", (experiment,)
            ).fetchall()
            if not found:
                return []
            if len(found) > 1 or found[0][1] != "active":
                return None
            return list(select_runs(connection, path, found[0][0]))
    except (sqlite3.Error, OSError):
        return None


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that may only read."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=TIMEOUT)) as connection:
        yield connection


def select_runs(connection: sqlite3.Connection, path: Path, experiment: int) -> Iterator[StoredRun]:
    """The active runs of an experiment, newest first, in MLflow's order where two started at once."""
    of_experiment = "from runs where experiment_id = ? and lifecycle_stage = 'active'"
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    for run_id, key, value in connection.execute(
        f"select run_uuid, key, value from tags where run_uuid in (select run_uuid {of_experiment})", (experiment,)
    ):
        tags[run_id][key] = value
    columns = "run_uuid, name, status, start_time, end_time, artifact_uri, cast(experiment_id as text)"
    for row in connection.execute(
        f"select {columns} {of_experiment} order by start_time desc, run_uuid", (experiment,)
    ):
        info = StoredInfo(*row)
        data = StoredData(tags[info.run_id], partial(read_numbers, path, info.run_id))
        name = info.run_name or data.tags.get("mlflow.runName")
        yield StoredRun(replace(info, run_name=name), data)


def read_numbers(path: Path, run_id: str) -> tuple[dict[str, str], dict[str, float]]:
    """The parameters and the newest metrics of a run, as MLflow gives them."""
    with opened(path) as connection:
        params = dict(connection.execute("select key, value from params where run_uuid = ?", (run_id,)))
        rows = connection.execute("select key, value, is_nan from latest_metrics where run_uuid = ?", (run_id,))
        return params, {key: math.nan if is_nan else value for key, value, is_nan in rows}
