"""Kept: what is found out of a run after its end, and stays with it."""

import json
from collections.abc import Mapping
from typing import Any

from reccl.tracking.run import Run
from reccl.tracking.store import client, store_errors
from reccl.tracking.tags import AUDIT

AUDIT_FILE = "audit.json"


def keep_audit(run_id: str, report: Mapping[str, Any], summary: str) -> None:
    """Store an audit with its run: a file, and a tag that says how many findings of each severity there are."""
    api = client()
    with store_errors():
        run = Run(run_id, api)
        run.text(AUDIT_FILE, json.dumps(report, indent=2))
        run.tag(AUDIT, summary)
