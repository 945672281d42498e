"""A study is gone on with as if it had never stopped, and counts what it has spent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reccl.config import Experiment, dump
from reccl.errors import RunError
from reccl.tuning.budget import Budget
from reccl.tuning.space import Space, load_space
from reccl.tuning.study import Study, best_of, open_study
from reccl.tuning.trial import BROKEN_OFF, COMPLETE, FAILED, PRUNED

SPACE = {"training.learning_rate": {"low": 1e-4, "high": 1.0, "log": True}, "encoder.layers": {"low": 0, "high": 4}}


@pytest.fixture(scope="module")
def space(experiment: Experiment) -> Space:
    return load_space(SPACE, experiment)


@contextmanager
def opened(
    name: str, space: Space, experiment: Experiment, config: str = "", warmup: int | None = 2
) -> Iterator[Study]:
    own = space.own_values(experiment)
    with open_study(name, space, {"config": config or dump(experiment)}, own, seed=7, warmup=warmup) as study:
        yield study


def spend(study: Study, trials: int) -> None:
    """Trials whose value is a function of what they try."""
    for _ in range(trials):
        trial, values = study.ask()
        study.complete(trial, -abs(values["training.learning_rate"] - 0.01) - values["encoder.layers"], 3, 4, 1.5)


def test_what_is_tried_does_not_depend_on_how_often_it_was_stopped(space: Space, experiment: Experiment) -> None:
    with opened("whole", space, experiment) as study:
        spend(study, 14)
        whole = study.trials()
    for part in (1, 4, 9):
        with opened("parts", space, experiment) as study:
            spend(study, part)
            parts = study.trials()
    assert [trial.values for trial in parts] == [trial.values for trial in whole]
    assert len({trial.values["training.learning_rate"] for trial in whole}) == 14
    assert best_of(whole).value == max(trial.value for trial in whole)


def test_the_first_trial_is_the_config_as_it_is(space: Space, experiment: Experiment) -> None:
    with opened("first", space, experiment) as study:
        spend(study, 2)
        first, second = study.trials()
    assert first.default
    assert first.values == {"training.learning_rate": 0.02, "encoder.layers": 1}
    assert not second.default


def test_what_the_space_does_not_hold_stays_in_the_first_trial(experiment: Experiment) -> None:
    space = load_space({**SPACE, "encoder.layers": {"low": 2, "high": 4}}, experiment)
    with opened("outside", space, experiment) as study:
        assert study.ask()[1] == {"training.learning_rate": 0.02}
        assert study.ask()[1].keys() == SPACE.keys()


def test_trials_that_were_broken_off_come_again_and_do_not_count(space: Space, experiment: Experiment) -> None:
    with opened("broken", space, experiment) as study:
        trial, first = study.ask()
        study.fail(trial, "", 2.0)  # Ctrl-C
        _, second = study.ask()  # a kill: nobody says how it ended
    with opened("broken", space, experiment) as study:
        again = [study.ask() for _ in range(3)]
        assert [values for _, values in again[:2]] == [first, second]
        assert again[2][1] not in (first, second)
        study.fail(again[1][0], "it diverged", 1.0)
        study.complete(again[0][0], 0.5, 3, 4, 1.0)
        trials = study.trials()
    assert [trial.state for trial in trials[:4]] == [BROKEN_OFF, BROKEN_OFF, COMPLETE, FAILED]
    assert [trial.default for trial in trials[:4]] == [True, False, True, False]
    budget = Budget.of(trials, 9.0, 2, "digest", "ndcg_at_10")
    assert (budget.trials, budget.completed, budget.failed, budget.seconds) == (2, 1, 1, 4.0)
    with opened("broken", space, experiment) as study:
        assert study.ask()[1] == again[2][1]


def test_a_trial_below_the_median_is_pruned_once_it_has_begun(space: Space, experiment: Experiment) -> None:
    with opened("pruned", space, experiment) as study:
        for number in range(5):
            trial, _ = study.ask()
            for epoch in range(1, 6):
                trial.report(0.1 * epoch + 0.01 * number, epoch)
                assert not trial.should_prune()
            study.complete(trial, 0.5 + 0.01 * number, 5, 5, 1.0)
        trial, _ = study.ask()
        told = []
        for epoch in range(1, 5):
            trial.report(0.01 * epoch, epoch)
            told.append(trial.should_prune())
        assert told == [False, True, True, True]
        study.prune(trial, 2, 1.0)
        pruned = study.trials()[-1]
    assert (pruned.state, pruned.value, pruned.best_epoch, pruned.epochs) == (PRUNED, 0.04, 4, 2)
    assert best_of([pruned]) is None


def test_a_study_of_something_else_is_not_gone_on_with(space: Space, experiment: Experiment) -> None:
    with opened("other", space, experiment) as study:
        place = study.folder
    with (
        pytest.raises(RunError, match=f"study 'other' is of another config: give this one a --name .*{place}"),
        opened("other", space, experiment, config=dump(experiment) + "# of tomorrow"),
    ):
        pass


def test_a_study_is_gone_on_with_where_configs_have_a_key_that_they_had_not(
    space: Space, experiment: Experiment
) -> None:
    """The written config has every key with its default: a version later there may be one more."""
    newer = dump(experiment)
    older = "\n".join(line for line in newer.splitlines() if not line.strip().startswith("weight_decay:"))
    assert older + "\n" != newer
    with opened("older", space, experiment, config=older) as study:
        spend(study, 1)
    with opened("older", space, experiment) as study:
        assert len(study.trials()) == 1
    other = newer.replace("patience: ", "patience: 1")
    with pytest.raises(RunError, match="of another config"), opened("older", space, experiment, config=other):
        pass


def test_a_study_is_run_by_one_process_at_a_time(space: Space, experiment: Experiment) -> None:
    with (
        opened("held", space, experiment),
        pytest.raises(RunError, match="study 'held' is being run by another process"),
        opened("held", space, experiment),
    ):
        pass


def test_a_database_that_is_none_is_one_line(space: Space, experiment: Experiment) -> None:
    place = Path("mlruns/tuning/damaged")
    place.mkdir(parents=True)
    (place / "study.db").write_text("no database")
    with pytest.raises(RunError) as failure, opened("damaged", space, experiment):
        pass
    (line,) = str(failure.value).splitlines()
    assert "file is not a database" in line
    assert (place / "study.db").read_text() == "no database"
