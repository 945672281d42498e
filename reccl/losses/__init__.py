"""Losses, an index: pure functions of scores and embeddings."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.losses.alignment_uniformity import AlignmentUniformity, alignment_uniformity
from reccl.losses.barlow_twins import BarlowTwins, barlow_twins
from reccl.losses.bilateral_softmax import BilateralSoftmax, bilateral_softmax
from reccl.losses.bpr import BPR, bpr
from reccl.losses.catalog_softmax import catalog_softmax
from reccl.losses.cosine_contrastive import CosineContrastive, cosine_contrastive
from reccl.losses.full_softmax import full_softmax
from reccl.losses.hsic import hsic
from reccl.losses.info_nce import InfoNCE, info_nce
from reccl.losses.logistic import Logistic, logistic
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.margin_contrastive import MarginContrastive, margin_contrastive
from reccl.losses.masks import IdListMask, IdMask, Mask, SameIdMask
from reccl.losses.n_pair import NPair
from reccl.losses.neighborhood_aggregation import neighborhood_aggregation
from reccl.losses.pairwise_softmax import PairwiseSoftmax, pairwise_softmax
from reccl.losses.polynomial_uniformity import polynomial_uniformity
from reccl.losses.softmax_at_k import softmax_at_k
from reccl.losses.sup_con import SupCon, sup_con
from reccl.losses.triplet import Triplet, triplet
from reccl.losses.vicreg import VICReg, vicreg
from reccl.settings import outside

AnyLoss = Annotated[
    SerializeAsAny[
        Annotated[
            AlignmentUniformity
            | BarlowTwins
            | BilateralSoftmax
            | BPR
            | CosineContrastive
            | InfoNCE
            | Logistic
            | MarginContrastive
            | NPair
            | PairwiseSoftmax
            | SupCon
            | Triplet
            | VICReg,
            Field(discriminator="kind"),
        ]
    ],
    outside(LossSettings),
]

__all__ = [
    "BPR",
    "AlignmentUniformity",
    "AnyLoss",
    "BarlowTwins",
    "BilateralSoftmax",
    "CosineContrastive",
    "IdListMask",
    "IdMask",
    "InfoNCE",
    "Logistic",
    "LossSettings",
    "MarginContrastive",
    "Mask",
    "NPair",
    "Pairs",
    "PairwiseSoftmax",
    "SameIdMask",
    "SupCon",
    "Triplet",
    "VICReg",
    "alignment_uniformity",
    "barlow_twins",
    "bilateral_softmax",
    "bpr",
    "catalog_softmax",
    "cosine_contrastive",
    "full_softmax",
    "hsic",
    "info_nce",
    "logistic",
    "margin_contrastive",
    "neighborhood_aggregation",
    "pairwise_softmax",
    "polynomial_uniformity",
    "softmax_at_k",
    "sup_con",
    "triplet",
    "vicreg",
]
