"""Registry: models under a name in MLflow, and the aliases by which they are served."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from reccl.errors import RunError
from reccl.tracking.address import MISSING
from reccl.tracking.find import AnyRun, has_model
from reccl.tracking.mlflow_when_used import mlflow
from reccl.tracking.store import client, describe, store_errors
from reccl.tracking.tags import CONFIG_NAME, MODEL_TAG


def default_name(run: AnyRun) -> str:
    """The name under which the model of a run is registered where none is given: that of its config."""
    return str(run.data.tags.get(CONFIG_NAME) or run.info.run_name)


def holder_of(name: str, alias: str) -> AnyRun | None:
    """The run whose model has the alias; None where no model has it. Raises RunError where that run is gone."""
    api = client()
    with store_errors():
        try:
            version = api.get_model_version_by_alias(name, alias)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code not in MISSING:
                raise
            return None
        try:
            return api.get_run(str(version.run_id))
        except mlflow.exceptions.MlflowException:
            raise RunError(
                f"models:/{name}@{alias} is version {version.version}, whose run {version.run_id} is gone, so that "
                f"nothing can be compared with it: promote without a comparison"
            ) from None


def register(run: AnyRun, name: str, alias: str, tags: Mapping[str, str]) -> str:
    """Give the model of a run this name and alias; its version, which is that of before where it has the name already.

    Raises RunError where the run has no model, and for names that MLflow does not take.
    """
    if not has_model(run):
        raise RunError(f"run {run.info.run_id} ({run.info.run_name}) holds no model: it is {run.info.status.lower()}")
    api, uri = client(), run.data.tags[MODEL_TAG]
    with store_errors(), name_errors(name, alias):
        with suppress_existing():
            api.create_registered_model(name)
        of_run = [each for each in api.search_model_versions(f"name='{name}'") if each.source == uri]
        if of_run:
            version = max(of_run, key=lambda each: int(each.version))
        else:
            version = api.create_model_version(name, uri, run.info.run_id, model_id=uri.rpartition("/")[2])
        for key, value in tags.items():
            api.set_model_version_tag(name, version.version, key, value)
        api.set_registered_model_alias(name, alias, version.version)
    return str(version.version)


@contextmanager
def name_errors(name: str, alias: str) -> Iterator[None]:
    """Raises RunError, one line, where MLflow refuses a name or an alias."""
    try:
        yield
    except mlflow.exceptions.MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        raise RunError(f"cannot register models:/{name}@{alias}: {describe(error)}") from None


@contextmanager
def suppress_existing() -> Iterator[None]:
    """A model of that name is there already: all is well."""
    try:
        yield
    except mlflow.exceptions.MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise
