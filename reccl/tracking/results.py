"""Results: what a run ends with as a folder, which MLflow is given, and which stays where MLflow cannot take it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from reccl.config import flatten
from reccl.errors import RunError
from reccl.evaluation.item_hits import write_item_hits
from reccl.outcome import Outcome
from reccl.recommend import save
from reccl.recommend.record import write_record
from reccl.signals import shield_from_signals
from reccl.tracking.card import NOTE, write_card, write_note
from reccl.tracking.headline import all_metrics, curve_on_test, epoch_metrics, headline_metrics
from reccl.tracking.label import name_model
from reccl.tracking.run import Run
from reccl.tracking.store import patience, store
from reccl.tracking.tags import INTERRUPTED, METRICS
from reccl.training import checkpoint

FORMAT, READABLE = 2, (1, 2)
MANIFEST, MODEL, FILES = "run.json", "model", "files"
NOTE_LENGTH = 5000
"""Most letters that MLflow takes as a tag, and more than a note has."""


@dataclass(frozen=True)
class Results:
    """What is in a folder of results beside the model and the files."""

    run: str
    name: str
    store: str  # without credentials
    status: str
    metrics: Mapping[int, Mapping[str, float]]  # step -> name -> value
    tags: Mapping[str, str]
    params: Mapping[str, str]
    headline: Mapping[str, float] = field(default_factory=dict)  # of the end; in format 1 they are among the metrics


def write_results(outcome: Outcome, run_id: str, folder: Path) -> None:
    """Write everything that a run ends with; the manifest comes last.

    `reccl.load(folder / "model")` reads the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save(outcome.model, folder / MODEL)
    write_record(outcome.record(), folder / MODEL)
    files = folder / FILES
    files.mkdir(exist_ok=True)
    (files / METRICS).write_text(json.dumps(all_metrics(outcome), indent=2))
    (files / "model_card.md").write_text(write_card(outcome, run_id))
    if outcome.selected:
        (files / "selected.json").write_text(json.dumps(outcome.selected, indent=2))
    if outcome.trials:
        (files / "pilot.json").write_text(json.dumps([asdict(trial) for trial in outcome.trials], indent=2))
    if outcome.test_result:
        (files / "per_user").mkdir(exist_ok=True)
        table = outcome.test_result.to_frame(outcome.data.user_ids)
        table.write_parquet(files / "per_user" / "test.parquet", compression="zstd")
        if outcome.test_result.item_hits:
            (files / "per_item").mkdir(exist_ok=True)
            of_items = outcome.test_result.item_hits.to_frame(outcome.data.item_ids, outcome.data.item_table)
            write_item_hits(of_items, files / "per_item" / "test.parquet")
    if outcome.fit.state:
        checkpoint.save(outcome.fit.state, files / "checkpoint" / "checkpoint.safetensors")
    sizes = {
        f"data.{name}": f"{value:.6g}" if name == "density" else str(value)
        for name, value in outcome.data.summary().items()
    }
    about = Results(
        run_id,
        outcome.experiment.name,
        without_credentials(store()),
        "KILLED" if outcome.interrupted else "FINISHED",
        curves(outcome),
        {**sizes, NOTE: write_note(outcome)[:NOTE_LENGTH], **({INTERRUPTED: "true"} if outcome.interrupted else {})},
        {key: str(value) for key, value in flatten(outcome.experiment).items()},
        headline_metrics(outcome),
    )
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, **asdict(about)}, indent=2))


def read_results(folder: Path) -> Results:
    """What `write_results` wrote. Raises RunError where it is not such a folder."""
    try:
        about = json.loads((folder / MANIFEST).read_text())
        if about.pop("format") not in READABLE:
            raise RunError(f"{folder} is of another version of reccl: record it with that one")
        about["metrics"] = {int(step): values for step, values in about["metrics"].items()}
        return Results(**about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder} holds no results of a run ({type(error).__name__})") from None


def record_results(folder: Path, run: Run) -> None:
    """Give MLflow what is in the folder; what the run holds already is not written twice."""
    about = read_results(folder)
    held = run.api.get_run(run.id)  # within seconds, where the server is gone
    # Numbers without a curve stand at step 0. A run that was stopped by hand and resumed has those of its new end at a
    # later step, beside the first.
    ends = [number for name, number in run.recorded if name in about.headline]
    step = max(ends, default=-1) + 1 if INTERRUPTED in held.data.tags else 0
    with patience():
        with shield_from_signals():
            for number, values in about.metrics.items():
                run.metrics(values, number)
        for path in sorted(path for path in (folder / FILES).rglob("*") if path.is_file()):
            with shield_from_signals():
                run.file(path, path.relative_to(folder / FILES).parent.as_posix().removeprefix("."))
        with shield_from_signals():
            model = run.model_folder(folder / MODEL, name_model(str(held.info.run_name)))
            run.model_metrics(about.headline, step, model, held)
            run.tags(about.tags)
            if INTERRUPTED not in about.tags:
                run.remove_tag(INTERRUPTED)  # of an earlier end, before the run was resumed
            run.end(about.status)


def curves(outcome: Outcome) -> dict[int, dict[str, float]]:
    """The numbers of every epoch, by step."""
    chosen_by = outcome.experiment.training.metric
    metrics = {record.number: epoch_metrics(record, chosen_by) for record in outcome.fit.history}
    for record in outcome.tested_fit.history:
        metrics.setdefault(record.number, {}).update(curve_on_test(record, chosen_by))
    return metrics


def without_credentials(uri: str) -> str:
    """An address without the name and password in it.

    >>> without_credentials("https://me:secret@host:5000/path")
    'https://host:5000/path'
    """
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.netloc else uri
