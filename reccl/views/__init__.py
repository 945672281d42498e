"""Views, an index: ways to see the training graph."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.settings import outside
from reccl.views.dropout import Dropout
from reccl.views.edge_drop import EdgeDrop
from reccl.views.feature_mask import FeatureMask
from reccl.views.node_drop import NodeDrop
from reccl.views.noise import Noise
from reccl.views.plain import Plain
from reccl.views.random_walk import RandomWalk
from reccl.views.svd import Svd
from reccl.views.view import InputPerturbation, LayerNoise, View, ViewSettings

AnyView = Annotated[
    SerializeAsAny[
        Annotated[
            Dropout | EdgeDrop | FeatureMask | NodeDrop | Noise | Plain | RandomWalk | Svd, Field(discriminator="kind")
        ]
    ],
    outside(ViewSettings),
]

__all__ = [
    "AnyView",
    "Dropout",
    "EdgeDrop",
    "FeatureMask",
    "InputPerturbation",
    "LayerNoise",
    "NodeDrop",
    "Noise",
    "Plain",
    "RandomWalk",
    "Svd",
    "View",
    "ViewSettings",
]
