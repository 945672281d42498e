"""Parquet pages: damage that would end the process. Polars asks for memory by the counts in the headers of pages,
unchecked, and no Python catches an allocation that fails.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from reccl.errors import DataError

MAGIC = b"PAR1"
HEADER = 2**16
"""Bytes that are read for a header of a page: more than it has, statistics included."""
ROW_GROUPS, COLUMNS, ABOUT = 4, 1, 3
VALUES, SIZE, DATA_OFFSET, DICTIONARY_OFFSET = 5, 7, 9, 11
"""Fields of FileMetaData, RowGroup, ColumnChunk, and of what a chunk says of itself, in parquet.thrift."""
PAGE_SIZE, DATA, DICTIONARY, DATA_V2 = 3, 5, 7, 8
"""Fields of PageHeader: bytes that follow it, and a struct of each kind of page, whose field 1 counts its values."""
UNREADABLE = (IndexError, ValueError, RecursionError, OverflowError)
Struct = dict[int, Any]
"""Number of a field -> its value: a number, a struct, or a list; texts and others are None."""


def check_pages(file: Path) -> None:
    """Raise DataError where a page claims fewer values than none, or more than its column holds.

    Only the footer and the headers of pages are read. What else may be wrong, the reader finds itself.
    """
    with file.open("rb") as stream:
        for group in structs(read_footer(stream).get(ROW_GROUPS)):
            for number, chunk in enumerate(structs(group.get(COLUMNS)), 1):
                about = chunk.get(ABOUT)
                values = about.get(VALUES) if isinstance(about, dict) else None
                if not isinstance(about, dict) or not isinstance(values, int):
                    continue
                counts = list(page_counts(stream, about, values))
                if min([*counts, values]) < 0 or sum(counts) > values:
                    raise DataError(
                        f"{file} is damaged: a page of column {number} cannot hold as many values as it says; get the "
                        "file again"
                    )


def structs(value: Any) -> list[Struct]:
    """The structs of a list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def read_footer(stream: BinaryIO) -> Struct:
    """FileMetaData; empty where there is none."""
    size = stream.seek(0, 2)
    stream.seek(max(size - 8, 0))
    length = int.from_bytes(stream.read(4), "little")
    if stream.read(4) != MAGIC or length > size - 8:
        return {}
    stream.seek(size - 8 - length)
    try:
        return read_struct(stream.read(length), 0)[0]
    except UNREADABLE:
        return {}


def page_counts(stream: BinaryIO, about: Struct, values: int) -> Iterator[int]:
    """Numbers of values of pages, up to the first header that cannot be read; of dictionaries those below zero."""
    named = (about.get(name) for name in (DATA_OFFSET, DICTIONARY_OFFSET))
    offsets = [each for each in named if isinstance(each, int) and each > 0]
    size, seen = about.get(SIZE), 0
    if not offsets or not isinstance(size, int):
        return
    place, end = min(offsets), min(offsets) + size
    while place < end and 0 <= seen < values:
        stream.seek(place)
        try:
            header, length = read_struct(stream.read(HEADER), 0)
        except UNREADABLE:
            return
        for kind in (DATA, DATA_V2, DICTIONARY):
            count = header[kind].get(1) if isinstance(header.get(kind), dict) else None
            if isinstance(count, int) and (kind != DICTIONARY or count < 0):
                yield count
                seen += count
        follows = header.get(PAGE_SIZE)
        if not isinstance(follows, int) or follows < 0:
            return
        place += length + follows


def read_struct(data: bytes, place: int) -> tuple[Struct, int]:
    """A struct of Thrift's compact protocol, and the place behind it. Raises IndexError or ValueError for no struct.

    https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
    """
    found, number = Struct(), 0
    while kind := data[place] & 15:
        step = data[place] >> 4
        place += 1
        if step:
            number += step
        else:
            number, place = read_signed(data, place)
        found[number], place = read_value(data, place, kind) if kind > 2 else (None, place)  # 1, 2: true, false
    return found, place + 1


def read_value(data: bytes, place: int, kind: int) -> tuple[Any, int]:
    """A value of one of the protocol's types, and the place behind it."""
    match kind:
        case 1 | 2 | 3:
            return None, place + 1
        case 4 | 5 | 6:
            return read_signed(data, place)
        case 7:
            return None, place + 8
        case 8:
            length, place = read_varint(data, place)
            return None, place + length
        case 9 | 10:
            return read_list(data, place)
        case 12:
            return read_struct(data, place)
        case _:
            raise ValueError(f"Parquet has no field of type {kind}")


def read_list(data: bytes, place: int) -> tuple[list[Any], int]:
    """A list; its values are of one type."""
    number, kind = data[place] >> 4, data[place] & 15
    place += 1
    if number == 15:
        number, place = read_varint(data, place)
    found = []
    for _ in range(number):
        if place >= len(data):
            raise IndexError("a list that is longer than the file")
        value, place = read_value(data, place, kind)
        found.append(value)
    return found, place


def read_signed(data: bytes, place: int) -> tuple[int, int]:
    """A signed number, which is stored as 0, -1, 1, -2, ..."""
    value, place = read_varint(data, place)
    return (value >> 1) ^ -(value & 1), place


def read_varint(data: bytes, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first; all but the last have the highest bit."""
    value = 0
    for shift in range(10):
        byte = data[place + shift]
        value |= (byte & 127) << 7 * shift
        if byte < 128:
            return value, place + shift + 1
    raise ValueError("a number without an end")
