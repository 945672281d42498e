"""Lazy: libraries that take seconds to load, loaded when something of them is first used.

A config is validated by classes that stand beside the maths they configure. Such files name torch, NumPy and SciPy as
`from reccl.lazy import torch`, so that a mistyped key is answered at once, and `import reccl.losses` costs nothing yet.
What needs a library while it is imported, an `nn.Module` above all, stands in a file of its own, and settings
import that file when they build. (Python itself will have `lazy import torch`: PEP 810.)
"""

from __future__ import annotations

from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import polars as pl
    import torch
    from scipy import linalg, sparse
    from torch import nn
    from torch.nn import functional

__all__ = ["functional", "linalg", "nn", "no_grad", "np", "pl", "sparse", "torch"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class LazyModule:
    """A module by its name, which is imported when an attribute of it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)

    def __repr__(self) -> str:
        return f"LazyModule({self._name!r})"


if not TYPE_CHECKING:
    functional = LazyModule("torch.nn.functional")
    linalg = LazyModule("scipy.linalg")
    nn = LazyModule("torch.nn")
    np = LazyModule("numpy")
    pl = LazyModule("polars")
    sparse = LazyModule("scipy.sparse")
    torch = LazyModule("torch")


def no_grad(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """`torch.no_grad()` as a decorator, for functions in files that do not load torch."""

    @wraps(function)
    def without_gradients(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with torch.no_grad():
            return function(*args, **kwargs)

    return without_gradients
