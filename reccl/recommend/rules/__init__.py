"""Rules, an index: what may stand in a list, and how it is put together from the best of what may."""

from reccl.recommend.rules.diversity import Calibrated, Diversity, Mmr
from reccl.recommend.rules.resolved import Candidates, ResolvedRules, list_users, resolve_rules
from reccl.recommend.rules.rules import Rules
from reccl.recommend.rules.select import select_top_k

__all__ = [
    "Calibrated",
    "Candidates",
    "Diversity",
    "Mmr",
    "ResolvedRules",
    "Rules",
    "list_users",
    "resolve_rules",
    "select_top_k",
]
