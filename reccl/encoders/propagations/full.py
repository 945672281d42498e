"""Full: every step propagates over the whole graph."""

from typing import Literal

from reccl.settings import Settings


class Full(Settings):
    """Exact: a step takes the product of the whole matrix with all nodes' embeddings 2 L times, forth and back."""

    kind: Literal["full"] = "full"
