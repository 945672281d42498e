"""`reccl evaluate`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli import rules
from reccl.cli.completion import complete_data
from reccl.cli.console import Device, Json, Override, Quiet, RunName, Trust, hint, out, print_json, say, table
from reccl.errors import ConfigError, RunError

if TYPE_CHECKING:
    from reccl.config import Experiment
    from reccl.data.dataset import Dataset
    from reccl.evaluation import EvaluationResult
    from reccl.recommend import Model
    from reccl.recommend.record import TrainingRecord
    from reccl.recommend.rules import Rules

EXAMPLES = (
    "reccl evaluate",
    "reccl evaluate --metrics all --by genres --calibrate genres=0.5",
    "reccl evaluate --run movielens --split validation --json",
    "reccl evaluate --recs theirs.parquet --data ml-100k --record theirs",
)


class Metrics(StrEnum):
    """How much is measured."""

    accuracy = "accuracy"
    all = "all"


class Part(StrEnum):
    """Held-out parts."""

    validation = "validation"
    test = "test"


def evaluate(
    run: RunName = "latest",
    split: Annotated[Part, typer.Option(help="Held-out part to rank.")] = Part.test,
    metrics: Annotated[Metrics, typer.Option(help="All: also novelty, diversity, popularity, calibration.")] = (
        Metrics.accuracy
    ),
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of items for diversity and calibration; with all.")
    ] = None,
    recs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Lists of anyone in place of a model's: a table of user, item and rank or score."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --recs: a data set or config to measure on; default: the data of --run.",
            autocompletion=complete_data,
        ),
    ] = None,
    overrides: Override = None,
    record: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --recs: record the metrics as a run of this name.")
    ] = None,
    where: rules.Where = None,
    allow: rules.Allow = None,
    deny: rules.Deny = None,
    exclude: rules.Exclude = None,
    candidates: rules.Candidates = None,
    at_most: rules.AtMost = None,
    mmr: rules.MmrOption = None,
    calibrate: rules.Calibrate = None,
    device: Device = "auto",
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a recorded model again on its own data, for all users and for groups of users and items.

    With rules (see reccl recommend) the lists are measured before and after them, in accuracy and beyond it; with
    --metrics all without rules, beyond accuracy too.

    With --recs it measures the lists of another library on the same held-out rows: items that the user had, unknown
    ids, repeated items and short lists are counted; ids are read in the types of the data.
    """
    if recs is not None:
        ruled = (where, allow, deny, exclude, candidates, at_most, mmr, calibrate, by)
        if any(ruled) or metrics is Metrics.all:
            raise ConfigError("--recs measures lists as they are: leave out --metrics, --by and rules")
        from reccl.cli.evaluate_lists import check_file, evaluate_lists

        check_file(recs)
        evaluate_lists(recs, data, run, overrides or (), split.value, record, trust=trust, json=json)
        return
    if data or overrides or record:
        raise ConfigError("--data, --set and --record are for --recs: a run has its own data")
    from reccl.fitting import measure_part

    found = reopen(run, split.value, device, trust)
    names = found.names()
    chosen = rules.read_rules(names, where, allow, deny, exclude, candidates, at_most, mmr, calibrate)
    if chosen is not None or metrics is Metrics.all:
        measured = measure_beyond(found, split.value, chosen, by)
        if json:
            print_json({"run": found.id, "split": split.value, "metrics": measured})
        else:
            show_columns(f"{found.name} on {split.value}", measured)
        return
    if by:
        raise ConfigError("--by is for --metrics all, and for rules")
    again = measure_part(found.model.ranker, found.data, split.value, found.experiment)
    if not again:
        raise RunError(f"run {found.id} has no {split.value} rows")
    if json:
        print_json({"run": found.id, "split": split.value, "metrics": again.means()})
        return
    show(f"{found.name} on {split.value}", again)
    hint(f"reccl cold --run {found.id[:8]}; reccl compare")


@dataclass(frozen=True)
class Reopened:
    """A recorded run, ready to be measured."""

    id: str
    name: str
    model: "Model"
    experiment: "Experiment"
    data: "Dataset"  # as it was when the model was fitted: after a refit, its training rows hold the validation rows
    record: "TrainingRecord"

    def names(self) -> dict[str, str]:
        """How the data calls users and items."""
        return self.record.id_names()


def reopen(run: str, part: str, device: str, trust: bool = False) -> Reopened:
    """Find a run, load its model and prepare its data to measure `part`."""
    from reccl import config, tracking
    from reccl.recommend.record import read_record
    from reccl.training.device import resolve_device

    hardware = resolve_device(device)
    found = tracking.find(run, say)
    if base := found.data.tags.get(tracking.UPDATED_FROM):
        raise RunError(
            f"run {found.info.run_id} is run {base} with rows since its training, and may hold what would be measured: "
            f"measure that one, --run {base[:8]}"
        )
    model = tracking.model_of(found).to(hardware)
    experiment = config.loads(tracking.config_of(found), trust=trust)
    data = tracking.data_of(found, experiment.data, say)
    if data.fingerprint != found.data.tags.get("reccl.fingerprint"):
        raise RunError(f"the data of run {found.info.run_id} has changed since it was trained: train it again")
    if experiment.training.refit and "reccl.interrupted" not in found.data.tags and len(data.validation):
        if part == "validation":
            say("note: this run was refitted on train and validation rows, so validation is not unseen")
        else:
            data = data.merge_validation()
    record = read_record(tracking.model_folder(found))
    return Reopened(found.info.run_id, str(found.info.run_name), model, experiment, data, record)


def measure_beyond(found: Reopened, part: str, chosen: "Rules | None", by: str | None) -> dict[str, dict[str, float]]:
    """Accuracy and more of the model's lists, and of those under rules: name -> metric -> mean."""
    import torch

    from reccl.data.labels import Labels
    from reccl.evaluation import Evaluator
    from reccl.evaluation.beyond_accuracy import Listeners
    from reccl.recommend import extend_model
    from reccl.recommend.rules import ResolvedRules, select_top_k
    from reccl.recommend.rules.resolved import find_column
    from reccl.recommender import Recommender

    evaluation, longest = found.experiment.evaluation, max(found.experiment.evaluation.cutoffs)
    held_out = Evaluator.of(found.data, part, evaluation, groups=False)
    if not len(held_out.users):
        raise RunError(f"run {found.id} has no {part} rows")
    extended = extend_model(found.model.to(torch.device("cpu")))
    recommender = Recommender(extended.model, found.record)
    labels = None if by is None else Labels.of(find_column(found.record.item_table, by))
    vectors = torch.nn.functional.normalize(extended.model.scorer.item_embeddings, dim=1)
    listeners = Listeners(held_out.users, held_out.relevant[""], held_out.seen, vectors, labels)
    kinds = {"lists": ResolvedRules()}
    if chosen is not None:
        kinds = {"before": kinds["lists"], "after": recommender.resolve(chosen, extended, None, say)}
    measured = {}
    for name, resolved in kinds.items():
        chunks = select_top_k(extended.ranker, held_out.users, longest, held_out.seen, resolved)
        lists = torch.cat(
            [torch.nn.functional.pad(items, (0, longest - items.shape[1]), value=-1) for _, items, _ in chunks]
        )
        measured[name] = {key: value for k in evaluation.cutoffs for key, value in listeners.measure(lists, k).items()}
    return measured


def show_columns(title: str, measured: Mapping[str, Mapping[str, float]]) -> None:
    """Metrics of lists side by side."""
    made = table(title, "metric", *measured, right=tuple(measured))
    for name in next(iter(measured.values())):
        made.add_row(name, *(f"{means[name]:.4f}" for means in measured.values()))
    out.print(made)


def show(title: str, measured: "EvaluationResult") -> None:
    """All metrics of all users, then recall and NDCG of groups."""
    made = table(title, "metric", "value", right=("value",))
    for name, value in measured.means().items():
        if "/" not in name:
            made.add_row(name, f"{value:.4f}")
    out.print(made)
    if not (groups := measured.group_means()):
        return
    names = [name for name in measured.per_user if name.startswith(("recall", "ndcg"))]
    made = table("groups", "group", "users", *names, right=("users", *names))
    sizes = measured.group_sizes()
    for group, means in groups.items():
        count = f"{sizes[group]:,}" if group in sizes else "-"
        made.add_row(group, count, *(f"{means[name]:.4f}" for name in names))
    out.print()
    out.print(made)
