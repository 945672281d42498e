"""Encoders, an index: what makes embeddings of users and items."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.encoders.content_aligned import ContentAligned
from reccl.encoders.convolution import Convolution
from reccl.encoders.egcf import EGCF
from reccl.encoders.encoder import ContentRows, Embeddings, Encoder, EncoderSettings
from reccl.encoders.lightgcn import LightGCN
from reccl.encoders.matrix_factorization import MatrixFactorization
from reccl.encoders.ngcf import NGCF
from reccl.encoders.two_tower import TwoTower
from reccl.settings import outside

AnyEncoder = Annotated[
    SerializeAsAny[
        Annotated[
            ContentAligned | Convolution | EGCF | LightGCN | MatrixFactorization | NGCF | TwoTower,
            Field(discriminator="kind"),
        ]
    ],
    outside(EncoderSettings),
]
ContentAligned.model_rebuild()  # its base is any of them

__all__ = [
    "EGCF",
    "NGCF",
    "AnyEncoder",
    "ContentAligned",
    "ContentRows",
    "Convolution",
    "Embeddings",
    "Encoder",
    "EncoderSettings",
    "LightGCN",
    "MatrixFactorization",
    "TwoTower",
]
