"""Evaluation, an index: full ranking in bounded memory."""

from reccl.data.by_user import ByUser
from reccl.evaluation.evaluate import Evaluation, Measured, evaluate
from reccl.evaluation.top import top

__all__ = ["ByUser", "Evaluation", "Measured", "evaluate", "top"]
