"""Recommend, an index: a trained model to lists in raw ids."""

from reccl.recommend.batch import recommend
from reccl.recommend.model import Model, load, save
from reccl.recommend.write import Format, write

__all__ = ["Format", "Model", "load", "recommend", "save", "write"]
