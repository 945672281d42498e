"""Where repeats count, a model is measured on a later day's rows only if both days were told apart by time."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest

from reccl.data.splits import AnySplit
from reccl.errors import RunError
from reccl.nightly.measured_again import BY_TIME, require_unseen


def run_split_by(kind: str) -> Any:
    """What is read of a run."""
    return SimpleNamespace(data=SimpleNamespace(params={"data.split.kind": kind}))


@pytest.mark.parametrize("kind", ["temporal", "global_timeline", "sliding_window", "random_per_user", "leave_last_out"])
def test_repeats_are_compared_by_time_alone(kind: str) -> None:
    experiment: Any = SimpleNamespace(evaluation=SimpleNamespace(hide="none"))
    rest: Any = (run_split_by("temporal"), run_split_by(kind), experiment, None)
    nobody: Any = None
    if kind in BY_TIME:
        require_unseen(nobody, *rest)
        return
    with pytest.raises(RunError, match=r"by time alone: data\.split\.kind=temporal"):
        require_unseen(nobody, *rest)


def test_the_kinds_that_are_by_time_exist() -> None:
    kinds = {each.model_fields["kind"].default for each in get_args(get_args(AnySplit)[0])}
    assert kinds > BY_TIME
