"""The structure of a JPEG (ITU-T T.81, annex B): segments, scans, and whether the end is there."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lienzo.collection.reasons import Reason, Refusal

FIRST, CHUNK = 1 << 12, 1 << 17
"""So many bytes are looked through at first, and then at a time: a file may be made of many short scans."""

_RST, _TEM, _DHT, _SOI, _EOI, _SOS = 0xD0, 0x01, 0xC4, 0xD8, 0xD9, 0xDA

_NO_MARKERS = frozenset([b"", b"\0", b"\xff", *(bytes([_RST + i]) for i in range(8))])
"""What behind 0xFF makes no marker that ends a scan: nothing, stuffing, filling and restarts."""


@dataclass(frozen=True)
class Scan:
    """The compressed data of one scan."""

    start: int
    """Offset of its first byte."""
    end: int
    """Offset of the marker behind it."""
    zeros_are_plain: bool
    """Whether zero bits may encode a plain area: each of its Huffman tables gives the shortest code, all zeros, to "no
    change" or "end of block", or its bits are not coded at all. Encoders that optimise their tables do so for pictures
    with large plain areas; otherwise a stretch of zeros means lost bytes."""


def scans(data: bytes) -> Iterator[Scan]:
    """Walk through a JPEG.

    Yields:
        its scans, while their ends are there.

    Raises:
        Refusal: TRUNCATED, there is no end; DAMAGED, another picture begins within this one.
    """
    first_symbols: dict[int, int] = {}
    position, start, plain = 2, -1, False
    while (found := _marker(data, position)) >= 0:
        marker, position = data[found], found + 1
        if start >= 0:
            yield Scan(start, found - 1, plain)
            start = -1
        if marker == _EOI:
            return
        if marker == _SOI:
            raise Refusal(Reason.DAMAGED, "another JPEG begins before this one ends")
        if marker == _TEM:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise Refusal(Reason.TRUNCATED, "the JPEG ends within a segment")
        segment = data[position + 2 : position + length]
        position += length
        if marker == _DHT:
            first_symbols |= _first_symbols(segment)
        elif marker == _SOS:
            start, plain = position, _zeros_are_plain(segment, first_symbols)
    raise Refusal(Reason.TRUNCATED, "the JPEG has no end marker")


def _marker(data: bytes, start: int) -> int:
    """Return where the next marker's second byte is: behind 0xFF, but no stuffing, filling or restart; or −1."""
    if data[start : start + 1] == b"\xff" and data[start + 1 : start + 2] not in _NO_MARKERS:
        return start + 1  # as one segment follows another
    step = FIRST
    while start < len(data) - 1:
        codes = np.frombuffer(data, np.uint8, min(step + 1, len(data) - start), start)
        marked = codes[:-1] == 0xFF
        marked &= codes[1:] != 0
        if marked.any():  # hardly ever within a scan; to gather positions takes far longer
            behind = np.flatnonzero(marked) + 1
            found = codes[behind]
            behind = behind[(found != 0xFF) & ((found & 0xF8) != _RST)]
            if len(behind):
                return start + int(behind[0])
        start, step = start + step, CHUNK
    return -1


def check_whole(data: bytes) -> None:
    """See that every scan, and the picture itself, has an end.

    Raises:
        Refusal: TRUNCATED or DAMAGED.
    """
    if not list(scans(data)):
        raise Refusal(Reason.TRUNCATED, "the JPEG ends before its first scan")


def _first_symbols(segment: bytes) -> dict[int, int]:
    """Return class and number of each Huffman table -> the symbol that the code of zeros stands for."""
    found = {}
    while len(segment) >= 17:
        count = sum(segment[1:17])
        if count and len(segment) > 17:
            found[segment[0]] = segment[17]
        segment = segment[17 + count :]
    return found


def _zeros_are_plain(header: bytes, first_symbols: dict[int, int]) -> bool:
    """Read a scan's header: components with their tables, the band of coefficients, the successive approximation."""
    count = header[0] if header else 0
    if len(header) < 4 + 2 * count:
        return False
    first, last, approximation = header[1 + 2 * count : 4 + 2 * count]
    if first == 0 and approximation >> 4:
        return True  # a refinement of DC is not coded, one bit for each block
    for i in range(count):
        tables = header[2 + 2 * i]
        if first == 0 and first_symbols.get(tables >> 4) != 0:
            return False
        if last > 0 and first_symbols.get(0x10 | tables & 15) != 0:
            return False
    return True
