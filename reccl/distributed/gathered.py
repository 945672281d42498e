"""Gathered: how many rows of all ranks are in memory at a time, and the bytes that they take."""

from reccl.memory import FLOAT, Sizes

AT_ONCE = 1 << 26
"""Numbers of a gathered table of all nodes that may be held at once in a hop, 256 MiB, or twice the rank's own rows
where that is more: of a larger one some columns are gathered at a time."""
PIECE = 1 << 24
"""Numbers of each rank that are on their way to rank 0, or from there, at once: 64 MiB of float32."""


def hop_bytes(sizes: Sizes, columns: int) -> int:
    """Bytes of a hop beside the rank's own rows, of so many columns: the gathered table, which gloo holds twice.

    >>> sizes = Sizes(num_users=1 << 20, num_items=1 << 20, interactions=1, processes=8)
    >>> hop_bytes(sizes, 64) == 2 * 4 * AT_ONCE, hop_bytes(sizes, 16) == 2 * sizes.table(16)
    (True, True)
    """
    return 2 * min(sizes.table(columns), max(FLOAT * AT_ONCE, 2 * sizes.own_table(columns)))


def collect_bytes(sizes: Sizes, own: int) -> int:
    """Bytes on rank 0 while so many of each rank come there: a piece of each, and its own once more."""
    return (sizes.processes + 1) * min(own, FLOAT * PIECE)
