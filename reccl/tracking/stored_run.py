"""Stored run: a run as it was read from the store, in the shape of MLflow's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class StoredInfo:
    """What every run has; times in milliseconds since 1970."""

    run_id: str
    run_name: str | None
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    experiment_id: str


@dataclass(frozen=True)
class StoredData:
    """What was recorded of it. Parameters and metrics are read when they are asked for: most of a list never is."""

    tags: Mapping[str, str]
    read: "Callable[[], tuple[dict[str, str], dict[str, float]]]"

    @cached_property
    def _both(self) -> tuple[dict[str, str], dict[str, float]]:
        return self.read()

    @property
    def params(self) -> dict[str, str]:
        """The flat config."""
        return self._both[0]

    @property
    def metrics(self) -> dict[str, float]:
        """The newest value of every metric."""
        return self._both[1]


@dataclass(frozen=True)
class StoredRun:
    """A run with MLflow's names: `info.run_id`, `data.metrics`."""

    info: StoredInfo
    data: StoredData
