"""Splits, an index: each is a config part that decides which rows are train, validation and test."""

from typing import Annotated

from pydantic import Field

from reccl.data.splits.cold_start import ColdItems, ColdUsers
from reccl.data.splits.global_timeline import GlobalTimeline
from reccl.data.splits.holdout import Split
from reccl.data.splits.leave_last_out import LeaveLastOut
from reccl.data.splits.predefined import Predefined
from reccl.data.splits.random_global import RandomGlobal
from reccl.data.splits.random_per_user import RandomPerUser
from reccl.data.splits.sliding_window import SlidingWindow
from reccl.data.splits.strong_generalization import StrongGeneralization
from reccl.data.splits.temporal import Temporal

AnySplit = Annotated[
    ColdItems
    | ColdUsers
    | GlobalTimeline
    | LeaveLastOut
    | Predefined
    | RandomGlobal
    | RandomPerUser
    | SlidingWindow
    | StrongGeneralization
    | Temporal,
    Field(discriminator="kind"),
]

__all__ = [
    "AnySplit",
    "ColdItems",
    "ColdUsers",
    "GlobalTimeline",
    "LeaveLastOut",
    "Predefined",
    "RandomGlobal",
    "RandomPerUser",
    "SlidingWindow",
    "Split",
    "StrongGeneralization",
    "Temporal",
]
