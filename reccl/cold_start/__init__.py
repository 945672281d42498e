"""Cold start, an index: what embeds users and items that were not trained on."""

from reccl.cold_start.cold_start import (
    AnyItemFeatureModel,
    AnyUserFeatureModel,
    ColdStart,
    ColdStartResult,
    embed_cold_nodes,
)
from reccl.cold_start.content_neighbors import ContentNeighbors
from reccl.cold_start.feature_model import FeatureModelSettings, FittedFeatureModel, TrainedNodes
from reccl.cold_start.regression import Regression

__all__ = [
    "AnyItemFeatureModel",
    "AnyUserFeatureModel",
    "ColdStart",
    "ColdStartResult",
    "ContentNeighbors",
    "FeatureModelSettings",
    "FittedFeatureModel",
    "Regression",
    "TrainedNodes",
    "embed_cold_nodes",
]
