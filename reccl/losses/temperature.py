"""Temperature: what similarities are divided by before the softmax."""

from torch import Tensor

from reccl.losses.loss import Pairs


def scale_by_temperature(positive: Tensor, negatives: Tensor, pairs: Pairs, own: float) -> tuple[Tensor, Tensor]:
    """Logits of similarities: divided by the pairs' temperature where they bring one, else by the loss's own.

    Args:
        positive: [B] similarities to the positives.
        negatives: [B, M] similarities to the negatives.
        pairs: whose `temperature`, a scalar [] or one an anchor [B], counts before `own`; gradients reach it.
        own: the loss's setting.

    """
    given = pairs.temperature
    if given is None:
        return positive / own, negatives / own
    return positive / given, negatives / (given[:, None] if given.dim() else given)
