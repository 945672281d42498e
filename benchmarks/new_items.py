"""New items: the share of everybody's lists that they get, beside that of trained items like them, and how good it is.

python benchmarks/new_items.py [--config best ...] [--data ml-100k] [--by time] [--seeds 3] [--k 20] [--share 0 0.1]

New items are those without training rows: those whose first interaction is latest (`--by time`, a fifth of them), or a
fifth drawn at random (`--by chance`); half of them in validation, half in test. The rows of the other items are
train, validation and test 8:1:1. "exposed" is the share of all places of all lists that new items have, "like" the
share that as many trained items of the same genre and decade have, each as often as it stands in the lists, "chosen"
the share of test rows that are of new items. Recall@k of all test rows, and of those of new and of trained items.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import polars as pl
from measured import title

import reccl
from reccl.data.dataset import Dataset

COLUMNS = ("exposed", "like", "chosen", "recall", "new recall", "trained recall")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", nargs="+", default=["best"])
    arguments.add_argument("--data", default="ml-100k")
    arguments.add_argument("--by", choices=("time", "chance"), default="time")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--k", type=int, default=20)
    arguments.add_argument("--share", nargs="+", type=float, default=[0.0])
    chosen = arguments.parse_args()
    print(title(f"new items by {chosen.by}, {chosen.data}, {chosen.seeds} seeds, lists of {chosen.k}"))
    print(f"| config | share asked for | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 2)}")
    for config in chosen.config:
        measured: dict[float, list[list[float]]] = {share: [] for share in chosen.share}
        for seed in range(1, chosen.seeds + 1):
            data = hold_out(reccl.load_dataset(chosen.data, progress=False), chosen.by, seed)
            model = reccl.train(config, data, seed=seed, progress=False, training={"refit": False})
            for share in chosen.share:
                rules = reccl.Rules(new_item_share=share) if share else None
                measured[share].append(list(measure(model.recommend(k=chosen.k, rules=rules), data)))
        for share, runs in measured.items():
            spread = zip(np.mean(runs, 0), np.std(runs, 0), strict=True)
            print(f"| {config} | {share:g} | {' | '.join(f'{m:.4f} ± {s:.4f}' for m, s in spread)} |", flush=True)


def hold_out(whole: Dataset, by: str, seed: int) -> Dataset:
    """The data set with a fifth of its items new."""
    random = np.random.default_rng(seed)
    rows = pl.concat([whole.train, whole.validation, whole.test])
    items = rows.group_by("item").agg(pl.col("timestamp").min()).sort("timestamp", "item")["item"]
    if by == "chance":
        items = items.gather(random.permutation(len(items)))
    new = items.tail(len(items) // 5).gather(random.permutation(len(items) // 5))
    half = len(new) // 2
    draw = pl.Series(random.random(rows.height))
    validation = pl.when(draw < 0.2).then(pl.lit("validation"))
    warm = pl.when(draw < 0.1).then(pl.lit("test")).otherwise(validation.otherwise(pl.lit("train")))
    part = (
        pl.when(pl.col("item").is_in(new[:half].implode()))
        .then(pl.lit("validation"))
        .when(pl.col("item").is_in(new[half:].implode()))
        .then(pl.lit("test"))
        .otherwise(warm)
    )
    named = rows.with_columns(
        part=part, user=whole.user_ids.to_ids(rows["user"]), item=whole.item_ids.to_ids(rows["item"])
    )
    assert whole.item_table is not None
    assert whole.user_table is not None
    sides = {
        "items": whole.item_table.with_columns(whole.item_ids.ids.alias("item")),
        "users": whole.user_table.with_columns(whole.user_ids.ids.alias("user")),
    }
    return Dataset.from_frame(named, part="part", features=whole.features, **sides)


def measure(lists: pl.DataFrame, data: Dataset) -> Iterator[float]:
    """See COLUMNS. New items of the validation part are candidates too, and count as new."""
    names = data.item_ids.ids
    assert data.item_table is not None
    kinds = data.item_table.select(
        item=names,
        genre=pl.col("genres").list.first().fill_null("none"),
        decade=pl.col("year").cast(pl.Int64, strict=False).fill_null(0) // 10,
        new=~pl.int_range(len(names), eager=True).is_in(data.train["item"].unique().implode()),
    )
    places = lists.group_by("item").len("places")
    found = kinds.join(places, on="item", how="left").with_columns(pl.col("places").fill_null(0))
    exposed = found.filter("new")["places"].sum() / lists.height
    trained = found.filter(~pl.col("new"))
    alike = trained.group_by("genre", "decade").agg(pl.col("places").mean().alias("like"))
    by_genre = trained.group_by("genre").agg(pl.col("places").mean().alias("by_genre"))
    of_new = found.filter("new").join(alike, on=["genre", "decade"], how="left").join(by_genre, on="genre", how="left")
    # their like would have so many places beside them: what all places are, if new items had as many each
    each = of_new.select(pl.coalesce("like", "by_genre", pl.lit(trained["places"].mean())).sum()).item()
    yield exposed
    yield each / (each + trained["places"].sum())
    test = data.test.select(user=data.user_ids.to_ids(data.test["user"]), item=data.item_ids.to_ids(data.test["item"]))
    test = test.join(kinds.select("item", "new"), on="item")
    yield float(test["new"].mean())  # type: ignore[arg-type]
    hits = test.join(lists.select("user", "item", pl.lit(1).alias("hit")), on=["user", "item"], how="left")
    hits = hits.with_columns(pl.col("hit").fill_null(0))
    for some in (hits, hits.filter("new"), hits.filter(~pl.col("new"))):
        of_user = some.group_by("user").agg(pl.col("hit").sum(), pl.len().alias("own"))
        yield float((of_user["hit"] / of_user["own"]).mean())  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
