"""Inductive: 10,000 new items and 10,000 new users on a trained model, without training; and how good their lists are.

python benchmarks/inductive.py [--config methods/svd.yaml] [--data ml-1m] [--set KEY=VALUE ...] [--new 10000]

A tenth of the users is kept out of training. Of these, k interactions drawn from their training rows are shown; their
test rows are relevant, and all their training rows are hidden at every k, so that only what is shown differs. "warm"
are the trained users on their own test rows. Features are placed by the run's content towers; a run that has
none gets towers that are least squares of its embeddings.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from dataclasses import replace

import numpy as np
import polars as pl
import torch
from measured import title
from torch import Tensor

from reccl import config
from reccl.cold_start.fold_in import fold_in
from reccl.data.dataset import Dataset
from reccl.data.features import FittedFeatures
from reccl.data.prepare import prepare
from reccl.data.user_items import UserItemCSR
from reccl.encoders.tower import Tower, Towers
from reccl.evaluation import Evaluation, evaluate
from reccl.fitting import learn
from reccl.recommend import Model, extend_model, recommend
from reccl.scorers import Scorer

SHOWN = (1, 2, 3, 5, 10, 20, 50, 1000)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", default="methods/svd.yaml")
    arguments.add_argument("--data", default="ml-1m")
    arguments.add_argument("--set", action="append", default=[], dest="overrides")
    arguments.add_argument("--new", type=int, default=10_000)
    chosen = arguments.parse_args()
    setting = config.load(chosen.config, [f"data={chosen.data}", *chosen.overrides])
    print(title(f"{chosen.config} on {chosen.data}, {' '.join(chosen.overrides)}"))
    whole = prepare(setting.data)
    random = np.random.default_rng(0)
    users = pl.Series(np.sort(random.permutation(len(whole.user_ids))[: len(whole.user_ids) // 10]).astype(np.int32))
    cold = pl.col("user").is_in(users.implode())
    parts = {name: whole.part(name).filter(~cold) for name in ("train", "validation", "test")}
    data = replace(whole, **parts)
    started = time.perf_counter()
    learned = learn(setting, data, torch.device("cpu"))
    scorer, towers = learned.scorer, learned.towers
    print(f"trained on {len(whole.user_ids) - len(users):,} users in {time.perf_counter() - started:.1f} s")
    if towers == Towers():
        towers = Towers(
            least_squares(data, "user", scorer.user_embeddings), least_squares(data, "item", scorer.item_embeddings)
        )
    model = Model.of(scorer, data, towers)
    speed(model, whole, chosen.new)
    quality(model, data, whole.known_before("test").filter(cold), whole.test.filter(cold), users)


def speed(model: Model, data: Dataset, new: int) -> None:
    """Seconds for everything between the tables and the lists."""
    before, random = digest(model), np.random.default_rng(1)

    def made(side: str, table: pl.DataFrame | None, known: int) -> pl.DataFrame:
        rows = pl.Series(random.integers(0, known, new))
        described = pl.DataFrame(height=new) if table is None else table[rows]
        highest = model.user_ids.ids.max() if side == "user" else model.item_ids.ids.max()
        return described.with_columns((pl.int_range(pl.len()) + 1 + highest).alias(side))

    users, items = made("user", data.user_table, len(data.user_ids)), made("item", data.item_table, len(data.item_ids))
    own = model.item_ids.ids.gather(pl.Series(random.integers(0, len(model.item_ids), 5 * new)))
    history = pl.DataFrame({"user": users["user"].gather(pl.int_range(5 * new, eager=True) // 5), "item": own})
    tables = {"new_users": users, "new_items": items if model.scorer.history is None else None, "history": history}
    for name, asked in (("new users", users["user"]), ("all users", None)):
        started = time.perf_counter()
        rows = sum(table.height for table in recommend(extend_model(model, **tables), asked, 20))
        print(f"{new:,} new users of 5 interactions, {new:,} new items, top 20 of {name}: ", end="")
        print(f"{rows:,} rows in {time.perf_counter() - started:.1f} s")
    assert digest(model) == before
    print("the model's tensors are the same to the byte")


def quality(model: Model, data: Dataset, shown: pl.DataFrame, relevant: pl.DataFrame, users: pl.Series) -> None:
    """NDCG@20 of held-out users by what is known of them, beside the trained users'."""
    scorer, size = model.scorer, (len(model.user_ids), len(model.item_ids))
    trained = UserItemCSR.from_interactions(data.train, *size)

    def ndcg(scorer: Scorer, relevant: pl.DataFrame, known: pl.DataFrame) -> float:
        return evaluate(scorer, relevant, known, Evaluation(cutoffs=(20,))).means()["ndcg_at_20"]

    warm = ndcg(scorer, data.test, data.known_before("test"))
    popular = Scorer(torch.ones(size[0], 1), torch.bincount(trained.item, minlength=size[1])[:, None].float())
    print(f"NDCG@20: warm {warm:.4f}; held-out users by popularity {ndcg(popular, relevant, shown):.4f}")
    rows = torch.from_numpy(users.to_numpy(writable=True)).long()
    described = torch.zeros(size[0], dtype=torch.bool).index_fill_(0, rows, True)
    by_features = scorer
    if model.towers.users is not None and data.user_table is not None:
        by_features = replace(scorer, user_embeddings=scorer.user_embeddings.clone())
        by_features.user_embeddings[rows] = model.towers.users.embed(data.user_table[users])
        print(f"k =    0: features {ndcg(by_features, relevant, shown):.4f}")
    order = shown.select("user", "item", chance=np.random.default_rng(2).random(shown.height)).sort("user", "chance")
    for k in SHOWN:
        history = UserItemCSR.from_interactions(order.group_by("user").head(k), *size)
        started = time.perf_counter()
        folded = fold_in(scorer, trained, history)
        seconds = time.perf_counter() - started
        alone = ndcg(folded, relevant, shown)
        line = f"k = {k:4d}: fold-in {alone:.4f} ({alone / warm:4.0%} of warm, {seconds:.1f} s)"
        if by_features is not scorer:
            both = fold_in(by_features, trained, history, feature_users=described, feature_prior=model.feature_prior)
            line += f", with features {ndcg(both, relevant, shown):.4f}"
        print(line)


def least_squares(data: Dataset, side: str, vectors: Tensor) -> Tower | None:
    """A linear tower from features to trained embeddings; None where there are no features."""
    table = data.user_table if side == "user" else data.item_table
    if table is None or not vectors.shape[1]:
        return None
    seen = pl.int_range(table.height, eager=True).is_in(data.train[side].cast(pl.Int64).unique().implode())
    features, rows = FittedFeatures.fit(table, seen), torch.from_numpy(seen.to_numpy(writable=True))
    x = torch.cat([features.transform(table), torch.ones(table.height, 1)], 1)[rows]  # [n, F + 1]
    weight = torch.linalg.solve(x.T @ x + torch.eye(x.shape[1]), x.T @ vectors[rows]).T  # [D, F + 1]
    unit = bool((vectors[rows].norm(dim=1) - 1).abs().max() < 1e-3)
    return Tower(features, ((weight[:, :-1].contiguous(), weight[:, -1].contiguous()),), unit)


def digest(model: Model) -> str:
    """Of all tensors."""
    held = [*model.scorer.tensors().values(), model.known.start, model.known.item, model.popularity]
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in held)).hexdigest()


if __name__ == "__main__":
    main()
