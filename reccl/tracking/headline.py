"""Headline: the dozen numbers of a run that MLflow shows; all the others are in its metrics.json.

Names are stable: `test/ndcg_at_10` and `test/recall_at_10` at every cutoff, `validation_best/...` of the metric that
the epoch is chosen by, `test/cold/...`, `test/warm/...` and `test/harmonic/...` where the test has cold users or items,
`best_epoch`, `time/train_seconds`, `time/peak_memory_gib`, `time/estimated_memory_gib` and, where they are measured,
`time/energy_kwh` and `time/co2_kg`; as curves, a step an epoch, `train/...` (losses and learning rate),
`validation/...` and `time/epoch_seconds`.
"""

from collections.abc import Iterable, Mapping

from reccl.outcome import Outcome
from reccl.training import Epoch

PARTS = {"validation": "validation_best", "test": "test", "best_on_test": "best_on_test"}
"""Part of `Outcome.metrics` -> the first word of its metrics' names in MLflow."""
MAIN = ("ndcg_at_", "recall_at_")
TIMES = ("train_seconds", "peak_memory_gib", "estimated_memory_gib", "energy_kwh", "co2_kg")


def headline_metrics(outcome: Outcome) -> dict[str, float]:
    """Name -> value of what a run ends with, as the columns of its tables."""
    chosen_by, test = outcome.experiment.training.metric, outcome.metrics["test"]
    names = [*select_main(test, chosen_by), *select_cold(test, outcome.cold_sides)]
    return {
        **{f"test/{name}": test[name] for name in names},
        **{
            f"{PARTS[part]}/{chosen_by}": outcome.metrics[part][chosen_by]
            for part in ("validation", "best_on_test")
            if chosen_by in outcome.metrics.get(part, {})
        },
        **{f"time/{name}": outcome.timing[name] for name in TIMES if name in outcome.timing},
        "best_epoch": outcome.fit.best_epoch,
    }


def all_metrics(outcome: Outcome) -> dict[str, float]:
    """Name -> value of everything measured at the end: all cutoffs, groups and times."""
    measured = {
        f"{PARTS[part]}/{name}": value for part, values in outcome.metrics.items() for name, value in values.items()
    }
    return {**measured, **{f"time/{name}": value for name, value in outcome.timing.items()}}


def epoch_metrics(record: Epoch, chosen_by: str = "") -> dict[str, float]:
    """Losses and validation metrics of one epoch, by their names in MLflow."""
    return {
        **{f"train/{name}": value for name, value in record.losses.items()},
        "train/learning_rate": record.learning_rate,
        **{f"validation/{name}": record.validation[name] for name in select_main(record.validation, chosen_by)},
        "time/epoch_seconds": record.seconds,
    }


def curve_on_test(record: Epoch, chosen_by: str) -> dict[str, float]:
    """Test metrics of one epoch, where `training.best_on_test` looks at them."""
    return {f"test_curve/{name}": record.test[name] for name in select_main(record.test, chosen_by)}


def select_main(names: Iterable[str], chosen_by: str) -> list[str]:
    """NDCG and recall of all users, and the metric that the epoch is chosen by; everything where neither is there.

    >>> select_main(["recall_at_20", "map_at_20", "ndcg_at_20", "cold/ndcg_at_20"], "map_at_20")
    ['recall_at_20', 'map_at_20', 'ndcg_at_20']
    """
    names = list(names)
    return [name for name in names if name == chosen_by or name.startswith(MAIN)] or [
        name for name in names if "/" not in name
    ]


def select_cold(measured: Mapping[str, float], sides: Iterable[str]) -> list[str]:
    """NDCG of the longest lists of cold and warm users or items and their harmonic mean.

    >>> select_cold({"cold/ndcg_at_20": 0.1, "warm/ndcg_at_20": 0.3, "harmonic/ndcg_at_20": 0.15}, ["items"])
    ['cold/ndcg_at_20', 'warm/ndcg_at_20', 'harmonic/ndcg_at_20']
    """
    lengths = [int(name.rpartition("_")[2]) for name in measured if "/ndcg_at_" in name]
    endings = ["" if side == "items" else f"_{side}" for side in sides]
    names = [
        f"{group}{end}/ndcg_at_{max(lengths, default=0)}" for end in endings for group in ("cold", "warm", "harmonic")
    ]
    return [name for name in names if name in measured]
