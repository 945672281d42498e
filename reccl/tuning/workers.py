"""Workers: processes that trials are trained in, as the study sees them."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from reccl.errors import RunError
from reccl.openmp import POLICY

CODE = "from reccl.tuning.worker import main; main()"
THREADS = "OMP_NUM_THREADS"


class Worker:
    """One process.

    Args:
        job: what all its trials have in common.
        log: the file that its messages are appended to.
        jobs: how many workers share the cores.
        code: what the process runs; None: trials.

    Raises RunError where it cannot start.

    """

    def __init__(self, job: object, log: Path, jobs: int, code: str | None = None) -> None:
        self.log = log
        self.channel: Connection[object, object]
        self.channel, theirs = Pipe()
        with log.open("ab") as messages:
            self.began = messages.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", code or CODE, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                pass_fds=[theirs.fileno()],
                env=environment(jobs),
                start_new_session=True,  # Ctrl-C is for the study, which ends its workers
            )
        theirs.close()
        try:
            self.channel.send(job)
            self.channel.recv()
        except (EOFError, OSError):
            raise RunError(f"a worker of the study cannot start: {self.reason()}; see {log}") from None

    def reason(self) -> str:
        """Why it has ended, in one line."""
        code = self.process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            return f"ended by {name}" + ("; out of memory?" if name == "SIGKILL" else "")
        with self.log.open("rb") as messages:
            messages.seek(self.began)
            told = messages.read().decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(told) if line.strip()), f"exit code {code}")

    def close(self) -> None:
        """End it, whatever it does."""
        with suppress(OSError):
            self.channel.close()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def environment(jobs: int) -> dict[str, str]:
    """That of this process, with its import path, and threads shared between the workers."""
    paths = [path or str(Path.cwd()) for path in sys.path]
    shared = {THREADS: str(max(1, cores() // jobs))} if jobs > 1 and THREADS not in os.environ else {}
    return {POLICY: "PASSIVE", **os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), **shared}


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
