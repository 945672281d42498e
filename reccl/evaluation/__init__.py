"""Evaluation, an index: full ranking in bounded memory, for all users and items and for groups of them."""

from reccl.data.user_items import UserItemCSR
from reccl.evaluation.evaluate import Evaluation, Evaluator, evaluate
from reccl.evaluation.held_out_metric import HeldOutMetric
from reccl.evaluation.paired import PairedDifference, compare_paired
from reccl.evaluation.result import EvaluationResult, Group
from reccl.evaluation.slices import GROUPS, Slices
from reccl.evaluation.top_k import top_k

__all__ = [
    "GROUPS",
    "Evaluation",
    "EvaluationResult",
    "Evaluator",
    "Group",
    "HeldOutMetric",
    "PairedDifference",
    "Slices",
    "UserItemCSR",
    "compare_paired",
    "evaluate",
    "top_k",
]
