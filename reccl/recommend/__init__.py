"""Recommend, an index: a trained model to lists in raw ids."""

from reccl.recommend.batch import recommend
from reccl.recommend.extended_model import Catalog, ExtendedModel, extend_model
from reccl.recommend.model import Model, load, save
from reccl.recommend.write import Format, write_tables

__all__ = ["Catalog", "ExtendedModel", "Format", "Model", "extend_model", "load", "recommend", "save", "write_tables"]
