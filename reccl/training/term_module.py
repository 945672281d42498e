"""Term module: what a term of the objective learns or remembers from step to step."""

from torch import nn

from reccl.encoders import Encoder


class TermModule(nn.Module):
    """Its parameters are trained with the encoder's; its parameters and buffers are restored with the best epoch.

    The two hooks do nothing here. A term may build any module; only those that need a hook extend this class.
    """

    def begin_epoch(self) -> None:
        """Called when a new pass over the data begins."""

    def after_step(self, encoder: Encoder) -> None:
        """Called when the optimizer has moved the encoder."""
