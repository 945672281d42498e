"""A worker trains what it is sent, has no test rows, and says how it went."""

from multiprocessing import Pipe
from threading import Thread

import pytest

from reccl.config import Experiment, load
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare
from reccl.experiment import run
from reccl.training import Epoch
from reccl.tuning.worker import Ending, Job, serve, without_test, without_test_reads


@pytest.fixture(scope="module")
def data(experiment: Experiment) -> Dataset:
    return prepare(experiment.data)


class Study:
    """What a worker talks with: answers every epoch but the last of those that it allows."""

    def __init__(self, job: Job, allowed: int = 100) -> None:
        self.channel, theirs = Pipe()
        self.allowed = allowed
        self.thread = Thread(target=serve, args=(theirs,), daemon=True)
        self.thread.start()
        self.channel.send(job)
        assert self.channel.recv() == "ready"

    def train(self, experiment: Experiment) -> tuple[list[Epoch], Ending]:
        self.channel.send(experiment)
        epochs = []
        while not isinstance(message := self.channel.recv(), Ending):
            epochs.append(message)
            self.channel.send(message.number < self.allowed)
        return epochs, message

    def close(self) -> None:
        self.channel.close()
        self.thread.join(20)
        assert not self.thread.is_alive()


def test_a_trial_ends_as_the_training_does_and_reads_no_test_row(experiment: Experiment, data: Dataset) -> None:
    job = Job(without_test(data), "cpu")
    assert job.data.test.is_empty()
    study = Study(job)
    epochs, ending = study.train(without_test_reads(experiment))
    outcome = run(experiment, data, device="cpu")
    assert ending.metrics == outcome.metrics["validation"]
    assert ending.best_epoch == outcome.fit.best_epoch
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert [epoch.validation for epoch in epochs] == [epoch.validation for epoch in outcome.fit.history]
    assert not any(epoch.test for epoch in epochs)
    assert outcome.metrics["test"]  # which a training reads
    study.close()


def test_a_trial_that_is_told_to_stop_does_and_the_next_one_runs(experiment: Experiment, data: Dataset) -> None:
    study = Study(Job(without_test(data), "cpu"), allowed=2)
    for _ in range(2):
        epochs, ending = study.train(without_test_reads(experiment))
        assert [epoch.number for epoch in epochs] == [1, 2]
        assert ending.pruned
        assert ending.epochs == 2
    study.close()


def test_what_goes_wrong_is_one_line_and_the_next_one_runs(experiment: Experiment, data: Dataset) -> None:
    study = Study(Job(without_test(data), "cpu"))
    wrong = load("planted.yaml", ["training.metric=cold/ndcg_at_10"])
    _, ending = study.train(without_test_reads(wrong))
    assert ending.error.startswith(
        "training.metric 'cold/ndcg_at_10': the validation rows of this split have no 'cold'"
    )
    assert "\n" not in ending.error
    assert study.train(without_test_reads(experiment))[1].metrics
    study.close()
