"""Evaluation, an index: full ranking in bounded memory, for all users and items and for groups of them."""

from reccl.data.user_items import UserItemCSR
from reccl.evaluation.evaluate import Evaluation, evaluate
from reccl.evaluation.result import EvaluationResult, Group
from reccl.evaluation.slices import GROUPS, Slices
from reccl.evaluation.top_k import top_k
from reccl.evaluation.validation_metric import ValidationMetric

__all__ = [
    "GROUPS",
    "Evaluation",
    "EvaluationResult",
    "Group",
    "Slices",
    "UserItemCSR",
    "ValidationMetric",
    "evaluate",
    "top_k",
]
