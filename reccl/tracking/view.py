"""View: how MLflow's page of the experiment opens: as model training, with the columns that tell runs apart."""

import json
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient

KIND, MODEL_TRAINING = "mlflow.experimentKind", "custom_model_development"
"""Without this tag the page opens for language models, with traces in place of runs."""
VIEW = "reccl"
"""Key of the view, in the page's address: ?viewStateShareKey=reccl."""
COLUMNS = (
    "attributes.`Models`",
    *(f"tags.`{name}`" for name in ("data", "encoder", "loss", "scorer")),
    *(
        f"metrics.`{name}`"
        for name in ("test/ndcg_at_10", "test/ndcg_at_20", "test/recall_at_20", "time/train_seconds")
    ),
)
STATE = {
    "searchFilter": "",
    "orderByKey": "attributes.start_time",
    "orderByAsc": False,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "modelVersionFilter": "All Runs",
    "datasetsFilter": [],
    "selectedColumns": COLUMNS,
}


def set_view(api: "MlflowClient", experiment: "Experiment") -> None:
    """Tag the experiment so, where it is not tagged yet; what people have set stays."""
    wanted = {KIND: MODEL_TRAINING, f"mlflow.sharedViewState.{VIEW}": json.dumps(STATE)}
    for name, value in wanted.items():
        if name not in experiment.tags:
            with suppress(Exception):  # a store that may only be read
                api.set_experiment_tag(experiment.experiment_id, name, value)
