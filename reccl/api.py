"""The Python API: load_dataset, train, load, evaluate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from reccl.config import Experiment, loads, resolve
from reccl.data.dataset import Dataset
from reccl.data.prepare import keep
from reccl.data.prepare import load_dataset as load_named
from reccl.errors import ConfigError
from reccl.evaluation.lists import ListEvaluation, evaluate_lists
from reccl.experiment import run as run_experiment
from reccl.outcome import RunCallback
from reccl.progress import choose_progress
from reccl.recommender import Recommender


def load_dataset(name: str, *, progress: bool = True, **settings: Any) -> Dataset:
    """A named data set (`reccl data list`), fetched where needed, split and ready to train on.

    Args:
        name: e.g. "ml-100k", "ml-1m-m1", "gowalla".
        progress: say where the files come from.
        settings: keys of its data section, e.g. `split=reccl.splits.Temporal(...)`.

    """
    return load_named(name, log=choose_progress().say if progress else lambda _: None, **settings)


def train(
    config: str | Path | Mapping[str, Any] | Experiment = "movielens",
    data: Dataset | str | None = None,
    *,
    device: str = "auto",
    track: bool = False,
    resume: str | None = None,
    warm_start: str | None = None,
    trust: bool = False,
    memory_limit: str | int | None = None,
    progress: bool = True,
    callbacks: Sequence[RunCallback] = (),
    **sections: Any,
) -> Recommender:
    """Train, validate and test a model; the same road as `reccl train`, so that equal seeds give equal metrics.

    Args:
        config: a bundled config (`reccl config list`), a YAML file, a dict of the same keys, or an Experiment.
        data: a Dataset, the name of one, or None for the one that the config names.
        device: auto, cpu, cuda or cuda:N.
        track: record the run in MLflow (./mlruns, or where MLFLOW_TRACKING_URI says), with checkpoints, and keep the
            data in the cache.
        resume: in place of a config: a tracked run that was stopped, killed or failed (id, prefix, name or "latest"),
            to go on from its last checkpoint; it ends as if it had never stopped.
        warm_start: a tracked run (id, prefix, name, "models:/shop@champion", "latest") with the same encoder, whose
            parameters training begins with: those of ids that are known are carried over by id, new ids are placed by
            their rows or features (`reccl.warm_start`). Split both by time.
        trust: with `resume`, run the code that the run's config names, whoever wrote it.
        memory_limit: refuse to begin where more memory would be needed, such as "4GiB", or bytes; None: than is there.
        progress: show a bar in a terminal or a notebook, and lines of text elsewhere.
        callbacks: hear of every step and epoch; see `reccl.Callback`.
        sections: keys of the config to set, e.g. `encoder={"dimension": 128}, training={"epochs": 50}, seed=7`. Keys
            that are not named stay; another `kind` starts its section from its defaults.

    Raises ConfigError, DataError or TrainingError, one line each, as the command line prints them. Ctrl-C ends training
    and gives the best epoch so far.

    >>> import polars as pl, reccl
    >>> rows = pl.DataFrame({"user": [u for u in range(40) for _ in range(10)],
    ...                      "item": [(u % 4) + 4 * i for u in range(40) for i in range(u % 3, u % 3 + 10)]})
    >>> data = reccl.Dataset.from_frame(rows)
    >>> model = reccl.train("methods/ease", data, progress=False)
    >>> model.recommend(users=[0], k=3).columns
    ['user', 'item', 'score', 'rank', 'source']

    """
    shown = choose_progress() if progress else None
    log = shown.say if shown else lambda _: None
    tracker, start = None, None
    if warm_start is not None:
        from reccl.tracking import warm_start_of

        if resume is not None:
            raise ConfigError("resume goes on from the run's own checkpoint: leave warm_start out")
        start = warm_start_of(warm_start, log)
    if resume is not None:
        from reccl.tracking import WARM_START, Tracker, config_of, data_of, find_unfinished, warm_start_of

        if sections or isinstance(data, str):
            raise ConfigError("resume goes on with the config of the run: leave the other settings out")
        unfinished = find_unfinished(resume)
        experiment, tracker = loads(config_of(unfinished), trust=trust), Tracker(unfinished, log)
        start = warm_start_of(begun_from) if (begun_from := unfinished.data.tags.get(WARM_START)) else None
        data = data if isinstance(data, Dataset) else data_of(unfinished, experiment.data, log)
    else:
        if data is not None:
            sections["data"] = data.settings if isinstance(data, Dataset) else data
        experiment = resolve(config, sections)
    if track and tracker is None:
        from reccl.tracking import Tracker

        tracker = Tracker(log=log, warm_start=start.run if start else "")
        if isinstance(data, Dataset):
            keep(data)  # for `reccl evaluate`, which reads the data again
    outcome = run_experiment(
        experiment,
        data if isinstance(data, Dataset) else None,
        device=device,
        callbacks=[*([shown] if shown else []), *([tracker] if tracker else []), *callbacks],
        log=log,
        start=start,
        memory_limit=memory_limit,
    )
    return Recommender(outcome.model, outcome.record(), tracker.run_id if tracker else "")


def load(
    folder: str | Path | None = None, *, run: str | None = None, device: str = "cpu", trust: bool = False
) -> Recommender:
    """Load a model that `Recommender.save` wrote, or that of a run in MLflow.

    Args:
        folder: what `Recommender.save` wrote.
        run: in place of a folder: a run's id, a unique prefix of one, a run's name (the newest of that name), "latest",
            or an address of MLflow: "models:/shop@champion", "models:/shop/3", "runs:/ID".
        device: where scores are computed.
        trust: let `Recommender.experiment` run code that the config names, whoever wrote it. Recommending runs none.

    """
    if (folder is None) == (run is None):
        raise ConfigError('give a folder, reccl.load("model/"), or a run, reccl.load(run="latest")')
    if isinstance(folder, str) and folder.startswith(("models:/", "runs:/")):
        folder, run = None, folder
    if folder is not None:
        return Recommender.read(folder, device=device, trust=trust)
    from reccl import tracking

    found = tracking.find(str(run))
    return Recommender.read(tracking.model_folder(found), found.info.run_id, device, trust=trust)


def evaluate(
    recommendations: Any,
    data: Dataset,
    *,
    metrics: Sequence[str] | None = None,
    k: Sequence[int] | int = (10, 20),
    part: str = "test",
    hide: Literal["known", "none"] = "known",
    user: str = "user",
    item: str = "item",
) -> ListEvaluation:
    """Measure anyone's recommendations, another library's too, on the held-out rows of `data`.

    See `reccl.evaluation.lists.evaluate_lists` for what counts and what is reported.
    """
    lengths = (k,) if isinstance(k, int) else tuple(k)
    return evaluate_lists(recommendations, data, metrics=metrics, k=lengths, part=part, hide=hide, user=user, item=item)
