"""Terms, an index: the summands of an objective."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.settings import outside
from reccl.training.terms.alignment import Alignment
from reccl.training.terms.bootstrap import Bootstrap
from reccl.training.terms.bottleneck import Bottleneck
from reccl.training.terms.contrast import Contrast
from reccl.training.terms.cross_layer import CrossLayer
from reccl.training.terms.distillation import Distillation
from reccl.training.terms.feature_contrast import FeatureContrast
from reccl.training.terms.full_softmax import FullSoftmax
from reccl.training.terms.hop_mixing import HopMixing
from reccl.training.terms.item_item import ItemItem
from reccl.training.terms.l2 import L2
from reccl.training.terms.mixed_ranking import MixedRanking
from reccl.training.terms.mixing_contrast import MixingContrast
from reccl.training.terms.neighborhood_aggregation import NeighborhoodAggregation
from reccl.training.terms.prototype_contrast import PrototypeContrast
from reccl.training.terms.ranking import Ranking
from reccl.training.terms.residual_softmax import ResidualSoftmax
from reccl.training.terms.softmax_at_k import SoftmaxAtK
from reccl.training.terms.structural_contrast import StructuralContrast
from reccl.training.terms.term import Step, TermSettings
from reccl.training.terms.user_item import UserItem

AnyTerm = Annotated[
    SerializeAsAny[
        Annotated[
            Alignment
            | Bootstrap
            | Bottleneck
            | Contrast
            | CrossLayer
            | Distillation
            | FeatureContrast
            | FullSoftmax
            | HopMixing
            | ItemItem
            | L2
            | MixedRanking
            | MixingContrast
            | NeighborhoodAggregation
            | PrototypeContrast
            | Ranking
            | ResidualSoftmax
            | SoftmaxAtK
            | StructuralContrast
            | UserItem,
            Field(discriminator="kind"),
        ]
    ],
    outside(TermSettings),
]

__all__ = [
    "L2",
    "Alignment",
    "AnyTerm",
    "Bootstrap",
    "Bottleneck",
    "Contrast",
    "CrossLayer",
    "Distillation",
    "FeatureContrast",
    "FullSoftmax",
    "HopMixing",
    "ItemItem",
    "MixedRanking",
    "MixingContrast",
    "NeighborhoodAggregation",
    "PrototypeContrast",
    "Ranking",
    "ResidualSoftmax",
    "SoftmaxAtK",
    "Step",
    "StructuralContrast",
    "TermSettings",
    "UserItem",
]
