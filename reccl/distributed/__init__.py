"""Distributed, an index: one model trained by several processes, each with a share of the nodes."""

from reccl.distributed.group import ALONE, Group, is_rank, join, own_device
from reccl.distributed.shard import NodeRange, Shard

__all__ = ["ALONE", "Group", "NodeRange", "Shard", "is_rank", "join", "own_device"]
