"""Training, an index: the objective, the loop, the device."""

from reccl.training.callback import Callback, Callbacks
from reccl.training.checkpoints import Checkpoints
from reccl.training.epoch import Epoch
from reccl.training.fit import fit
from reccl.training.objective import Objective
from reccl.training.settings import Training
from reccl.training.state import Fit, TrainingState
from reccl.training.terms import L2, AnyTerm, Contrast, CrossLayer, FullSoftmax, Ranking, TermSettings

__all__ = [
    "L2",
    "AnyTerm",
    "Callback",
    "Callbacks",
    "Checkpoints",
    "Contrast",
    "CrossLayer",
    "Epoch",
    "Fit",
    "FullSoftmax",
    "Objective",
    "Ranking",
    "TermSettings",
    "Training",
    "TrainingState",
    "fit",
]
