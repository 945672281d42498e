"""OpenMP: how torch's threads wait."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

POLICY = "OMP_WAIT_POLICY"


@contextmanager
def sleeping_threads() -> Iterator[None]:
    """Inside, torch is loaded with threads that sleep while they wait; the environment is as before afterwards.

    Spinning threads, OpenMP's default, make a step 20 times slower as soon as another process wants a core. OpenMP
    reads the variable once, when torch is loaded; where torch is loaded already, or the user has set it, nothing
    happens.
    """
    if "torch" in sys.modules or POLICY in os.environ:
        yield
        return
    os.environ[POLICY] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ[POLICY]
