"""A server ends with the command that started it, however that ends, and so does what the server has started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import reccl
from reccl.cli.serve import serve

SERVER = """
import subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(worker.pid, flush=True)
time.sleep(60)
"""
COMMAND = f"""
import os, sys
from reccl.cli.serve import serve
from reccl.signals import end_on_signals
end_on_signals()
serve([sys.executable, "-c", {SERVER!r}], os.environ)
"""


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("ignored", [False, True], ids=["by hand", "in the background of a script"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9), (signal.SIGINT, None)])
def test_a_signal_ends_all_of_it(number: int, code: int | None, ignored: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(reccl.__file__).parents[1])}
    at_start = signal.SIG_IGN if ignored else signal.SIG_DFL
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, at_start),
    ) as command:
        assert command.stdout
        worker = int(command.stdout.readline())
        assert alive(worker)
        command.send_signal(number)
        assert code in (None, command.wait(20))
        until = time.monotonic() + 20
        while alive(worker) and time.monotonic() < until:
            time.sleep(0.05)
        assert not alive(worker)


@pytest.mark.parametrize("code", [0, 3])
def test_its_exit_code_is_that_of_the_server(code: int) -> None:
    assert serve([sys.executable, "-c", f"raise SystemExit({code})"], os.environ) == code
