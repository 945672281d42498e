"""Stand-in: what places nodes of one side by their features."""

from dataclasses import dataclass

from torch import Tensor

from reccl.data.features import FittedFeatures
from reccl.data.graph import Graph
from reccl.encoders.tower import Tower
from reccl.scorers import Scorer
from reccl.settings import Settings


@dataclass(frozen=True)
class Known:
    """What a stand-in is fitted to. All of it comes from training rows."""

    features: FittedFeatures
    matrix: Tensor  # [n, F] features of all nodes of the side
    trained: Tensor  # [n] bool
    space: Scorer  # whose rows of the side are to be foretold
    graph: Graph
    seed: int


@dataclass(frozen=True)
class Placed:
    """Places of one side's nodes by features alone: scores are inner products with `opposite`."""

    tower: Tower  # features -> [D']
    opposite: Tensor  # rows of the other side in the same space, [m, D']


class FeatureModelSettings(Settings):
    """The config of a stand-in."""

    def fit_items(self, known: Known) -> Placed:
        """Items by features, for the users' rows that are given back with them."""
        raise NotImplementedError

    def fit_users(self, known: Known) -> Tower:
        """Users by features, in the space as it is."""
        raise NotImplementedError
