"""Kept: what is found out of a run after its end, and stays with it; and lists of anyone, measured as a run."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reccl.data.dataset import Dataset
from reccl.evaluation import EvaluationResult
from reccl.evaluation.item_hits import write_item_hits
from reccl.tracking.headline import select_main
from reccl.tracking.label import DATA, name_data
from reccl.tracking.parent import parent_run
from reccl.tracking.run import Run
from reccl.tracking.store import client, store_errors
from reccl.tracking.tags import AUDIT, FINGERPRINT, LISTS, METRICS, SPLIT, SPLIT_TEST

AUDIT_FILE = "audit.json"


def keep_audit(run_id: str, report: Mapping[str, Any], summary: str) -> None:
    """Store an audit with its run: a file, and a tag that says how many findings of each severity there are."""
    api = client()
    with store_errors():
        run = Run(run_id, api)
        run.text(AUDIT_FILE, json.dumps(report, indent=2))
        run.tag(AUDIT, summary)


def record_lists(
    name: str,
    parameters: Mapping[str, Any],
    data: Dataset,
    result: EvaluationResult,
    unusual: Mapping[str, int],
    part: str,
) -> str:
    """A run without a model: metrics of anyone's lists, of every user too, so that it can be compared; its id."""
    tags = {
        FINGERPRINT: data.fingerprint,
        SPLIT: data.digest.parts,
        SPLIT_TEST: data.digest.test,
        DATA: name_data(parameters),
        **{f"lists.{key}": str(number) for key, number in unusual.items()},
    }
    means = {f"{part}/{key}": value for key, value in result.means().items()}
    with parent_run(name, LISTS, tags) as run:
        run.params(parameters)
        run.text(METRICS, json.dumps(means, indent=2))
        with tempfile.TemporaryDirectory() as draft:
            table = Path(draft) / f"{part}.parquet"
            result.to_frame(data.user_ids).write_parquet(table, compression="zstd")
            run.file(table, "per_user")
            if result.item_hits:
                write_item_hits(result.item_hits.to_frame(data.item_ids, data.item_table), table)
                run.file(table, "per_item")
        run.metrics({f"{part}/{key}": result.means()[key] for key in select_main(result.means(), "")})
        return run.id
