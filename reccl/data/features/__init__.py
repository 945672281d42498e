"""Features, an index: properties of users and items as numbers; learned from training nodes only."""

from reccl.data.features.bins import Bins
from reccl.data.features.categorical import Categorical
from reccl.data.features.date import Date
from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.fitted import EncodedFeatures, FittedFeature, FittedFeatures
from reccl.data.features.multi_hot import MultiHot
from reccl.data.features.numeric import Numeric
from reccl.data.features.prefix import Prefix
from reccl.data.features.rbf import RBF
from reccl.data.features.schema import AnyFeature, FeatureSchema
from reccl.data.features.tables import FeatureTables, Side, encode
from reccl.data.features.text import Text
from reccl.data.features.title_tfidf import TitleTfidf
from reccl.data.features.vector import Vector

__all__ = [
    "RBF",
    "AnyFeature",
    "Bins",
    "Categorical",
    "Date",
    "EncodedFeatures",
    "FeatureSchema",
    "FeatureSettings",
    "FeatureState",
    "FeatureTables",
    "FittedFeature",
    "FittedFeatures",
    "MultiHot",
    "Numeric",
    "Prefix",
    "Side",
    "Text",
    "TitleTfidf",
    "Vector",
    "encode",
]
