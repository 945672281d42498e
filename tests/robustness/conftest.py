"""Tells at the end how many random inputs were tried."""

from typing import Any

from tests.robustness.fuzzing import TRIED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A line for each kind of input, and their sum."""
    for what in sorted({what for what, _ in TRIED}):
        worked, refused = TRIED[what, True], TRIED[what, False]
        terminalreporter.write_line(f"fuzzed {what}: {worked + refused:,} ({worked:,} worked, {refused:,} refused)")
    if TRIED:
        terminalreporter.write_line(f"fuzzed in all: {TRIED.total():,}")
