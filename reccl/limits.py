"""Limits: how large a number of a config may be, by the name of its key, each with its reason.

They stand well beyond what anyone trains with, and before what fails late: in memory, in time, or in a number's type.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Limit(NamedTuple):
    """The largest number, and why; the smallest is as far below zero where the key's own type allows it."""

    largest: float
    reason: str
    signed: bool = True


MEMORY = "memory and time grow with it"
TIME = "time grows with it"
EXPLODES = "parameters would explode"
FLOAT = "numbers of 32 bits cannot hold what it gives"
ROW = "rows are counted in 31 bits"

LIMITS = {
    "batch_size": Limit(2**22, MEMORY),
    "characters": Limit(64, "no words are so long"),
    "clusters": Limit(100_000, MEMORY),
    "cutoffs": Limit(10_000, "lists of so many items are kept for every user"),
    "dimension": Limit(4_096, MEMORY),
    "epochs": Limit(1_000_000, TIME),
    "exponent": Limit(100, FLOAT),
    "feature_dimension": Limit(4_096, MEMORY),
    "heads": Limit(256, MEMORY),
    "hidden": Limit(16_384, MEMORY),
    "hops": Limit(64, "everything is connected after so many"),
    "iterations": Limit(1_000, TIME),
    "k": Limit(10_000, "lists of so many items are kept for every user"),
    "layer": Limit(64, "embeddings of so many layers are all alike"),
    "layers": Limit(64, "embeddings of so many layers are all alike"),
    "learning_rate": Limit(100, EXPLODES),
    "length": Limit(1_000_000, FLOAT),
    "neighbors": Limit(100_000, MEMORY),
    "number": Limit(100_000, MEMORY),
    "order": Limit(1_000, FLOAT),
    "oversampling": Limit(16_384, MEMORY),
    "queue": Limit(2**18, MEMORY),
    "rank": Limit(4_096, MEMORY),
    "ratio": Limit(100, MEMORY),
    "receiver_exponent": Limit(10, FLOAT),
    "redraws": Limit(1_000, TIME),
    "seed": Limit(2**32 - 1, "generators of NumPy and scikit-learn take 32 bits without a sign", signed=False),
    "sender_exponent": Limit(10, FLOAT),
    "vocabulary": Limit(10_000_000, MEMORY),
    "words": Limit(64, "no phrases are so long"),
}
"""By the name of the key; a key means the same in every part."""
WHOLE = Limit(2**31 - 1, ROW)
"""Whole numbers without a limit of their own."""
FRACTION = Limit(1e9, FLOAT)
"""Other numbers without one, a weight or a temperature."""
MAX_LENGTH = 64
"""Most numbers of a list, such as cut-offs or hidden layers."""


def find_excess(name: str, value: Any) -> str | None:
    """What is wrong with a number, or with one in a list or map of numbers; None where nothing is.

    >>> find_excess("layers", 65)
    '65 is more than 64: embeddings of so many layers are all alike'
    >>> find_excess("layers", 3) is None
    True
    """
    if isinstance(value, list | tuple) and len(value) > MAX_LENGTH and all(map(is_number, value)):
        return f"{len(value):,} numbers are more than {MAX_LENGTH}: each takes time of its own"
    for number in numbers(value):
        largest, reason, signed = LIMITS.get(name) or (WHOLE if isinstance(number, int) else FRACTION)
        smallest = -largest if signed else 0
        if number > largest:
            return f"{write(number)} is more than {write(largest)}: {reason}"
        if number < smallest:
            return f"{write(number)} is less than {write(smallest)}: {reason}"
    return None


def write(number: float) -> str:
    """A number for people.

    >>> write(16384), write(1e300), write(10**60)
    ('16,384', '1e+300', '1e+60')
    """
    if abs(number) < 1e15:
        return f"{number:,}"
    return (
        f"{number:.6g}"
        if abs(number) < 1e300 or isinstance(number, float)
        else f"a number of about {abs(number).bit_length() * 0.30103:,.0f} digits"  # more than Python may write
    )


def is_number(value: Any) -> bool:
    """Whether a value is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(value: Any) -> Iterator[int | float]:
    """The numbers of a value: itself, or those of a list or map."""
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else (value,)
    yield from (each for each in inside if is_number(each))
