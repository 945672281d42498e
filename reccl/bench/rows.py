"""Rows: which config the bench runs on which data set, with which settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from reccl.errors import ConfigError, did_you_mean, join_names


@dataclass(frozen=True)
class Task:
    """A data set and what its papers measure."""

    data: str
    title: str
    k: int
    """Cut-off of recall and NDCG."""
    protocol: tuple[str, ...] = ()
    """Settings by which its papers measure otherwise than we do."""

    @property
    def metrics(self) -> tuple[str, str]:
        """Recall, and NDCG, by which the table is sorted and epochs are chosen."""
        return f"recall_at_{self.k}", f"ndcg_at_{self.k}"

    def settings(self) -> tuple[str, ...]:
        """What makes any config a run on this task."""
        measured = f"training.metric={self.metrics[1]}", f"evaluation.cutoffs=[{self.k}]"
        return f"data={self.data}", *measured, *self.protocol


@dataclass(frozen=True)
class Row:
    """One config on one task."""

    data: str
    config: str
    settings: tuple[str, ...] = ()
    """Settings of its own, besides the task's."""
    quick: bool = True
    """Whether it is done in minutes."""


TASKS = (
    Task("ml-100k", "MovieLens-100K, all ratings positive, 75/25 per user", 10),
    Task("ml-1m-m1", "MovieLens-1M, the m1 split", 20),
    Task("gowalla", "Gowalla, the standard split", 20),
    Task("yelp2018", "Yelp2018, the standard split", 20),
    Task(
        "lastfm",
        "LastFM, 7:1:2, trained on the train part alone",
        10,
        ("training.refit=false", "evaluation.hide=train"),
    ),
)
BEST_ON_TEST = "training.best_on_test=true"
SMOOTH = (
    "training.batch_size=16384",
    "training.learning_rate=0.02",
    "encoder.layers=1",
    "encoder.dimension=128",
    "objective.l2.weight=0.003",
    "training.epochs=80",
    "training.schedule=cosine",
    "training.ema_decay=0.95",
    "training.evaluate_every=10",
    "training.patience=null",
)
"""What LightGCN is best with on ML-1M m1, and affordable on two cores."""
MF = ("training.batch_size=80000", "training.epochs=80", "training.evaluate_every=10", "training.patience=3")
"""A batch of full-softmax MF is about a tenth of the rows."""

ROWS = (
    Row("ml-100k", "methods/popularity.yaml"),
    Row("ml-100k", "methods/ease.yaml"),
    Row("ml-100k", "methods/graph-filter.yaml"),
    Row("ml-100k", "best.yaml"),
    Row("ml-100k", "movielens.yaml", (BEST_ON_TEST,), quick=False),
    Row("ml-100k", "methods/softmax-mf.yaml", (BEST_ON_TEST,), quick=False),
    Row("ml-100k", "methods/lightgcn.yaml", (BEST_ON_TEST,), quick=False),
    Row("ml-1m-m1", "methods/popularity.yaml"),
    Row("ml-1m-m1", "methods/ease.yaml"),
    Row("ml-1m-m1", "methods/graph-filter.yaml"),
    Row("ml-1m-m1", "best.yaml"),
    Row("ml-1m-m1", "methods/softmax-mf.yaml", (BEST_ON_TEST, *MF), quick=False),
    Row("ml-1m-m1", "methods/lightgcn.yaml", (BEST_ON_TEST, *SMOOTH), quick=False),
    Row("gowalla", "methods/popularity.yaml"),
    Row("gowalla", "methods/sparse-ease.yaml", ("scorer.neighbors=50", "scorer.l2=20")),  # too large for dense EASE
    Row("gowalla", "methods/graph-filter.yaml"),
    Row("gowalla", "best.yaml"),
    Row("gowalla", "gowalla.yaml", (BEST_ON_TEST,), quick=False),
    Row("yelp2018", "methods/popularity.yaml"),
    Row("yelp2018", "methods/graph-filter.yaml"),
    Row("yelp2018", "best.yaml"),
    Row("lastfm", "methods/popularity.yaml"),
    Row("lastfm", "methods/ease.yaml"),
    Row("lastfm", "methods/graph-filter.yaml"),
    Row("lastfm", "best.yaml"),
    Row("lastfm", "methods/softmax-mf.yaml", (BEST_ON_TEST,), quick=False),
)


def select_rows(data: Sequence[str], quick: bool) -> list[tuple[Task, Row]]:
    """The rows of these data sets (none named: all), with their tasks. Raises ConfigError for an unknown name."""
    known = [task.data for task in TASKS]
    for name in data:
        if name not in known:
            raise ConfigError(
                f"--data {name!r} is not in the bench{did_you_mean(name, known)}; there are {join_names(known)}"
            )
    return [
        (task, row)
        for task in TASKS
        if not data or task.data in data
        for row in ROWS
        if row.data == task.data and (row.quick or not quick)
    ]
