"""Pictures: the plots that a run is recorded with, from what it ended with."""

from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from reccl.data.columns import ITEM, USER
from reccl.outcome import Outcome
from reccl.tracking.headline import MAIN

USERS, POINTS, LISTED = 256, 4000, 20
"""Users who are scored, items on the map, and the length of lists: a second of work, at any size."""
KINDS = 10
"""Most values of a feature that get a color of their own."""


def draw_pictures(outcome: Outcome, folder: Path) -> None:
    """learning.png, groups.png, scores.png and embeddings.png, those that there is something for."""
    from reccl.evaluation import plots, run_plots

    folder.mkdir(parents=True, exist_ok=True)
    title, history = outcome.experiment.name, outcome.fit.history
    if len(history) > 1:
        main = [name for name in history[-1].validation if name.startswith(MAIN)]
        losses = {term: [epoch.losses[term] for epoch in history] for term in history[0].losses}
        metrics = {metric: [epoch.validation.get(metric) for epoch in history] for metric in main}
        run_plots.plot_learning(f"{title}: learning", losses, metrics, outcome.fit.best_epoch, folder / "learning.png")
    tested = outcome.test_result
    if tested is None:
        return
    longest = max(outcome.experiment.evaluation.cutoffs)
    shown = tuple(metric for metric in (f"recall_at_{longest}", f"ndcg_at_{longest}") if metric in tested.per_user)
    groups = {"all": {metric: float(tested.per_user[metric].mean()) for metric in shown}, **tested.group_means()}
    if shown:
        plots.plot_groups(f"{title}: test", groups, shown, folder / "groups.png")
    draw_scores(outcome, f"{title}: scores and popularity, {USERS} users of the test", folder / "scores.png")
    draw_map(outcome, f"{title}: items", folder / "embeddings.png")


def draw_scores(outcome: Outcome, title: str, path: Path) -> None:
    """Scores of test items against those of any, popularity of what lists hold against that of the catalog."""
    from reccl.evaluation import run_plots

    asked = outcome.data.test[USER].unique().sort()
    asked = asked.gather_every(max(1, len(asked) // USERS)).head(USERS)
    users = torch.from_numpy(asked.to_numpy(writable=True)).long()  # [b]
    scores = outcome.model.ranker.scores(users).float()  # [b, I]
    rows = outcome.data.test.filter(pl.col(USER).is_in(users.tolist()))
    place = torch.searchsorted(users, rows[USER].to_torch().long())  # [n]
    held_out = scores[place, rows[ITEM].to_torch().long()]  # [n]
    random = torch.Generator().manual_seed(0)
    others = scores[:, torch.randint(scores.shape[1], (64,), generator=random)].flatten()
    counts = torch.bincount(outcome.data.train[ITEM].to_torch().long(), minlength=scores.shape[1])  # [I]
    best = scores.topk(min(LISTED, scores.shape[1])).indices.flatten()
    finite = held_out[held_out.isfinite()].numpy(), others[others.isfinite()].numpy()
    interactions = counts.double().numpy(), counts[best].double().numpy()
    run_plots.plot_histograms(title, finite, interactions, path)


def draw_map(outcome: Outcome, title: str, path: Path) -> None:
    """Items by the two principal components of their embeddings; nothing where the scorer has none."""
    from reccl.evaluation import run_plots

    vectors = outcome.model.scorer.item_embeddings.float()  # [I, D]
    if vectors.shape[1] < 2 or len(vectors) < 3:
        return
    chosen = outcome.model.popularity.argsort(descending=True)[:POINTS].sort().values  # [n]
    points = vectors[chosen] - vectors[chosen].mean(0)
    plane = torch.linalg.eigh(points.T @ points).eigenvectors[:, -2:].flip(1)  # [D, 2]
    kinds, label = item_kinds(outcome.data.item_table, chosen.numpy())
    if kinds is None:
        colors = torch.log10(outcome.model.popularity[chosen].float() + 1).numpy()
        run_plots.plot_map(title, (points @ plane).numpy(), colors, "interactions (log10)", path)
    else:
        run_plots.plot_map(title, (points @ plane).numpy(), kinds, label, path)


def item_kinds(table: pl.DataFrame | None, rows: "NDArray[np.int64]") -> tuple[list[str] | None, str]:
    """A value for each item, of the column that sorts them best into few kinds, and its name; None where there is none.

    Of a list of values the first counts; rare values are `other`.
    """
    for column in table.columns if table is not None else ():
        values = table[column].gather(rows)  # type: ignore[index]
        values = values.list.first() if values.dtype == pl.List else values
        if values.dtype not in (pl.String, pl.Categorical, pl.Boolean) and not isinstance(values.dtype, pl.Enum):
            continue
        texts = values.cast(pl.String).fill_null("other")
        texts = texts.str.split("|").list.first()
        common = texts.value_counts(sort=True).head(KINDS)
        if texts.n_unique() > 1 and common["count"].sum() >= 0.6 * len(texts):
            return [text if text in set(common[column]) else "other" for text in texts], column
    return None, ""
