"""Encoder: the module that an encoder's settings build."""

from collections.abc import Mapping

from torch import nn

from reccl.data.features import FittedFeatures
from reccl.distributed.shard import Shard
from reccl.encoders.encoder import Embeddings
from reccl.errors import TrainingError
from reccl.views import View


class Encoder(nn.Module):
    """Holds the parameters. `forward(view)` gives Embeddings."""

    def forward(self, view: View) -> Embeddings:
        """Encode what the view shows."""
        raise NotImplementedError

    def node_tables(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the parameters with a row for each node -> whose, in order: ("user", "item") is users first.

        All other parameters are of the same shape whatever the nodes. Where it is empty there is no warm start.
        """
        return {}

    def keep_rows(self, shard: Shard) -> None:
        """Keep the rows of the nodes of one rank alone (see `shard_encoder`), in all that has a row for each node.

        Raises TrainingError where nothing says how.
        """
        raise TrainingError(f"{type(self).__name__} trains in one process only: leave out --workers")

    def fitted_features(self) -> Mapping[str, FittedFeatures]:
        """Side (user, item) -> the features whose columns parameters are learned for."""
        return {}
