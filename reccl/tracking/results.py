"""Results: what a run ends with as a folder, which MLflow is given, and which stays where MLflow cannot take it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from reccl.config import flatten
from reccl.errors import RunError
from reccl.outcome import Outcome
from reccl.recommend import save
from reccl.recommend.record import write_record
from reccl.signals import shield_from_signals
from reccl.tracking.run import Run, epoch_metrics
from reccl.tracking.store import patience, store
from reccl.tracking.tags import INTERRUPTED
from reccl.training import checkpoint

FORMAT = 1
MANIFEST, MODEL, FILES = "run.json", "model", "files"


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


def write_results(outcome: Outcome, run_id: str, folder: Path) -> None:
    """Write everything that a run ends with; the manifest comes last.

    `reccl.load(folder / "model")` reads the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save(outcome.model, folder / MODEL)
    write_record(outcome.record(), folder / MODEL)
    files = folder / FILES
    files.mkdir(exist_ok=True)
    if outcome.selected:
        (files / "selected.json").write_text(json.dumps(outcome.selected, indent=2))
    if outcome.test_result:
        (files / "per_user").mkdir(exist_ok=True)
        table = outcome.test_result.to_frame(outcome.data.user_ids)
        table.write_parquet(files / "per_user" / "test.parquet", compression="zstd")
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
        all_metrics(outcome),
        {**sizes, **({INTERRUPTED: "true"} if outcome.interrupted else {})},
        {key: str(value) for key, value in flatten(outcome.experiment).items()},
    )
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, **asdict(about)}, indent=2))


def read_results(folder: Path) -> Results:
    """What `write_results` wrote. Raises RunError where it is not such a folder."""
    try:
        about = json.loads((folder / MANIFEST).read_text())
        if about.pop("format") != FORMAT:
            raise RunError(f"{folder} is of another version of reccl: record it with that one")
        about["metrics"] = {int(step): values for step, values in about["metrics"].items()}
        return Results(**about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder} holds no results of a run ({type(error).__name__})") from None


def record_results(folder: Path, run: Run) -> None:
    """Give MLflow what is in the folder; what the run holds already is not written twice."""
    about = read_results(folder)
    run.api.get_run(run.id)  # within seconds, where the server is gone
    with patience():
        with shield_from_signals():
            for step, values in about.metrics.items():
                run.metrics(values, step)
            run.tags(about.tags)
        for path in sorted(path for path in (folder / FILES).rglob("*") if path.is_file()):
            with shield_from_signals():
                run.file(path, path.relative_to(folder / FILES).parent.as_posix().removeprefix("."))
        with shield_from_signals():
            run.model_folder(folder / MODEL)
            if INTERRUPTED not in about.tags:
                run.remove_tag(INTERRUPTED)  # of an earlier end, before the run was resumed
            run.end(about.status)


def all_metrics(outcome: Outcome) -> dict[int, dict[str, float]]:
    """Every number of a run by step: of each epoch, and at the step of the last epoch those of the end.

    So a run that is resumed after it was stopped by hand has the numbers of its new end beside those of the first.
    """
    metrics = {record.number: epoch_metrics(record) for record in outcome.fit.history}
    for record in outcome.tested_fit.history:
        metrics.setdefault(record.number, {}).update(
            {f"test_curve/{name}": value for name, value in record.test.items()}
        )
    last = len(outcome.fit.history) + (len(outcome.refit.history) if outcome.refit else 0)
    metrics.setdefault(last, {}).update(headline_metrics(outcome))
    return metrics


def headline_metrics(outcome: Outcome) -> dict[str, float]:
    """Metrics of the end of a run, by their names in MLflow."""
    names = {"validation": "validation_best", "test": "test", "best_on_test": "best_on_test"}
    measured = {
        f"{names[part]}/{name}": value for part, values in outcome.metrics.items() for name, value in values.items()
    }
    times = {f"time/{name}": value for name, value in outcome.timing.items()}
    return {**measured, **times, "best_epoch": outcome.fit.best_epoch}


def without_credentials(uri: str) -> str:
    """An address without the name and password in it.

    >>> without_credentials("https://me:secret@host:5000/path")
    'https://host:5000/path'
    """
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.netloc else uri
