"""MLflow when used: the library, imported when something of it is first asked for; it takes seconds."""

import os
from typing import TYPE_CHECKING, Any

from reccl.lazy import LazyModule

TIMEOUT, RETRIES = "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    TIMEOUT: "10",  # seconds; with MLflow's own settings a server that is gone means minutes
    RETRIES: "2",
}
"""Environment variables that MLflow reads when it is imported and used, as far as they are not set."""


def quiet_mlflow() -> None:
    """Have MLflow say nothing, send nothing, and give up on a server soon; called before it is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


class QuietMlflow(LazyModule):
    """MLflow, quiet from its first use."""

    def __getattr__(self, attribute: str) -> Any:
        quiet_mlflow()
        return super().__getattr__(attribute)


if TYPE_CHECKING:
    import mlflow as mlflow
else:
    mlflow = QuietMlflow("mlflow")
