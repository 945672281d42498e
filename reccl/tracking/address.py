"""Address: runs by MLflow's own addresses: models:/NAME@ALIAS, models:/NAME/3, models:/m-ID, runs:/ID."""

from typing import TYPE_CHECKING

from reccl.errors import RunError
from reccl.tracking.mlflow_when_used import mlflow
from reccl.tracking.store import client, describe, store_errors

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun
    from mlflow.tracking import MlflowClient

SCHEMES = ("models:/", "runs:/")
MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND")


def is_address(name: str) -> bool:
    """Whether a run is named by an address of MLflow.

    >>> is_address("models:/shop@champion"), is_address("latest")
    (True, False)
    """
    return name.startswith(SCHEMES)


def run_at(address: str) -> "MlflowRun":
    """The run whose model an address means. Raises RunError where there is none."""
    api = client()
    with store_errors():
        try:
            run_id = run_id_at(api, address)
            if not run_id:
                raise RunError(f"{address} was not logged by a run: give one that reccl trained")
            return api.get_run(run_id)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code not in MISSING:
                raise
            raise RunError(f"no model or run {address}: {describe(error)}") from None


def run_id_at(api: "MlflowClient", address: str) -> str:
    """The id of the run that an address means; empty where it is of none."""
    kind, _, rest = address.partition(":/")
    rest = rest.strip("/")
    if kind == "runs":
        return rest.partition("/")[0]
    if "@" in rest:
        name, _, alias = rest.rpartition("@")
        return str(api.get_model_version_by_alias(name, alias).run_id or "")
    name, _, version = rest.rpartition("/")
    if not name:
        return str(api.get_logged_model(rest).source_run_id or "")
    if version == "latest":
        newest = max(api.search_model_versions(f"name='{name}'"), key=lambda each: int(each.version), default=None)
        return str(newest.run_id or "") if newest else ""
    return str(api.get_model_version(name, version).run_id or "")
