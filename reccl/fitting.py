"""Fitting: a Dataset and an Experiment to a trained model. Nothing is printed or recorded here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from reccl.cold_start import embed_cold_nodes
from reccl.cold_start.given_rows import GivenRows
from reccl.cold_start.sources import Sources, rank_unknown_by_popularity
from reccl.config import Experiment
from reccl.data.columns import WEIGHT
from reccl.data.dataset import Dataset
from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.data.pairs import drop_pairs
from reccl.determinism import fixed_order
from reccl.distributed import ALONE, Group, Shard
from reccl.distributed.graph import GraphShard
from reccl.encoders import Embeddings, Encoder
from reccl.encoders.sharded import collect_embeddings, shard_encoder
from reccl.encoders.tower import Towers
from reccl.errors import ConfigError, join_names
from reccl.evaluation import EvaluationResult, Evaluator, HeldOutMetric, Slices
from reccl.scorers import Scorer, ScorerBuilder, ScorerSettings, ValidationMetric
from reccl.training import Callback, Checkpoints, Fit, Objective, fit
from reccl.training.shared_checkpoints import SharedCheckpoints
from reccl.views import Plain
from reccl.warm_start import WarmStart


@dataclass(frozen=True)
class TrainedModel:
    """What training gives."""

    scorer: Scorer
    fit: Fit
    experiment: Experiment  # with everything that was selected on validation rows filled in
    towers: Towers  # embed new users and items by their features
    sources: Sources  # what the scores of each user and item rest on
    popularity: Tensor  # [I] weight or number of training interactions of each item

    @property
    def ranker(self) -> Scorer:
        """The scorer, with popularity for users and items about which nothing is known."""
        return rank_unknown_by_popularity(self.scorer, self.sources, self.popularity)

    def fold_in_given(self, data: Dataset, part: str) -> "TrainedModel":
        """The same with users who were not trained on placed by the rows that are given of them before `part`."""
        given = GivenRows.of(data, part, self.scorer.device)
        if given is None:
            return self
        scorer, sources = given.place(self.scorer, self.sources, self.towers, data.user_table)
        return replace(self, scorer=scorer, sources=sources)


def learn(
    experiment: Experiment,
    data: Dataset,
    device: torch.device,
    callback: Callback | None = None,
    *,
    epochs: int | None = None,
    checkpoints: Checkpoints | None = None,
    start: WarmStart | None = None,
    group: Group = ALONE,
    built: ScorerBuilder | None = None,
) -> TrainedModel:
    """Train on `data.train`; select the epoch, then the scorer's open settings and the calibration, on validation rows.

    Args:
        experiment: all settings.
        data: what to train on; without validation rows the last epoch counts and nothing else is selected.
        device: where parameters and graph live.
        callback: hears of every step and epoch.
        epochs: stop after so many, on the learning-rate schedule of all of `training.epochs` (for a refit).
        checkpoints: where the state of training is kept, and from where it goes on.
        start: parameters of an earlier run to begin with; None: those that the encoder's settings sample.
        group: the ranks that train together, of which this is rank 0; the others `assist`.
        built: of the same data and device, whose graph and closed forms are taken; None: they are computed.

    """
    with fixed_order(experiment.deterministic, device):
        graph = built.graph if built else data.build_graph(times=experiment.scorer.uses_times()).to(device)
        features = data.build_feature_tables()
        builder = experiment.scorer.builder(graph, built)
        embeddings, fitted = None, Fit()
        if experiment.encoder is not None:
            with torch.random.fork_rng():  # torch's layers draw first values of their own, before ours replace them
                hears = callback or Callback()
                embeddings, fitted = fit_encoder(
                    experiment, data, graph, features, builder, hears, epochs, checkpoints, start, group
                )
        metric = selection_metric(experiment, data, device)
        builder = select(builder, embeddings, metric)
        return place(experiment, builder, embeddings, fitted, features, metric)


def assist(
    experiment: Experiment, data: Dataset, device: torch.device, group: Group, *, epochs: int | None = None
) -> Fit:
    """What the other ranks do while rank 0 learns: their part of training the encoder."""
    with fixed_order(experiment.deterministic, device), torch.random.fork_rng():
        graph = data.build_graph(times=experiment.scorer.uses_times()).to(device)
        features = data.build_feature_tables()
        _, fitted = fit_encoder(experiment, data, graph, features, None, Callback(), epochs, None, None, group)
        return fitted


def fit_encoder(
    experiment: Experiment,
    data: Dataset,
    graph: Graph,
    features: FeatureTables,
    builder: ScorerBuilder | None,
    callback: Callback,
    epochs: int | None,
    checkpoints: Checkpoints | None,
    start: WarmStart | None,
    group: Group,
) -> tuple[Embeddings | None, Fit]:
    """Train the encoder; the embeddings of its best epoch, over the whole graph, on rank 0."""
    assert experiment.encoder is not None
    sampling = torch.Generator(graph.device).manual_seed(experiment.seed)
    encoder = experiment.encoder.build(graph, features, torch.Generator().manual_seed(experiment.seed))
    if start is not None:
        start.carry_into(encoder, start.check(experiment.encoder, data, experiment.evaluation), data)
    shard = None
    if group.size > 1:
        shard = Shard.of(graph.num_users, graph.num_items, group)
        shard_encoder(encoder, shard)
        graph = GraphShard.of(graph, shard)
    encoder = encoder.to(graph.device)
    objective = Objective(experiment.objective, graph, sampling, group)
    whole = Plain().sample(graph, sampling)

    @cache
    def evaluator(part: str) -> Evaluator:
        of_groups = "/" in experiment.training.metric  # metrics of groups are measured only where one selects
        return Evaluator.of(data, part, experiment.evaluation, groups=of_groups, device=graph.device)

    @cache
    def given(part: str) -> GivenRows | None:
        return GivenRows.of(data, part, graph.device)

    @torch.no_grad()
    def embed(encoder: Encoder) -> Embeddings | None:
        embeddings = collect_embeddings(encoder(whole), shard)
        return None if embeddings is None else objective.transform_for_ranking(embeddings)

    @torch.no_grad()
    def measure(encoder: Encoder, part: str) -> Mapping[str, float]:
        embeddings = embed(encoder)
        if embeddings is None or builder is None:  # rank 0 measures
            return group.share({})
        scorer, sources = builder.draft(embeddings), sources_of(graph, experiment.scorer, embeddings)
        if (rows := given(part)) is not None:
            scorer, sources = rows.place(scorer, sources)
        return group.share(evaluator(part)(rank_unknown_by_popularity(scorer, sources, graph.item_strength)).means())

    validated = len(data.validation) > 0
    best_on_test = experiment.training.best_on_test and not (experiment.training.refit and validated)
    fitted = fit(
        encoder,
        objective,
        graph,
        experiment.training,
        seed=experiment.seed,
        callback=callback,
        validate=(lambda encoder: measure(encoder, "validation")) if validated else None,
        test=(lambda encoder: measure(encoder, "test")) if best_on_test else None,
        stop_after=epochs,
        checkpoints=checkpoints if shard is None else SharedCheckpoints(checkpoints, group),
        shard=shard,
    )
    return embed(encoder), fitted


def selection_metric(experiment: Experiment, data: Dataset, device: torch.device) -> ValidationMetric | None:
    """The training metric on validation rows, which selects among scorers; None where there are no such rows."""
    if data.validation.is_empty():
        return None
    evaluator = Evaluator.of(data, "validation", experiment.evaluation, groups=False, device=device)
    return HeldOutMetric.of(evaluator, experiment.training.metric, GivenRows.of(data, "validation", device))


def select(builder: ScorerBuilder, embeddings: Embeddings | None, metric: ValidationMetric | None) -> ScorerBuilder:
    """The scorer's open settings (weights of a blend, a grid), selected on validation rows; without any, as written."""
    return builder if metric is None else builder.tuned_on(embeddings, metric)


def place(
    experiment: Experiment,
    builder: ScorerBuilder,
    embeddings: Embeddings | None,
    fitted: Fit,
    features: FeatureTables,
    metric: ValidationMetric | None,
) -> TrainedModel:
    """The trained scorer, with cold users and items placed by their features where `cold_start` says so."""
    graph = builder.graph
    selected = experiment.model_copy(update={"scorer": builder.settings})
    if experiment.cold_start is None or not builder.settings.learns():
        towers = builder.settings.towers(embeddings) if embeddings else Towers()
        sources = sources_of(graph, builder.settings, embeddings, towers)
        return TrainedModel(builder.build(embeddings), fitted, selected, towers, sources, graph.item_strength)
    result = embed_cold_nodes(experiment.cold_start, builder, features, embeddings, metric, experiment.seed)
    selected = selected.model_copy(update={"cold_start": result.cold_start})
    sources = sources_of(graph, builder.settings, embeddings, result.towers)
    return TrainedModel(result.scorer, fitted, selected, result.towers, sources, graph.item_strength)


def sources_of(
    graph: Graph, scorer: ScorerSettings, embeddings: Embeddings | None, towers: Towers | None = None
) -> Sources:
    """What scores of each user and item rest on: training rows, features that encoder or towers read, or nothing."""
    towers = towers or Towers()
    if not scorer.learns():
        return Sources.of_model(graph)
    return Sources.of(
        graph,
        users_by_features=towers.users is not None or bool(embeddings and embeddings.users_by_features),
        items_by_features=towers.items is not None or bool(embeddings and embeddings.items_by_features),
    )


def measure_part(
    scorer: Scorer, data: Dataset, part: str, experiment: Experiment, *, groups: bool = True
) -> EvaluationResult | None:
    """Metrics of one held-out part, seen items hidden, and those of groups; None where the part is empty.

    `data` is what the scorer was trained on: after a refit, `Dataset.merge_validation()`. Its `train` rows define the
    groups.
    """
    if data.part(part).is_empty():
        return None
    return Evaluator.of(data, part, experiment.evaluation, groups=groups, device=scorer.device)(scorer)


def note_unweighted(experiment: Experiment, data: Dataset) -> list[str]:
    """A line that names the parts that take interactions without their weights; none where all is well."""
    if WEIGHT not in data.train.columns:
        return []
    ignoring = {name: term.ignores_weights() for name, term in experiment.objective.items() if term.weight}
    parts = [f"objective.{name} ({what})" for name, what in ignoring.items() if what]
    if experiment.encoder is not None and not experiment.encoder.takes_weights:
        parts.insert(0, f"encoder {getattr(experiment.encoder, 'kind', type(experiment.encoder).__name__)}")
    return [f"note: weights are not used by {join_names(parts)}"] if parts else []


def means(result: EvaluationResult | None) -> dict[str, float]:
    """Every metric by name; empty where nothing was measured."""
    return result.means() if result else {}


def check_parts(experiment: Experiment, data: Dataset) -> None:
    """Raise what training on this data would end with: ConfigError for parts that do not go with the data or with each
    other, DataError for features that cannot be read, TrainingError for a scorer that does not fit its size.
    """
    check_metric(experiment, data)
    graph = data.build_graph(times=experiment.scorer.uses_times())
    experiment.scorer.check(graph)
    for each in (experiment, *experiment.candidates().values()):
        if each.encoder is not None:
            each.encoder.check(data.build_feature_tables())
    if experiment.cold_start is not None and experiment.scorer.learns():
        features, has_encoder = data.build_feature_tables(), experiment.encoder is not None
        experiment.cold_start.check(graph, features, experiment.scorer, has_encoder=has_encoder)


def check_metric(experiment: Experiment, data: Dataset) -> None:
    """Raise ConfigError where training.metric is that of a group which the held-out rows that it reads do not have, and
    where all held-out rows repeat pairs that are left out of the lists.
    """
    hide = experiment.evaluation.hide
    for part in ("validation", "test"):
        rows, hidden = data.part(part), data.hidden_before(part, hide)
        if len(rows) and drop_pairs(rows, hidden, len(data.item_ids)).is_empty():
            raise ConfigError(
                f"evaluation.hide {hide!r} leaves out what users had, and every {part} row is a repeat of that: "
                "set evaluation.hide=none"
            )
    training, (group, _, _) = experiment.training, experiment.training.metric.rpartition("/")
    final = data.merge_validation() if training.refit and len(data.validation) else data
    read = {"validation": data} | ({"test": final} if training.best_on_test else {})
    for part, trained_on in read.items():
        slices = Slices.of(trained_on.train, len(trained_on.user_ids), len(trained_on.item_ids))
        there = slices.present_groups(trained_on.part(part))
        if group and len(trained_on.part(part)) and group not in there:
            raise ConfigError(
                f"training.metric {training.metric!r}: the {part} rows of this split have no {group!r}; there are "
                f"{join_names(there)}; splits with cold nodes are data.split.kind=cold_items and cold_users"
            )
