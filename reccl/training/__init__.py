"""Training, an index: the objective, the loop, the device."""

from reccl.training.fit import Epoch, Fit, Training, Watch, fit
from reccl.training.objective import Objective
from reccl.training.terms import L2, AnyTerm, Contrast, CrossLayer, FullSoftmax, Ranking, TermSettings

__all__ = [
    "L2",
    "AnyTerm",
    "Contrast",
    "CrossLayer",
    "Epoch",
    "Fit",
    "FullSoftmax",
    "Objective",
    "Ranking",
    "TermSettings",
    "Training",
    "Watch",
    "fit",
]
