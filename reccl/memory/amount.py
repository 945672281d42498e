"""Amount: bytes as people write them, 4GiB."""

import re

from reccl.errors import ConfigError

GIB = 2**30
UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
WRITTEN = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]+)")


def parse_amount(text: str, option: str = "--memory-limit") -> int:
    """Bytes of a number with its unit: B, KB, MB, GB, TB by thousands, KiB, MiB, GiB, TiB by 1,024.

    Raises ConfigError, which names the `option`, for anything else.

    >>> parse_amount("4GiB") == 4 * 2**30, parse_amount("1.5 gb")
    (True, 1500000000)
    """
    found = WRITTEN.fullmatch(text.strip())
    if found is None or (unit := UNITS.get(found[2].upper())) is None:
        raise ConfigError(f"{option} {text!r}: write it as a number with a unit, such as 4GiB, 512MiB or 16GB")
    if (amount := round(float(found[1]) * unit)) < 1:
        raise ConfigError(f"{option} {text!r}: that is no memory at all; write it such as 4GiB")
    return amount


def write_amount(amount: float, whole: float | None = None) -> str:
    """Bytes for people: GiB, or MiB where `whole` (the amount itself without it) is less than half of one.

    >>> write_amount(2.1 * 2**30), write_amount(300 * 2**20), write_amount(300 * 2**20, 2**33)
    ('2.1 GiB', '300 MiB', '0.3 GiB')
    """
    if (amount if whole is None else whole) < GIB / 2:
        return f"{amount / 2**20:,.0f} MiB"
    return f"{amount / GIB:,.1f} GiB"
