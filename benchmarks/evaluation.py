"""Evaluation: full ranking with all metrics at one cut-off on Gowalla, ours beside one user at a time in NumPy.

python benchmarks/evaluation.py [--data gowalla] [--dimension 64] [--some 300]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from measured import title

from reccl.config import validate
from reccl.data.prepare import prepare
from reccl.evaluation import Evaluation, evaluate
from reccl.scorers import Scorer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", default="gowalla")
    arguments.add_argument("--dimension", type=int, default=64)
    arguments.add_argument("--some", type=int, default=300, help="users that the naive way is timed on")
    chosen = arguments.parse_args()
    experiment = validate({"name": "bench", "scorer": {"kind": "popularity"}, "data": chosen.data}, (), {}, "")
    data = prepare(experiment.data)
    torch.manual_seed(0)
    scorer = Scorer(
        torch.randn(len(data.user_ids), chosen.dimension), torch.randn(len(data.item_ids), chosen.dimension)
    )
    print(
        title(
            f"{chosen.data}: {len(data.user_ids):,} users x {len(data.item_ids):,} items, D {chosen.dimension}, k = 20"
        )
    )
    started = time.perf_counter()
    measured = evaluate(scorer, data.test, data.known_before("test"), Evaluation(cutoffs=(20,)))
    ours = time.perf_counter() - started

    known = dict(data.known_before("test").group_by("user").agg("item").iter_rows())
    relevant = dict(data.test.group_by("user").agg("item").iter_rows())
    users, items = scorer.user_embeddings.numpy(), scorer.item_embeddings.numpy()
    some = sorted(relevant)[: chosen.some]
    started, values = time.perf_counter(), []
    for user in some:
        scores = items @ users[user]
        scores[known.get(user, [])] = -np.inf
        best = np.argsort(-scores)[:20]
        hits = np.isin(best, relevant[user])
        gain = (hits / np.log2(np.arange(2, 22))).sum()
        values.append(gain / (1 / np.log2(np.arange(2, min(20, len(relevant[user])) + 2))).sum())
    naive = (time.perf_counter() - started) / len(some) * len(relevant)
    rows = {int(user): place for place, user in enumerate(measured.users.tolist())}
    ndcg = measured.per_user["ndcg_at_20"]
    assert np.allclose([float(ndcg[rows[user]]) for user in some], values, atol=1e-6)
    print(f"reccl, all metrics                         {ours:8.1f} s")
    print(f"one user at a time (from {len(some):,} users)        {naive:8.1f} s  {naive / ours:5.1f} x ours")


if __name__ == "__main__":
    main()
