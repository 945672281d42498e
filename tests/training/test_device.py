"""A device is chosen once by name; one that is not there is an error that says what to type."""

import pytest
import torch

from reccl.errors import TrainingError
from reccl.training.device import resolve_device


def test_auto_is_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECCL_DEVICE", raising=False)
    for present, kind in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda present=present: present)
        assert resolve_device("auto").type == kind


def test_auto_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for said, kind in (("cpu", "cpu"), ("cuda:1", "cuda:1"), ("auto", "cuda"), ("", "cuda")):
        monkeypatch.setenv("RECCL_DEVICE", said)
        assert resolve_device("auto") == torch.device(kind)
    monkeypatch.setenv("RECCL_DEVICE", "cpu")
    assert resolve_device("cuda").type == "cuda"


def test_a_device_of_the_environment_that_is_not_there_is_no_silent_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("RECCL_DEVICE", "cuda")
    with pytest.raises(TrainingError, match="device 'cuda' is not available: this machine has 0 CUDA devices"):
        resolve_device("auto")


def test_the_processor_is_always_there() -> None:
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(("name", "count"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
def test_a_device_that_is_not_there_says_how_many_are(monkeypatch: pytest.MonkeyPatch, name: str, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(
        TrainingError, match=rf"device '{name}' is not available: this machine has {count} CUDA devices.*cpu"
    ):
        resolve_device(name)


def test_the_second_of_two_devices_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == torch.device("cuda", 1)


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cuda:-1", "mps", "meta"])
def test_a_name_that_is_none_lists_those_that_are(name: str) -> None:
    with pytest.raises(TrainingError, match=rf"device '{name}'.*choose auto, cpu, cuda or cuda:N"):
        resolve_device(name)
