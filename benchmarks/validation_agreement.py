"""Agreement: do validation rows order models as the test rows do? Several ways to draw them, beside each other.

python benchmarks/validation_agreement.py --data gowalla [--kinds random mixed blocks] [--folder FOLDER]

Candidates are sums of what best.yaml blends: vectors of a full softmax at several temperatures, with more or less
popularity, and graph filter, sparse EASE and singular vectors beside them at several weights. For every way to draw
validation rows they are fitted on the other training rows and ranked by NDCG@20 of 5,000 users, and once for the test
on all training rows. Printed are all figures, the rank correlation (Spearman) of each way with the test, and what its
best candidate has on test. **This reads the test rows, to judge how validation is drawn: it is nothing to choose a
model by.** Figures are kept in FOLDER, and taken from there where a run of the same name is.
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn.functional import normalize

from reccl.config import Experiment, load
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare
from reccl.evaluation import Evaluator
from reccl.evaluation.evaluate import ALL
from reccl.fitting import learn
from reccl.scorers.weighted_sum import score_spread

DRAWN = {
    "test": ["data.split.validation=0"],
    "random": ["data.split.block_users=0"],
    "mixed": ["data.split.block_users=0.3"],
    "blocks": ["data.split.block_users=1"],
    "tail": ["data.validation_tail=0.1"],
}
"""Settings of each way to draw validation rows; the test has none, and takes all training rows."""
WEIGHTS = {"neighbors": (0.06, 0.12, 0.25, 0.5), "pairs": (0.03, 0.06, 0.12, 0.25), "directions": (0.12, 0.25)}
"""Of what stands beside the vectors, each in spreads of its own scores."""
CPU = torch.device("cpu")
BLOCK = 500
"""Users that are ranked at once."""


def measure(data: str, kind: str, temperatures: list[float], users: int, settings: list[str]) -> dict[str, float]:
    """NDCG@20 of every candidate."""
    shared = [f"data={data}", *DRAWN[kind], "pilot=null", "training.refit=false", "training.metric=ndcg_at_20"]
    blend = load("best.yaml", [*shared, *settings])
    dataset, began = prepare(blend.data), time.process_time()
    graph = dataset.build_graph()
    forms = {name: blend.scorer.parts[name] for name in WEIGHTS}
    forms = {name: getattr(part, "scorer", part).builder(graph).build(None) for name, part in forms.items()}
    spreads = {name: score_spread(form) for name, form in forms.items()}
    vectors = {each: train(dataset, each, [*shared, *settings]) for each in temperatures}
    part = "test" if kind == "test" else "validation"
    evaluator = Evaluator.of(dataset, part, blend.evaluation, groups=False, device=CPU)
    relevant, popularity = evaluator.relevant[ALL], graph.item_strength.clamp(min=1).log()  # [I]
    sample = torch.randperm(len(evaluator.users), generator=torch.Generator().manual_seed(0))[:users].sort().values
    found: dict[str, list[Tensor]] = {}
    discount = 1 / torch.arange(2, 22).double().log2()  # [20]
    for rows in evaluator.users[sample].split(BLOCK):
        scored = {name: form.scores(rows) / spreads[name] for name, form in forms.items()}  # [n, I] each
        cosines = {each: of_users[rows] @ of_items.T for each, (of_users, of_items) in vectors.items()}
        ideal = discount.cumsum(0)[relevant.counts[rows].clamp(max=20) - 1]  # [n]
        for name, scores in candidates(cosines, scored, popularity):
            scores[evaluator.seen.gather_pairs(rows)] = -torch.inf
            hits = relevant.contains(rows, scores.topk(20, 1).indices).double()  # [n, 20]
            found.setdefault(name, []).append((hits * discount).sum(1) / ideal)
    print(f"{kind}: {len(dataset.train):,} rows to train on, {time.process_time() - began:.0f} s of CPU", flush=True)
    return {name: float(torch.cat(each).mean()) for name, each in found.items()}


def train(dataset: Dataset, temperature: float, settings: list[str]) -> tuple[Tensor, Tensor]:
    """Unit vectors of users and items, [U, D] and [I, D]."""
    scorer = "scorer={kind: embedding, similarity: cosine}"
    experiment: Experiment = load("best.yaml", [*settings, f"objective.ranking.temperature={temperature}", scorer])
    fitted = learn(experiment, dataset, CPU).scorer
    return normalize(fitted.user_embeddings), normalize(fitted.item_embeddings)


def candidates(
    cosines: dict[float, Tensor], scored: dict[str, Tensor], popularity: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Name and scores [n, I] of each."""
    for name, scores in scored.items():
        yield name, scores.clone()
    for (temperature, cosine), share in itertools.product(cosines.items(), (1, 0.75, 0.5)):
        vectors, name = cosine + share * temperature * popularity, f"vectors {temperature:g}, popularity {share:g}"
        yield name, vectors.clone()
        if share == 0.75 or (share == 1 and temperature <= 0.1):
            vectors /= vectors.std(1).mean()
            for part, weights in WEIGHTS.items():
                for weight in weights:
                    yield f"{name} + {weight:g} {part}", vectors + weight * scored[part]
            for weight in (0.12, 0.25):
                both = vectors + weight * scored["neighbors"] + 0.06 * scored["pairs"]
                yield f"{name} + {weight:g} neighbors + 0.06 pairs", both


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", default="gowalla")
    arguments.add_argument("--kinds", nargs="+", default=["random", "mixed", "blocks"], choices=[*DRAWN][1:])
    arguments.add_argument("--temperatures", nargs="+", type=float, default=[0.1, 0.16, 0.2])
    arguments.add_argument("--users", type=int, default=5000)
    arguments.add_argument("--folder", type=Path)
    arguments.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of best.yaml")
    chosen = arguments.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    figures: dict[str, dict[str, float]] = {}
    for kind in ("test", *chosen.kinds):
        kept = chosen.folder / f"{chosen.data}-{kind}.json" if chosen.folder else None
        if kept and kept.is_file():
            figures[kind] = json.loads(kept.read_text())
            continue
        figures[kind] = measure(chosen.data, kind, chosen.temperatures, chosen.users, chosen.set)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(figures[kind], indent=1))
    names = list(figures["test"])
    print(f"{'candidate':55s}" + "".join(f"{kind:>8s}" for kind in figures))
    for name in names:
        print(f"{name:55s}" + "".join(f"{each[name]:8.4f}" for each in figures.values()))
    test = [figures["test"][name] for name in names]
    for kind in chosen.kinds:
        values = figures[kind]
        best = max(names, key=lambda name: values[name])
        rank = spearmanr(test, [values[name] for name in names])[0]
        print(f"{kind}: rank correlation {rank:.2f}; its best, {best}, has {figures['test'][best]:.4f} on test, where")
        print(f"  the best of all has {max(test):.4f}")


if __name__ == "__main__":
    main()
