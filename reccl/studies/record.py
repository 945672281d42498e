"""Record: what a study has found, as files of its folder and in its run in MLflow."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from reccl import tracking
from reccl.atomic import atomic_path
from reccl.redaction import redact_values
from reccl.studies.load import Study
from reccl.studies.result import StudyResult

if TYPE_CHECKING:
    from reccl.tracking import Run


def study_run(study: Study, before: str) -> Any:
    """The study's run in MLflow, the same one each time that it is gone on with."""
    settings = study.settings
    tags = {
        "study.data": ", ".join(settings.data),
        "study.configs": ", ".join(settings.configs),
        "study.seeds": ", ".join(map(str, settings.seeds)),
        "study.budget": settings.budget.describe(),
    }
    return tracking.parent_run(f"{settings.name} (study)", "study", tags, reopen=before)


def record_study(parent: "Run", result: StudyResult) -> None:
    """Table, claims and plot, in the folder and in MLflow; newer ones replace older ones."""
    from reccl.studies.plots import plot_forest
    from reccl.tracking.card import NOTE, command_line

    settings = result.settings
    claims = "\n".join([*result.claims_text(), "", *result.notes()]) + "\n"
    texts = {
        "results.md": result.markdown(),
        "results.tex": result.latex(),
        "results.csv": result.csv(),
        "claims.txt": claims,
        "study.yaml": yaml.safe_dump(redact_values(settings.model_dump(mode="json")), sort_keys=False),
    }
    for name, text in texts.items():
        with atomic_path(result.folder / name) as draft:
            draft.write_text(text, encoding="utf-8")
        parent.text(name, text)
    if any(claim.findings for claim in result.claims):
        path = result.folder / "forest.png"
        with atomic_path(path) as draft:
            plot_forest(settings.name, result.claims, list(settings.data), settings.metrics[0], Path(draft))
        parent.file(path, "plots")
    counts = {"finished": len(result.runs), "failed_rows": result.failed}
    parent.metrics({name: float(value) for name, value in counts.items()}, step=len(result.runs))
    lines = [result.markdown(), *(f"- {line}" for line in result.claims_text()), "", *result.notes(), ""]
    parent.tags({NOTE: cut_lines([*lines, f"`{command_line()}`"], 5000)})


def cut_lines(lines: list[str], longest: int) -> str:
    """As many lines as MLflow takes letters of a tag."""
    text = "\n".join(lines)
    return text if len(text) <= longest else text[:longest].rsplit("\n", 1)[0] + "\n..."
