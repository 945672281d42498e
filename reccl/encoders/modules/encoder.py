"""Encoder: the module that an encoder's settings build."""

from torch import nn

from reccl.encoders.encoder import Embeddings
from reccl.views import View


class Encoder(nn.Module):
    """Holds the parameters. `forward(view)` gives Embeddings."""

    def forward(self, view: View) -> Embeddings:
        """Encode what the view shows."""
        raise NotImplementedError
