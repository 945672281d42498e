"""Template: a plan as a commented config that trains as it is."""

from typing import Any

import yaml

from reccl.bundle import locate_bundled
from reccl.config import validate
from reccl.config_file import read_yaml
from reccl.scaffold.annotated import annotate, flow, line
from reccl.scaffold.data_section import data_section
from reccl.scaffold.plan import Plan

MODEL = "best.yaml"
"""The bundled config whose model is written."""
SECTIONS = ("encoder", "objective", "scorer", "training", "evaluation")
WHY = """\
# The model of the bundled best.yaml: embeddings and closed forms, mixed by what validation rows say. NDCG@10 on
# MovieLens-100K as a CSV (random_per_user): .444 in 6 s on one core, popularity .219. On a made-up shop of 5,132 orders
# (temporal): .335 and .131. Others: reccl methods."""
COLD_START = """\
# Items and users that were not trained on are placed by their features."""
TARGET: dict[str, Any] = {"kind": "svd", "dimension": 64, "normalize": False}
"""What features predict: the closed forms of the model rank item by item, and have no embeddings."""


def config_text(plan: Plan, *, name: str, path: str, command: str) -> str:
    """The YAML, checked against the config classes.

    Args:
        plan: what is known of the files.
        name: of the run.
        path: where the YAML will stand.
        command: what made it, for its head.

    """
    head = [
        f"# {plan.interactions.path}: {plan.rows.rows:,} rows. Written by `{command}`.",
        f"# reccl train --config {path}",
        "#",
        "# Change what you like: a key that is left out has its default. `reccl config reference` explains every key.",
        *line(f"name: {flow(name)}", "Name of the run in `reccl runs`.", 0),
        *line("seed: 42", "Seed of initialization, negatives and batch order; the split has its own.", 0),
        "",
    ]
    data, sections, cold_start = data_section(plan), model(), cold_start_of(plan)
    whole = {"name": name, **yaml.safe_load("\n".join(data)), **sections, **cold_start}
    experiment = validate(whole, (), {}, path)
    lines = [*head, *data, "", *WHY.splitlines(), *annotate(sections, experiment)]
    if cold_start:
        lines += ["", *COLD_START.splitlines(), *annotate(cold_start, experiment)]
    return "\n".join(lines) + "\n"


def model() -> dict[str, Any]:
    """The model's sections of the bundled config."""
    raw, _ = read_yaml(locate_bundled("configs") / MODEL)
    return {section: raw[section] for section in SECTIONS if section in raw}


def cold_start_of(plan: Plan) -> dict[str, Any]:
    """The section `cold_start`, where there are features."""
    sides = {side: has_features(getattr(plan, side)) for side in ("items", "users")}
    if not any(sides.values()):
        return {}
    placed = {side: {"kind": "regression"} if has else None for side, has in sides.items()}
    return {"cold_start": {**placed, "target_scorer": TARGET}}


def has_features(table: Any) -> bool:
    """Whether a table has a column that a model can use."""
    return table is not None and any(each.kind for each in table.found)
