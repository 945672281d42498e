"""Part: what a term of the objective learns or remembers from step to step."""

from torch import nn

from reccl.encoders import Encoder


class Part(nn.Module):
    """Its parameters are trained with the encoder's; its parameters and buffers are restored with the best epoch.

    The two hooks do nothing here. Any module may be a part; only those that need a hook extend this class.
    """

    def begin_epoch(self) -> None:
        """A new pass over the data begins."""

    def after_step(self, encoder: Encoder) -> None:
        """The optimizer has just moved the encoder."""
