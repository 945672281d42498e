"""Caller warning: a warning at the line of the user's code that called the library."""

import sys
import warnings


def warn(text: str) -> None:
    """Tell the user of the library of ids that match nothing, short lists and the like."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "reccl":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)
