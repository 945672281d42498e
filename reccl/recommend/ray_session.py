"""Ray session: a connection to a cluster, or Ray on this machine for as long as it is needed; quiet, and tidied up."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reccl.atomic import draft_folder
from reccl.errors import ConfigError, describe_error
from reccl.recommend.ray_threads import joined_threads
from reccl.signals import shield_from_signals

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # it reports nothing to its makers
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # no warning of machines without accelerators
}
"""Environment in which Ray is silent."""
TOUCHED = ("PYTHONBREAKPOINT", "RAY_AUTH_MODE", "RAY_CLIENT_MODE")
"""What Ray itself sets."""
SHORT = 20
"""Longest path of a folder that Ray's sockets may lie in: their names are long, and may have about 100 letters."""
SECONDS = 10.0
"""How long a cluster may take to answer."""


def check_ray() -> None:
    """Raise ConfigError where Ray is missing."""
    if find_spec("ray") is None:
        raise ConfigError("ray is not installed: pip install 'reccl[ray]'; without it, leave out --engine ray")


@contextmanager
def connect(address: str | None = None) -> Iterator[Any]:
    """The module `ray`, connected; where it is already, it stays as it is.

    Without an address, the cluster that RAY_ADDRESS names, else Ray on this machine: its processes end with the block,
    or with this process, and its folder of logs and sockets goes. Raises ConfigError where Ray is missing, or no
    cluster answers.
    """
    check_ray()
    with environment(QUIET, *TOUCHED):
        import ray

        if ray.is_initialized():
            yield ray
            return
        address = os.environ.get("RAY_ADDRESS") or None if address is None else address
        with start_here(ray) if address is None else join_cluster(ray, address):
            yield ray


@contextmanager
def start_here(ray: Any) -> Iterator[None]:
    """Ray on this machine, with two cores at least: one is for its own tasks."""
    usual, refusal = tempfile.gettempdir(), "Ray does not start on this machine"
    settings = {"address": "local", "num_cpus": max(2, count_cores()), "include_dashboard": False}
    parent = Path(usual if len(usual) <= SHORT else "/tmp")
    guarded = environment({"RAY_AUTH_TOKEN": make_token()})
    with guarded, draft_folder(parent / "ray") as folder, session(ray, refusal, _temp_dir=str(folder), **settings):
        yield


@cache
def make_token() -> str:
    """What this process's sessions ask of who connects. Without one, Ray writes one to the home folder."""
    return secrets.token_hex(32)


@contextmanager
def join_cluster(ray: Any, address: str) -> Iterator[None]:
    """A cluster that runs."""
    refusal = f"no Ray cluster at {address!r}: name it as HOST:PORT, or auto on one of its machines"
    denied = f"{refusal}; one that asks for a token needs RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN"
    if address != "auto":
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or "/" in host:
            raise ConfigError(refusal)
        try:  # Ray itself ends the process where nobody answers
            socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
        except (OSError, OverflowError):
            raise ConfigError(refusal) from None
    with session(ray, denied, address=address):
        yield


@contextmanager
def session(ray: Any, refusal: str, **settings: Any) -> Iterator[None]:
    """A session of Ray without its messages; signals are handled as before. `refusal` is said where there is none."""
    ours = signal.getsignal(signal.SIGTERM)
    try:
        try:
            with muted(), shield_from_signals():  # it says which level of messages the environment sets
                ray.init(log_to_driver=False, logging_level=logging.ERROR, **settings)
        except (ConnectionError, RuntimeError) as error:
            raise ConfigError(f"{refusal} ({describe_error(error, where=False)})") from error
        finally:
            keep_handler(ours)
        with joined_threads():
            yield
    finally:
        with shield_from_signals():
            ray.shutdown()
        keep_handler(ours)


@contextmanager
def muted() -> Iterator[None]:
    """What compiled code writes to standard error is lost."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def keep_handler(handler: Any) -> None:
    """Handle SIGTERM by this, where signals can be set: Ray has a way of its own."""
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGTERM, handler)


def count_cores() -> int:
    """Cores that this process may use."""
    with suppress(AttributeError):  # Linux alone has it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def environment(variables: dict[str, str], *touched: str) -> Iterator[None]:
    """These variables, where they are not set. Afterwards, they and those `touched` are as before."""
    before = {name: os.environ.get(name) for name in (*variables, *touched)}
    os.environ.update({name: value for name, value in variables.items() if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
