"""MLflow when used: the library, imported when something of it is first asked for; it takes seconds."""

import os
from typing import TYPE_CHECKING

from reccl.lazy import LazyModule

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before mlflow is imported
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

if TYPE_CHECKING:
    import mlflow as mlflow
else:
    mlflow = LazyModule("mlflow")
