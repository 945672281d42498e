"""Serve: runs a server that ends with the command that started it, however that ends."""

import signal
import subprocess
import sys
from collections.abc import Mapping

WATCH = """
import os, signal, subprocess, sys, threading, time
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
def watch():
    sys.stdin.buffer.read()  # ends when the command that started this has ended
    os.killpg(0, signal.SIGTERM)
    time.sleep(5)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
code = server.wait()
os.killpg(0, signal.SIGTERM)  # what it has started
os._exit(code if code >= 0 else 128 - code)
"""
"""Stands between the command and the server, in a group of its own: even SIGKILL closes the pipe that it reads."""


def serve(command: list[str], environment: Mapping[str, str]) -> int:
    """Run a server until it ends, or this process does by a signal or otherwise: its exit code.

    SIGINT counts also where a shell without job control has it ignored for what it starts in the background.
    """
    watched = [sys.executable, "-c", WATCH, *command]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(watched, stdin=subprocess.PIPE, env=environment, start_new_session=True) as server:
        try:
            return server.wait()
        finally:
            assert server.stdin
            server.stdin.close()
            server.wait()
            signal.signal(signal.SIGINT, before)
