"""Losses, an index: pure functions of scores and embeddings."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.losses.bpr import BPR, bpr
from reccl.losses.full_softmax import full_softmax
from reccl.losses.info_nce import InfoNCE, info_nce
from reccl.losses.loss import LossSettings, Pairs
from reccl.settings import outside

AnyLoss = Annotated[
    SerializeAsAny[Annotated[BPR | InfoNCE, Field(discriminator="kind")]],
    outside(LossSettings),
]

__all__ = ["BPR", "AnyLoss", "InfoNCE", "LossSettings", "Pairs", "bpr", "full_softmax", "info_nce"]
