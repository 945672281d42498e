"""`reccl ui`."""

import os
import sys
from typing import Annotated

import typer

from reccl.cli.console import say
from reccl.cli.serve import serve
from reccl.errors import RunError

EXAMPLES = ("reccl ui", "reccl ui --port 5001")


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Open the MLflow UI on this folder's runs; where MLFLOW_TRACKING_URI names a server, say where its pages are."""
    if (server := os.environ.get("MLFLOW_TRACKING_URI", "")).startswith(("http://", "https://")):
        from reccl import tracking

        say_pages(tracking.without_credentials(server), tracking.experiment_id(tracking.client()))
        return
    import socket

    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise RunError(f"port {port} is in use; choose another: reccl ui --port {port + 1}")
    from reccl import tracking

    identifier = tracking.experiment_id(tracking.client())
    say_pages(f"http://127.0.0.1:{port}", identifier)
    say("starting takes some seconds; Ctrl-C stops")
    command = [sys.executable, "-m", "mlflow", "server"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    stores = {  # not in the command line, which everybody on this machine can read: the address may hold a password
        "MLFLOW_BACKEND_STORE_URI": tracking.store(),
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": (tracking.folder() / "artifacts").as_uri(),
    }
    try:
        code = serve(command, {**settings, **os.environ, **stores})
    except KeyboardInterrupt:
        return
    if code:
        raise RunError(f"the MLflow server ended with exit code {code}")


def say_pages(server: str, experiment: str) -> None:
    """Where the pages of the runs are."""
    page = f"{server.rstrip('/')}/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey=reccl"
    say(f"runs:    {page}")
    say(f"compare: {page}&compareRunsMode=CHART")
