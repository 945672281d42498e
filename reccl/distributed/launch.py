"""Launch: the processes of one training on this machine, by torch's elastic launcher, and what became of them."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reccl.distributed.group import is_rank
from reccl.errors import ProcessError
from reccl.lazy import torch
from reccl.signals import Termination

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

LOST = 75
"""Exit code of a rank that has lost another one: what happened to that one is what counts."""
PAUSE = 5.0
"""Seconds that such a rank waits before it ends, so that the launcher sees the other one's end first, and ends it."""
LAUNCHED = "RECCL_LAUNCHED"
"""Set in processes whose errors the launcher prints."""


def launch(processes: int, arguments: Sequence[str]) -> None:
    """Run Python with these arguments as ranks 0 .. processes - 1 on this machine; they talk over its loopback.

    Ctrl-C and SIGTERM end all of them, and so does the failure of one: none is left behind. Raises ProcessError with
    what the first one that failed says, and Termination for a signal.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    threads = str(max(1, torch.get_num_threads() // processes))
    given = {LAUNCHED: "1", "OMP_NUM_THREADS": threads, **loopback()}
    with tempfile.TemporaryDirectory() as folder, in_environment(given):
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            monitor_interval=0.1,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        logging.disable()  # the launcher's own words
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except ChildFailedError as error:
            raise explain(error.failures) from None
        except SignalException as error:
            raise Termination(128 + int(error.sigval)) from None
        finally:
            logging.disable(logging.NOTSET)


def loopback() -> dict[str, str]:
    """The variable by which gloo takes the loopback, whatever the machine calls itself."""
    known = {name for _, name in socket.if_nameindex()} if hasattr(socket, "if_nameindex") else set()
    return next(({"GLOO_SOCKET_IFNAME": name} for name in ("lo", "lo0") if name in known), {})


@contextmanager
def in_environment(given: Mapping[str, str]) -> Iterator[None]:
    """Variables that processes started in the block inherit, unless they are set already."""
    new = {name: value for name, value in given.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]


def explain(failures: Mapping[int, ProcessFailure]) -> ProcessError:
    """The failure that counts: of a rank that says what it was, else the first of one that did not only lose another,
    or was told to end because of one.
    """

    def weigh(rank: int) -> tuple[bool, bool, int]:
        code = failures[rank].exitcode
        return not told_by(failures[rank]), code in (LOST, -signal.SIGTERM), failures[rank].timestamp

    first = min(failures, key=weigh)
    failure, told = failures[first], told_by(failures[first])
    if told:
        return ProcessError(told["message"], told.get("errorCode", 1))
    if failure.exitcode < 0:
        name = signal.Signals(-failure.exitcode).name
        memory = " (out of memory?)" if name == "SIGKILL" else ""
        return ProcessError(f"rank {first} was ended by {name}{memory}, and with it all others", 128 - failure.exitcode)
    code = failure.exitcode
    return ProcessError(f"rank {first} ended with exit code {code}, and with it all others", code)


def told_by(failure: ProcessFailure) -> dict[str, Any]:
    """What a rank left by `tell_launcher`; empty where it left nothing."""
    told: Any = failure.message
    return told if isinstance(told, dict) else {}


def is_loss_of_rank(error: BaseException) -> bool:
    """Whether an error says that another rank has gone, as torch and gloo have it."""
    names = "DistBackendError", "DistNetworkError", "DistStoreError"
    kinds = tuple(getattr(torch.distributed, name) for name in names if hasattr(torch.distributed, name))
    text = str(error)
    of_gloo = "gloo" in text or ("Connection" in text and "peer" in text)
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and of_gloo)


def tell_launcher(error: BaseException, text: str, code: int) -> tuple[int, bool]:
    """Leave what ended a rank where torch's launcher looks for it, ours or torchrun: its exit code, and whether it is
    this rank that prints the error. Rank 0 does, unless our launcher prints the one that counts; and a rank that has
    only lost another one never does. In a process that is no rank nothing changes.
    """
    if not is_rank():
        return code, True
    if is_loss_of_rank(error):
        time.sleep(PAUSE)
        return LOST, False
    if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        when = {"py_callstack": "", "timestamp": str(int(time.time()))}
        told = {"message": text, "errorCode": code, "extraInfo": when}
        with suppress(OSError):
            Path(path).write_text(json.dumps({"message": told}))
    return code, os.environ["RANK"] == "0" and LAUNCHED not in os.environ
