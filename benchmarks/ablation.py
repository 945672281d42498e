"""Ablation: what best.yaml loses by each of its parts, and what each part reaches alone.

python benchmarks/ablation.py --data gowalla [--k 20] [--set KEY=VALUE ...]

The embeddings are trained as `reccl train` does, pilot and refit included, once for all rows of the table; then for
each part the blend's weights are selected anew on validation rows without it, and what was selected is refitted and
reads the test rows once. A part alone has nothing to weigh. Parts that do not fit the data set are left out, as ever.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from reccl.config import Experiment, load
from reccl.data.prepare import prepare
from reccl.distributed import ALONE
from reccl.evaluation import Evaluator
from reccl.fitting import fit_encoder, selection_metric
from reccl.pilot import try_candidates
from reccl.scorers import ScorerBuilder, ScorerSettings
from reccl.training import Callback

CPU = torch.device("cpu")


def measure(experiment: Experiment) -> Iterator[tuple[str, dict[str, float], float, dict[str, float]]]:
    """Name, weights, validation metric (of the users who select) and test metrics of each row of the table."""
    data, name = prepare(experiment.data), experiment.training.metric
    metric = selection_metric(experiment, data, CPU)
    assert metric is not None
    chosen, trials, built = try_candidates(experiment, data, CPU)
    for trial in trials:
        print(trial.describe(), flush=True)
    graph, features, epochs = data.build_graph(), data.build_feature_tables(), chosen.training.epochs
    builder = chosen.scorer.builder(graph, built)
    embeddings, _ = fit_encoder(chosen, data, graph, features, builder, Callback(), None, None, None, ALONE)
    settled = builder.tuned_on(embeddings, metric).settings  # what each part leaves open by itself
    assert embeddings is not None
    rows: dict[str, ScorerSettings] = {}
    values: dict[str, float] = {}
    fitting = [part for part, weight in builder.weights.items() if weight]
    for row, weights in propose(fitting):
        open_weights = {"weights": {**chosen.scorer.weights, **weights}, "tune_weights": not row.endswith(" alone")}
        blend = chosen.scorer.model_copy(update={"parts": settled.parts, **open_weights})
        tuned: ScorerBuilder = blend.builder(graph, builder).tuned_on(embeddings, metric)
        rows[row], values[row] = tuned.settings, float(metric(metric.score(tuned.build(embeddings))))
    whole, tested = data, graph
    if experiment.training.refit and len(data.validation):
        del graph, builder, tuned, embeddings
        whole = data.merge_validation()
        tested = whole.build_graph()
        plain = rows["all"].builder(tested)
        embeddings, _ = fit_encoder(chosen, whole, tested, features, plain, Callback(), epochs, None, None, ALONE)
    evaluator = Evaluator.of(whole, "test", experiment.evaluation, groups=False, device=CPU)
    before: ScorerBuilder | None = None
    for row, settings in rows.items():
        before = settings.builder(tested, before)
        k = name.rpartition("_at_")[2]
        means = evaluator(before.build(embeddings)).means()
        weights = {part: settings.weights[part] for part in fitting}
        yield row, weights, values[row], {each: means[f"{each}_at_{k}"] for each in ("recall", "ndcg")}


def propose(parts: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    """All parts, all but one, and each alone: the weights that are fixed."""
    yield "all", {}
    for part in parts:
        yield f"without {part}", {part: 0.0}
    for part in parts:
        yield f"{part} alone", {other: float(other == part) for other in parts}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", default="ml-100k")
    arguments.add_argument("--k", type=int, default=20)
    arguments.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of best.yaml")
    arguments.add_argument("--json", type=Path)
    chosen = arguments.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    shared = [f"data={chosen.data}", f"training.metric=ndcg_at_{chosen.k}", f"evaluation.cutoffs=[{chosen.k}]"]
    experiment, began, kept = load("best.yaml", [*shared, *chosen.set]), time.process_time(), []
    print(f"{'blend':24s} validation  Recall@{chosen.k}    NDCG@{chosen.k}  weights", flush=True)
    for row, weights, value, test in measure(experiment):
        used = ", ".join(f"{part} {weight:g}" for part, weight in weights.items() if weight)
        print(f"{row:24s} {value:10.4f} {test['recall']:10.4f} {test['ndcg']:10.4f}  {used}", flush=True)
        kept.append({"row": row, "weights": weights, "validation": value, **test})
    print(f"{time.process_time() - began:.0f} s of CPU")
    if chosen.json:
        chosen.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
