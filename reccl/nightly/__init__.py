"""Nightly, an index: what happens between two trainings: a model takes another's place only where it is better."""

from reccl.nightly.promotion import Promotion, promote

__all__ = ["Promotion", "promote"]
