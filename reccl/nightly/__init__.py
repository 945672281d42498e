"""Nightly, an index: what happens between two trainings: a model takes another's place where it is better,
and learns of new interactions, users and items without training.
"""

from reccl.nightly.promotion import Promotion, promote
from reccl.nightly.update import Update, update

__all__ = ["Promotion", "Update", "promote", "update"]
