"""Protocol: what the config itself says about how numbers are made."""

from collections.abc import Iterator

from reccl.auditing.finding import Finding
from reccl.config import Experiment
from reccl.data.dataset import Dataset


def find_protocol(experiment: Experiment, data: Dataset) -> Iterator[Finding]:
    """Is there anything to choose by, is test looked at while choosing, and are all items ranked?"""
    held = data.validation.height
    yield Finding(
        "validation",
        "ok" if held else "serious",
        float(held),
        "validation rows",
        "choose epoch and settings" if held else "nothing chooses the epoch but test, or the last epoch",
        "" if held else "data.split.validation=0.1, and training.refit=true to train on them in the end",
    )
    looked = experiment.training.best_on_test
    yield Finding(
        "test looked at",
        "warning" if looked else "ok",
        float(looked),
        "1: while training, 0: once, at the end",
        "training.best_on_test also reports the epoch that is best on test: too optimistic, for published tables only"
        if looked
        else "epoch and settings are chosen on validation",
        "report test/..., not best_on_test/..." if looked else "",
    )
    yield Finding(
        "sampled metrics",
        "ok",
        1.0,
        "share of the catalog that is ranked",
        f"all {len(data.item_ids):,} items are ranked for every user: reccl has no sampled metrics, which order "
        "methods otherwise than full ones (Krichene and Rendle, KDD 2020)",
    )
