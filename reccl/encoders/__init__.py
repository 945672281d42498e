"""Encoders, an index: what makes embeddings of users and items."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SerializeAsAny

from reccl.encoders.alpharec import AlphaRec
from reccl.encoders.content_aligned import ContentAligned
from reccl.encoders.convolution import Convolution
from reccl.encoders.egcf import EGCF
from reccl.encoders.encoder import ContentRows, Embeddings, EncoderSettings
from reccl.encoders.lightgcn import LightGCN
from reccl.encoders.matrix_factorization import MatrixFactorization
from reccl.encoders.ngcf import NGCF
from reccl.encoders.two_tower import TwoTower
from reccl.settings import outside

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder

AnyEncoder = Annotated[
    SerializeAsAny[
        Annotated[
            AlphaRec | ContentAligned | Convolution | EGCF | LightGCN | MatrixFactorization | NGCF | TwoTower,
            Field(discriminator="kind"),
        ]
    ],
    outside(EncoderSettings),
]
ContentAligned.model_rebuild()  # its base is any of them

__all__ = [
    "EGCF",
    "NGCF",
    "AlphaRec",
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


def __getattr__(name: str) -> Any:
    """`Encoder`, an nn.Module, is loaded when it is asked for: it needs torch."""
    if name == "Encoder":
        from reccl.encoders.modules.encoder import Encoder

        return Encoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
