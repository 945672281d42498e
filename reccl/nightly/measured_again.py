"""Measured again: what the model that is served would have listed on the test rows of a run that was trained later."""

from collections.abc import Callable

import polars as pl

from reccl import tracking
from reccl.config import Experiment, loads
from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset
from reccl.errors import RunError
from reccl.evaluation.lists import evaluate_lists
from reccl.recommend import extend_model, recommend
from reccl.recommend.known_pairs import MOST_KNOWN, count_known_pairs
from reccl.recommend.rules import Rules
from reccl.recommender import Recommender
from reccl.tracking.find import AnyRun

BY_TIME = {"temporal", "global_timeline", "sliding_window"}
"""Splits whose test rows are all later than what was trained on."""


def measure_again(holder: AnyRun, run: AnyRun, metric: str, log: Callable[[str], None]) -> pl.DataFrame:
    """user, value: a test metric of the holder's model on the test rows of `run`, whose data is another.

    The model is what `reccl update` makes of it for that day: users have the training and validation rows of `run` as
    history, new users and new items come in by their features where it has towers. It lists the items that `run` knows,
    so that both rank the same catalog; items that it cannot place are not listed. Raises RunError where the model was
    trained on the test rows, and where the data of `run` is gone or has changed.
    """
    experiment = loads(tracking.config_of(run))
    data = tracking.data_of(run, experiment.data, log)
    if data.fingerprint != run.data.tags.get("reccl.fingerprint"):
        raise RunError(f"the data of run {run.info.run_id} has changed since it was trained: train it again")
    name, _, k = metric.removeprefix("test/").rpartition("_at_")
    if "/" in name or not k.isdigit():
        raise RunError(f"{metric} is of a group, which is measured on the same data alone: compare by test/{name}")
    base = Recommender.read(tracking.model_folder(holder), holder.info.run_id)
    require_unseen(base, holder, run, experiment, data)
    return listed_metric(base, data, experiment, name, int(k))


def listed_metric(base: Recommender, data: Dataset, experiment: Experiment, name: str, k: int) -> pl.DataFrame:
    """user, value of the metric `name` at `k`, of lists by a model that knows all that is before the test rows."""
    hide = experiment.evaluation.hide
    if hide == "train":
        raise RunError("evaluation.hide train is measured on the same data alone")
    users = data.user_ids.to_ids(data.test[USER].unique().sort())
    known = data.known_before("test")
    history = known.select(data.user_ids.to_ids(known[USER]), data.item_ids.to_ids(known[ITEM]))
    history = history.filter(pl.col(USER).is_in(users.implode()))
    model = base.model
    items, people = data.items, data.users
    new_items = items.filter(model.item_ids.to_rows(items[ITEM]).is_null()) if model.towers.items else None
    new_users = people.filter(model.user_ids.to_rows(people[USER]).is_null()) if model.towers.users else None
    extended = extend_model(model, new_users, new_items, history, record=base.record)
    placed = extended.model.item_ids.to_rows(data.item_ids.ids).is_not_null()
    rules = base.resolve(Rules(allow=data.item_ids.ids.filter(placed)), extended, new_items, lambda _: None)
    lists = pl.concat(recommend(extended, users, k, include_seen=hide == "none", rules=rules))
    measured = evaluate_lists(lists, data, metrics=[name], k=[k], hide=hide)
    return measured.per_user.select(USER, value=f"{name}_at_{k}")


def require_unseen(base: Recommender, holder: AnyRun, run: AnyRun, experiment: Experiment, data: Dataset) -> None:
    """Raise RunError where the model has seen what is to be predicted, or where that cannot be told."""
    if experiment.evaluation.hide == "none":  # a pair may be known, and bought again
        kinds = {each.data.params.get("data.split.kind") for each in (holder, run)}
        if not kinds <= BY_TIME:
            raise RunError(
                "where repeats count, runs of different data are compared by time alone: data.split.kind=temporal"
            )
        return
    known, pairs = count_known_pairs(base.model, data, experiment.evaluation.hide)
    if known > MOST_KNOWN * pairs:
        raise RunError(
            f"run {holder.info.run_id[:8]} knew {known:,} of the {pairs:,} test pairs of run "
            f"{run.info.run_id[:8]}, so that it cannot be measured on them: split by time, data.split.kind=temporal"
        )
