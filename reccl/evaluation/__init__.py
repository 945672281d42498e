"""Evaluation, an index: full ranking in bounded memory."""

from reccl.evaluation.evaluate import Evaluation, Measured, evaluate
from reccl.evaluation.interactions import ByUser
from reccl.evaluation.top import top

__all__ = ["ByUser", "Evaluation", "Measured", "evaluate", "top"]
