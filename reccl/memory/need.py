"""Need: the memory that one part of a run takes, told by the part itself before it exists."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

FLOAT = 4
"""Bytes of a number of an embedding (float32)."""
ROW = 8
"""Bytes of a row number in the graph (int64)."""

BATCH_SIZE = "training.batch_size"
"""The key that makes the memory of a step smaller, wherever the part that needs it stands."""

ENCODER = "encoder.dimension"
"""The key that makes every table of embeddings smaller, likewise."""


@dataclass(frozen=True)
class Sizes:
    """What is known of the data, and of the encoder, before anything is built.

    >>> Sizes(num_users=2, num_items=3, interactions=4).table(8)  # a table of 5 nodes, 8 numbers each
    160
    """

    num_users: int  # U
    num_items: int  # I
    interactions: int  # E, rows to train on
    known: int = 0  # rows of all parts, which lists leave out
    batch: int = 0  # B, interactions in a step
    dimension: int = 0  # D, of what the encoder gives; 0 without one
    on_gpu: bool = False  # whether it is trained on a GPU
    processes: int = 1  # W, which share the rows of nodes
    leads: bool = True  # whether it is rank 0 of them, which measures and records

    @property
    def num_nodes(self) -> int:
        """N = U + I."""
        return self.num_users + self.num_items

    def table(self, columns: int | None = None) -> int:
        """Bytes of a row of float32 for each node, of so many `columns` (D without them)."""
        return FLOAT * self.num_nodes * (self.dimension if columns is None else columns)

    def own_table(self, columns: int | None = None) -> int:
        """Bytes of those rows of it that one process holds.

        >>> Sizes(num_users=2, num_items=3, interactions=4, processes=2).own_table(8)  # 2.5 nodes
        80
        """
        return -(-self.table(columns) // self.processes)


@dataclass(frozen=True)
class Need:
    """Bytes of one part: those it holds for as long as it is there, and those beside them while it is made or used."""

    part: str  # where it stands in the config, such as scorer.parts.items; or what it is, such as the graph
    held: int
    working: int = 0
    smaller: tuple[str, ...] = ()  # keys of the part whose lower value makes it smaller
    shared: bool = False  # whether there is one of it, however many parts need it

    @property
    def bytes(self) -> int:
        """Both."""
        return self.held + self.working


def within(prefix: str, needs: Iterable[Need]) -> tuple[Need, ...]:
    """Needs of a part that stands at `prefix`: names and keys with it.

    >>> [made] = within("scorer", [Need("", 8, smaller=("max_items",))])
    >>> made.part, made.smaller
    ('scorer', ('scorer.max_items',))
    """
    return tuple(
        need
        if need.shared
        else replace(
            need,
            part=f"{prefix}.{need.part}".rstrip("."),
            smaller=tuple(key if key in (BATCH_SIZE, ENCODER) else f"{prefix}.{key}" for key in need.smaller),
        )
        for need in needs
    )


def one_after_another(needs: Iterable[Need]) -> tuple[Need, ...]:
    """What is made one after the other, each with what the others hold beside it: of all the working memory only the
    largest counts.

    >>> [need.working for need in one_after_another([Need("a", 1, 5), Need("b", 1, 9), Need("c", 1, 2)])]
    [0, 9, 0]
    """
    all_of_them = list(needs)
    most = max(all_of_them, key=lambda need: need.working, default=None)
    return tuple(need if need is most else replace(need, working=0) for need in all_of_them)
