"""Memory, an index: what a run or a scoring will take at its peak, told before it begins."""

from reccl.memory.amount import parse_amount, write_amount
from reccl.memory.available import available_memory, held_memory, peak_memory
from reccl.memory.estimate import MemoryEstimate, Phase, Room, check_room, require_room
from reccl.memory.need import BATCH_SIZE, ENCODER, FLOAT, ROW, Need, Sizes, one_after_another, within
from reccl.memory.share import Share, at_place, find_room, sum_estimates

__all__ = [
    "BATCH_SIZE",
    "ENCODER",
    "FLOAT",
    "ROW",
    "MemoryEstimate",
    "Need",
    "Phase",
    "Room",
    "Share",
    "Sizes",
    "at_place",
    "available_memory",
    "check_room",
    "find_room",
    "held_memory",
    "one_after_another",
    "parse_amount",
    "peak_memory",
    "require_room",
    "sum_estimates",
    "within",
    "write_amount",
]
