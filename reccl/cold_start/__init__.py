"""ColdStart, an index: what places users and items that were not trained on."""

from reccl.cold_start.cold_start import AnyItemFeatureModel, AnyUserFeatureModel, ColdStart, Complete, complete
from reccl.cold_start.content_neighbors import ContentNeighbors
from reccl.cold_start.feature_model import FeatureModelSettings, Known, Placed
from reccl.cold_start.regression import Regression

__all__ = [
    "AnyItemFeatureModel",
    "AnyUserFeatureModel",
    "ColdStart",
    "Complete",
    "ContentNeighbors",
    "FeatureModelSettings",
    "Known",
    "Placed",
    "Regression",
    "complete",
]
