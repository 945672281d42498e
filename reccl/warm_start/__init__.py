"""Warm start, an index: training begins with the parameters of an earlier run instead of random ones."""

from reccl.warm_start.placement import Placement
from reccl.warm_start.start import WarmStart

__all__ = ["Placement", "WarmStart"]
