"""Evaluate lists: `reccl evaluate --recs`, anyone's lists measured as ours are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reccl.cli.console import hint, out, print_json, say, table, warn
from reccl.errors import ConfigError, DataError, RunError

if TYPE_CHECKING:
    import polars as pl

    from reccl.config import Experiment
    from reccl.data.dataset import Dataset
    from reccl.evaluation import EvaluationResult
    from reccl.evaluation.lists import ListEvaluation

SAMPLED, WHOLE = 0.99, 0.2
"""Share of held-out pairs in lists, shorter than this share of the catalog, from which on lists look sampled."""


def evaluate_lists(
    recs: Path,
    data: str | None,
    run: str,
    overrides: Sequence[str],
    part: str,
    record: str | None,
    *,
    trust: bool,
    json: bool,
) -> None:
    """Measure a file of lists on a data set or config (`data`), else on the data of a run, and print what was found."""
    experiment, held = read_protocol(data, run, overrides, trust=trust)
    from reccl.evaluation.lists import NOTES, find_held_out

    given, counted, result = measure_file(recs, experiment, held, part)
    unusual = {name: getattr(counted, name) for name in NOTES}
    found = find_held_out(given, held, part)
    sampled = found >= SAMPLED and given.height < WHOLE * counted.users * len(held.item_ids)
    identifier = ""
    if record is not None:
        from reccl import tracking
        from reccl.config import flatten

        parameters = {key: value for key, value in flatten(experiment).items() if key.startswith(("data.", "evaluat"))}
        identifier = tracking.record_lists(record, {"name": record, **parameters}, held, result, unusual, part)
    if json:
        about = {"recs": str(recs), "split": part, "digest": held.digest.test, "users": counted.users}
        held_out = {"held_out_in_lists": found, "looks_sampled": sampled}
        print_json({**about, **unusual, **held_out, "metrics": result.means(), "run": identifier or None})
    else:
        from reccl.cli.evaluate import show

        show(f"{recs.name} on {part}, {counted.users:,} users", result)
        made = table("what was unusual", "what", "number", right=("number",))
        for name, number in unusual.items():
            made.add_row(name.replace("_", " "), f"{number:,}")
        out.print()
        out.print(made)
    if sampled:
        warn(
            f"note: {found:.0%} of the held-out pairs are in the lists: candidates were drawn around them, or the "
            "lists know the test; metrics of sampled candidates are not those of the whole catalog"
        )
    if identifier and not json:
        hint(f"reccl compare {identifier[:8]} ANOTHER-RUN")


def measure_file(
    recs: Path, experiment: "Experiment", held: "Dataset", part: str
) -> "tuple[pl.DataFrame, ListEvaluation, EvaluationResult]":
    """A file of lists: its rows, what was unusual about them, and their metrics, those of groups too."""
    from reccl.evaluation import Evaluator
    from reccl.evaluation.lists import evaluate_lists, fill_lists
    from reccl.recommend.id_tables import read_id_table
    from reccl.recommend.record import name_ids

    given = read_id_table(recs, name_ids(experiment.data))
    assert given is not None
    cutoffs, hide = experiment.evaluation.cutoffs, experiment.evaluation.hide
    counted = evaluate_lists(given, held, k=cutoffs, part=part, hide=hide)
    evaluator = Evaluator.of(held, part, experiment.evaluation)
    return given, counted, evaluator.measure_lists(fill_lists(given, held, evaluator.users, max(cutoffs)))


def read_protocol(data: str | None, run: str, overrides: Sequence[str], *, trust: bool) -> "tuple[Experiment, Dataset]":
    """What is measured on which data: of a config, of a data set by name, or of a recorded run."""
    from reccl import config as configs
    from reccl.bundle import find
    from reccl.config_file import read_yaml

    if data is None:
        if overrides:
            raise ConfigError("--set is for --data: a run's data is as it was")
        from reccl import tracking

        found = tracking.find(run, say)
        experiment = configs.loads(tracking.config_of(found), trust=trust)
        held = tracking.data_of(found, experiment.data, say)
        if held.fingerprint != found.data.tags.get("reccl.fingerprint"):
            raise RunError(f"the data of run {found.info.run_id} has changed since it was trained: name it by --data")
        return experiment, held
    path, _ = find(data, "configs", ".yaml")
    content, lines = ({"pipeline": None}, {}) if path is None else read_yaml(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not a config: it needs a key data, or a key pipeline")
    if "data" in content:
        experiment = configs.load(data, overrides)
    else:
        section = data if path is None else content
        origin = {("data", *key): f"{path}:{line}" for key, line in lines.items()}
        bare = {"name": "lists", "data": section, "scorer": {"kind": "popularity"}}
        experiment = configs.validate(bare, overrides, origin, f"--data {data}")
    from reccl.data.prepare import prepare

    return experiment, prepare(experiment.data, say)


def check_file(recs: Path) -> None:
    """Raise DataError where there is no such file, before long work."""
    if not recs.exists():
        raise DataError(f"no file {recs}; --recs needs a table with columns user, item and rank or score")
