"""reccl: recommenders by contrastive learning on user-item graphs.

    import reccl

    data = reccl.load_dataset("ml-100k")
    model = reccl.train("movielens", data)
    model.recommend(users=[42, 7], k=20)

Everything is loaded when it is first used, so that the import itself takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reccl.openmp import sleeping_threads
from reccl.version import __version__

if TYPE_CHECKING:
    from reccl import encoders, evaluation, losses, metrics, negatives, scorers, views
    from reccl.api import evaluate, load, load_dataset, train
    from reccl.auditing.audit import audit
    from reccl.config import Experiment
    from reccl.config import load as load_config
    from reccl.data import splits
    from reccl.data.dataset import Dataset
    from reccl.errors import ConfigError, DataError, NotBetterError, RecclError, RunError, TrainingError
    from reccl.nightly.promotion import promote
    from reccl.nightly.update import update
    from reccl.outcome import RunCallback as Callback
    from reccl.recommend.rules import Calibrated, Mmr, Rules
    from reccl.recommender import Recommender
    from reccl.studies.study import study
    from reccl.tuning.tune import tune

_PLACES = {
    "Calibrated": "reccl.recommend.rules:Calibrated",
    "Callback": "reccl.outcome:RunCallback",
    "ConfigError": "reccl.errors:ConfigError",
    "DataError": "reccl.errors:DataError",
    "Dataset": "reccl.data.dataset:Dataset",
    "Experiment": "reccl.config:Experiment",
    "Mmr": "reccl.recommend.rules:Mmr",
    "NotBetterError": "reccl.errors:NotBetterError",
    "RecclError": "reccl.errors:RecclError",
    "Recommender": "reccl.recommender:Recommender",
    "Rules": "reccl.recommend.rules:Rules",
    "RunError": "reccl.errors:RunError",
    "TrainingError": "reccl.errors:TrainingError",
    "audit": "reccl.auditing.audit:audit",
    "encoders": "reccl.encoders",
    "evaluate": "reccl.api:evaluate",
    "evaluation": "reccl.evaluation",
    "load": "reccl.api:load",
    "load_config": "reccl.config:load",
    "load_dataset": "reccl.api:load_dataset",
    "losses": "reccl.losses",
    "metrics": "reccl.metrics",
    "negatives": "reccl.negatives",
    "promote": "reccl.nightly.promotion:promote",
    "scorers": "reccl.scorers",
    "splits": "reccl.data.splits",
    "study": "reccl.studies.study:study",
    "train": "reccl.api:train",
    "tune": "reccl.tuning.tune:tune",
    "update": "reccl.nightly.update:update",
    "views": "reccl.views",
}

__all__ = [
    "Calibrated",
    "Callback",
    "ConfigError",
    "DataError",
    "Dataset",
    "Experiment",
    "Mmr",
    "NotBetterError",
    "RecclError",
    "Recommender",
    "Rules",
    "RunError",
    "TrainingError",
    "__version__",
    "audit",
    "encoders",
    "evaluate",
    "evaluation",
    "load",
    "load_config",
    "load_dataset",
    "losses",
    "metrics",
    "negatives",
    "promote",
    "scorers",
    "splits",
    "study",
    "train",
    "tune",
    "update",
    "views",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module 'reccl' has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    with sleeping_threads():
        found = import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
