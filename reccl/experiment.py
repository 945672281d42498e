"""The straight road: prepare -> learn -> evaluate -> record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from reccl import tracking
from reccl.clock import Clock, peak_memory
from reccl.cold_start import complete
from reccl.config import Experiment, dump, flat
from reccl.data.dataset import Dataset
from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.data.ingest.funnel import describe
from reccl.data.prepare import prepare
from reccl.encoders import Embeddings, Encoder
from reccl.encoders.tower import Towers
from reccl.errors import ConfigError, listed
from reccl.evaluation import EvaluationResult, Slices, ValidationMetric, evaluate
from reccl.recommend import Model
from reccl.scorers import Scorer, ScorerBuilder
from reccl.training import Epoch, Fit, Objective, Watch, fit
from reccl.training.device import resolve_device
from reccl.views import Plain


@dataclass(frozen=True)
class Outcome:
    """What a run ended with."""

    run: str
    fit: Fit
    validation: dict[str, float]
    test: dict[str, float]
    best_on_test: dict[str, float]  # empty unless training.best_on_test
    timing: dict[str, float]
    cold: tuple[str, ...] = ()  # users, items: sides whose cold nodes are a part of the test worth telling


def train(experiment: Experiment, *, device: str, say: Callable[[str], None], watch: Watch) -> Outcome:
    """Run an experiment from raw files to recorded metrics and a recorded model."""
    hardware, clock = resolve_device(device), Clock()
    with clock("prepare_seconds"):
        data = prepare(experiment.data, say)
    say(f"rows: {describe(data.counts)}")
    say(f"data: {described(data)}")
    require_metric(experiment, data)
    with (
        tracking.recorded(experiment.name, dump(experiment), flat(experiment), data) as run,
        TemporaryDirectory() as draft,
    ):
        keep = Path(draft) / "checkpoint.safetensors"
        with clock("train_seconds"):
            learned = learn(experiment, data, hardware, Recording(watch, run), keep=keep)
            fitted = learned.fit
        for section in ("scorer", "cold_start"):
            before, after = getattr(experiment, section), getattr(learned.settled, section)
            if after != before:
                changes = (f"{section}.{name}={value}" for name, value in after if value != getattr(before, name))
                say(f"chosen on validation: {', '.join(changes)}")
                run.tags({f"chosen_{section}": after.model_dump_json()})
        with clock("evaluate_seconds"):
            validation = means(measured(learned.scorer, data, "validation", experiment))
        looks, trained_on = fitted.history, data
        if experiment.training.refit and not fitted.interrupted and len(data.validation):
            say(f"refit on train and validation rows{f', {fitted.best_epoch} epochs' if fitted.best_epoch else ''}")
            with clock("refit_seconds"):
                stop = fitted.best_epoch or None
                refitted = learn(learned.settled, data.refit(), hardware, watch, stop_after=stop)
            fitted.interrupted, looks = refitted.fit.interrupted, refitted.fit.history
            learned, trained_on = (learned, data) if fitted.interrupted else (refitted, data.refit())
        with clock("evaluate_seconds"):
            tested = measured(learned.scorer, trained_on, "test", experiment)
            test = means(tested)
        flattered = best_look(looks, experiment.training.metric)
        timing = {**clock.seconds, **speed(fitted), "peak_memory_gib": peak_memory(hardware)}
        run.metrics({f"validation_best/{name}": value for name, value in validation.items()})
        run.metrics({f"test/{name}": value for name, value in test.items()})
        run.metrics({f"best_on_test/{name}": value for name, value in flattered.items()})
        for record in looks:
            run.metrics({f"test_curve/{name}": value for name, value in record.test.items()}, step=record.number)
        run.metrics({**{f"time/{name}": value for name, value in timing.items()}, "best_epoch": fitted.best_epoch})
        run.tags(
            {
                f"data.{name}": f"{value:.6g}" if name == "density" else str(value)
                for name, value in data.summary().items()
            }
        )
        if tested:
            run.file(write_per_user(tested, data, Path(draft)), "per_user")
        if keep.is_file():
            run.file(keep, "checkpoint")
        run.model(Model.of(learned.scorer, data, learned.towers))
        if fitted.interrupted:
            tracking.interrupted(run)
    slices = Slices.of(trained_on.train, len(data.user_ids), len(data.item_ids))
    return Outcome(run.id, fitted, validation, test, flattered, timing, slices.cold_sides(data.test))


@dataclass(frozen=True)
class Learned:
    """What came of training."""

    scorer: Scorer
    fit: Fit
    settled: Experiment  # with what was chosen on validation rows written down
    towers: Towers = field(default_factory=Towers)  # place new nodes by their features


def learn(
    experiment: Experiment,
    data: Dataset,
    device: torch.device,
    watch: Watch,
    *,
    stop_after: int | None = None,
    keep: Path | None = None,
) -> Learned:
    """Train on `data.train`, choose the epoch, then what scorer and cold_start leave open, on `data.validation`.

    A scorer without encoder is built at once.
    """
    graph = Graph.of(data.train, len(data.user_ids), len(data.item_ids)).to(device)
    features, validation_metric = FeatureTables.of(data), validation_metric_of(experiment, data, device)
    builder = experiment.scorer.builder(graph)
    if experiment.encoder is None:
        return placed(experiment, builder, None, Fit(), features, validation_metric)
    torch.manual_seed(experiment.seed)  # dropout
    fresh, drawn = torch.Generator().manual_seed(experiment.seed), torch.Generator(device).manual_seed(experiment.seed)
    encoder = experiment.encoder.build(graph, features, fresh).to(device)
    objective = Objective(experiment.objective, graph, drawn)
    whole = Plain().sample(graph, drawn)

    @torch.no_grad()
    def scored(encoder: Encoder) -> Scorer:
        return builder.build(objective.ranked_by(encoder(whole)))

    fitted = fit(
        encoder,
        objective,
        graph,
        experiment.training,
        seed=experiment.seed,
        watch=watch,
        validate=(lambda encoder: measure(scored(encoder), data, "validation", experiment))
        if len(data.validation)
        else None,
        look=(lambda encoder: measure(scored(encoder), data, "test", experiment))
        if experiment.training.best_on_test and not (experiment.training.refit and len(data.validation))
        else None,
        stop_after=stop_after,
        keep=keep,
    )
    with torch.no_grad():
        return placed(experiment, builder, objective.ranked_by(encoder(whole)), fitted, features, validation_metric)


def placed(
    experiment: Experiment,
    builder: ScorerBuilder,
    embeddings: Embeddings | None,
    fitted: Fit,
    features: FeatureTables,
    validation_metric: ValidationMetric | None,
) -> Learned:
    """The trained scorer, and nodes that were not trained on placed by their features where `cold_start` says so."""
    builder = builder.tuned_on(embeddings, validation_metric) if validation_metric else builder
    scorer, settled = builder.build(embeddings), experiment.model_copy(update={"scorer": builder.settings})
    if experiment.cold_start is None:
        towers = builder.settings.towers(embeddings) if embeddings else Towers()
        return Learned(scorer, fitted, settled, towers)
    whole = complete(
        experiment.cold_start, scorer, builder.graph, features, embeddings, validation_metric, experiment.seed
    )
    settled = settled.model_copy(update={"cold_start": whole.cold_start})
    return Learned(whole.scorer, fitted, settled, whole.towers)


def validation_metric_of(experiment: Experiment, data: Dataset, device: torch.device) -> ValidationMetric | None:
    """What chooses among scorers: the training metric on validation rows, where there are any."""
    if data.validation.is_empty():
        return None
    sizes = (len(data.user_ids), len(data.item_ids))
    return ValidationMetric.of(
        data.validation, data.known_before("validation"), *sizes, experiment.training.metric, device
    )


def measured(
    scorer: Scorer, data: Dataset, part: str, experiment: Experiment, *, groups: bool = True
) -> EvaluationResult | None:
    """Metrics of one held-out part, earlier interactions hidden, and those of groups; None where the part is empty.

    `data` is what the scorer was trained on: after a refit, `Dataset.refit()`. Its `train` rows make the groups.
    """
    if (rows := data.part(part)).is_empty():
        return None
    known = data.train if experiment.evaluation.hide == "train" else data.known_before(part)
    slices = Slices.of(data.train, len(data.user_ids), len(data.item_ids)) if groups else None
    return evaluate(scorer, rows, known, experiment.evaluation, slices)


def means(measured: EvaluationResult | None) -> dict[str, float]:
    """Every metric by name; empty where nothing was measured."""
    return measured.means() if measured else {}


def measure(scorer: Scorer, data: Dataset, part: str, experiment: Experiment) -> dict[str, float]:
    """Metrics of one held-out part as training looks at them: those of groups only where one of them chooses."""
    return means(measured(scorer, data, part, experiment, groups="/" in experiment.training.metric))


def require_metric(experiment: Experiment, data: Dataset) -> None:
    """Raise ConfigError where training.metric is that of a group that held-out rows which are looked at do not have."""
    training, (group, _, _) = experiment.training, experiment.training.metric.rpartition("/")
    fitted_last = data.refit() if training.refit and len(data.validation) else data
    looked_at = {"validation": data} | ({"test": fitted_last} if training.best_on_test else {})
    for part, seen in looked_at.items():
        there = Slices.of(seen.train, len(seen.user_ids), len(seen.item_ids)).groups(seen.part(part))
        if group and len(seen.part(part)) and group not in there:
            raise ConfigError(
                f"training.metric {training.metric!r}: the {part} rows of this split have no {group!r}; there are "
                f"{listed(there)}; splits with cold nodes are data.split.kind=cold_items and cold_users"
            )


def write_per_user(measured: EvaluationResult, data: Dataset, folder: Path) -> Path:
    """Test metrics of every user by raw id as test.parquet, for paired comparisons."""
    path = folder / "test.parquet"
    measured.table(data.user_ids).write_parquet(path, compression="zstd")
    return path


def best_look(history: Sequence[Epoch], metric: str) -> dict[str, float]:
    """The test metrics of the epoch whose `metric` on test was best, and that epoch; empty where nobody looked."""
    looks = [record for record in history if record.test]
    if not looks:
        return {}
    best = max(looks, key=lambda record: record.test[metric])
    return {**best.test, "epoch": best.number}


@dataclass(frozen=True)
class Recording:
    """Shows progress and records every epoch."""

    watch: Watch
    run: tracking.Run

    def begin(self, epochs: int, steps: int) -> None:
        """See `Watch`."""
        self.watch.begin(epochs, steps)

    def step(self) -> None:
        """See `Watch`."""
        self.watch.step()

    def epoch(self, record: Epoch, best: bool) -> None:
        """See `Watch`."""
        self.run.epoch(record)
        self.watch.epoch(record, best)


def described(data: Dataset) -> str:
    """Sizes in one line."""
    size = data.summary()
    return (
        f"{size['users']:,} users x {size['items']:,} items; train {size['train']:,}, "
        f"validation {size['validation']:,}, test {size['test']:,}; "
        f"{size['cold_users']:,} users and {size['cold_items']:,} items have no training row"
    )


def speed(fitted: Fit) -> dict[str, float]:
    """Means over the epochs."""
    history = fitted.history
    if not history:
        return {}
    return {
        "mean_epoch_seconds": sum(record.seconds for record in history) / len(history),
        "mean_interactions_per_second": sum(record.interactions_per_second for record in history) / len(history),
    }
