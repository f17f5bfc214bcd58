"""The structure of a JPEG file (ITU-T T.81, annex B): its segments and scans, and whether its end is missing."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lienzo.collection.reasons import Reason, Refusal

FIRST, CHUNK = 1 << 12, 1 << 17
"""Number of bytes that are searched for a marker at first, and then at a time. Fewer at first, as a file may be made of
many short scans."""

_RST, _TEM, _DHT, _SOI, _EOI, _SOS = 0xD0, 0x01, 0xC4, 0xD8, 0xD9, 0xDA

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Second bytes of the markers that begin a frame's header (SOF0 to SOF15)."""

END = b"\xff\xd9"
"""The end marker (EOI)."""

_NO_MARKERS = frozenset([b"", b"\0", b"\xff", *(bytes([_RST + i]) for i in range(8))])
"""Bytes that, after 0xFF, form no marker that ends a scan: the end of the file, stuffing, fill bytes and restarts."""

FILLERS = (
    b"",
    b"\x55" * 256,
    b"\xfe" * 256,
    b"".join(bytes([0xFF, _RST + i]) + b"\x55" * 32 for i in range(8)),
)
"""Bytes that are inserted at the end of a scan to find out whether the decoder still expects data or a restart; see
:func:`ends_early`."""


@dataclass(frozen=True)
class Scan:
    """The compressed data of one scan."""

    start: int
    """Offset of its first byte."""
    end: int
    """Offset of the marker after it."""
    components: tuple[int, ...]
    """Identifiers of the colour components in this scan."""
    components_in_all: tuple[int, ...]
    """Identifiers of all colour components of the picture."""
    band: tuple[int, int]
    """First and last index of the DCT coefficients in this scan, from 0 to 63."""
    precision_left: int
    """Number of low bits of each coefficient that later scans have to add (Al in the standard)."""
    zeros_are_plain: bool
    """Whether zero bits may encode a plain area: each of its Huffman tables gives the shortest code, all zeros, to "no
    change" or "end of block", or its bits are not coded at all. Encoders that optimise their tables do so for pictures
    with large plain areas; otherwise a stretch of zeros means lost bytes."""


def scans(data: bytes) -> Iterator[Scan]:
    """Yield the scans of a JPEG file, in their order.

    Yields:
        each scan that is followed by another marker.

    Raises:
        Refusal: with the reason TRUNCATED if the file ends before its end marker, DAMAGED if another JPEG begins
            within it.
    """
    first_symbols: dict[int, int] = {}
    position, start = 2, -1
    frame = header = b""
    while (found := _marker(data, position)) >= 0:
        marker, position = data[found], found + 1
        if start >= 0:
            yield _scan(start, found - 1, frame, header, first_symbols)
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
        elif marker in _FRAMES:
            frame = segment
        elif marker == _SOS:
            start, header = position, segment
    raise Refusal(Reason.TRUNCATED, "the JPEG has no end marker")


def _marker(data: bytes, start: int) -> int:
    """Return the offset of the next marker's second byte, or −1; stuffing, fill bytes and restarts do not count."""
    if data[start : start + 1] == b"\xff" and data[start + 1 : start + 2] not in _NO_MARKERS:
        return start + 1  # the usual case: a segment directly after another
    step = FIRST
    while start < len(data) - 1:
        codes = np.frombuffer(data, np.uint8, min(step + 1, len(data) - start), start)
        marked = codes[:-1] == 0xFF
        marked &= codes[1:] != 0
        if marked.any():  # rarely true within a scan; gathering the positions takes far longer
            behind = np.flatnonzero(marked) + 1
            found = codes[behind]
            behind = behind[(found != 0xFF) & ((found & 0xF8) != _RST)]
            if len(behind):
                return start + int(behind[0])
        start, step = start + step, CHUNK
    return -1


def _scan(start: int, end: int, frame: bytes, header: bytes, first_symbols: dict[int, int]) -> Scan:
    """Make a scan from the contents of the frame header (T.81, B.2.2) and of the scan header (B.2.3)."""
    count = header[0] if header else 0
    first, last, approximation = (*header[1 + 2 * count : 4 + 2 * count], 0, 0, 0)[:3]
    components, in_all = (
        tuple(header[1 : 1 + 2 * count : 2]),
        tuple(frame[6 : 6 + 3 * frame[5] : 3]) if len(frame) > 5 else (),
    )
    return Scan(start, end, components, in_all, (first, last), approximation & 15,
                _zeros_are_plain(header, first_symbols))  # fmt: skip


def check_whole(data: bytes) -> tuple[str, ...]:
    """Refuse a JPEG file whose end is missing.

    Returns:
        the note ``no-end-marker`` if only the end marker is missing and no pixels are, else no notes.

    Raises:
        Refusal: with the reason TRUNCATED or DAMAGED.
    """
    try:
        found = list(scans(data))
    except Refusal as refusal:
        if refusal.reason == Reason.TRUNCATED and _lacks_only_its_end(data):
            return ("no-end-marker",)
        raise
    if not found:
        raise Refusal(Reason.TRUNCATED, "the JPEG ends before its first scan")
    return ()


def ended(data: bytes) -> bytes:
    """Append the end marker to the bytes of a JPEG file that lacks it."""
    return data.rstrip(b"\xff") + END


def _lacks_only_its_end(data: bytes) -> bool:
    """Return whether nothing but the end marker is missing from a JPEG file."""
    whole = ended(data)
    try:
        found = list(scans(whole))
    except Refusal:
        return False
    return _complete(found) and not ends_early(whole, found[-1])


def _complete(found: Sequence[Scan]) -> bool:
    """Return whether the scans together hold every coefficient of every component to its full precision."""
    missing = {(component, k) for scan in found[:1] for component in scan.components_in_all for k in range(64)}
    if not missing:
        return False
    for scan in found:
        if scan.precision_left == 0:
            first, last = scan.band
            missing -= {(component, k) for component in scan.components for k in range(first, last + 1)}
    return not missing


def ends_early(data: bytes, scan: Scan) -> bool:
    """Return whether blocks are missing at the end of a JPEG's last scan.

    A decoder ignores bytes between the last block and the next marker, but if blocks are missing it decodes these
    bytes as blocks. So the picture is decoded several times with different bytes inserted there (:data:`FILLERS`): it
    changes if, and only if, blocks are missing.
    """
    shown = set[bytes]()
    for filler in FILLERS:
        try:
            with Image.open(io.BytesIO(data[: scan.end] + filler + data[scan.end :]), formats=("JPEG",)) as image:
                shown.add(hashlib.sha256(image.tobytes()).digest())
        except Exception:  # Pillow's parsers raise errors of many types
            return True
    return len(shown) > 1


def _first_symbols(segment: bytes) -> dict[int, int]:
    """Return, for each Huffman table in a DHT segment, the symbol of its all-zeros code.

    Keys are the byte that names a table: its class (0 for DC, 1 for AC) in the high four bits, its number in the low.
    """
    found = {}
    while len(segment) >= 17:
        count = sum(segment[1:17])
        if count and len(segment) > 17:
            found[segment[0]] = segment[17]
        segment = segment[17 + count :]
    return found


def _zeros_are_plain(header: bytes, first_symbols: dict[int, int]) -> bool:
    """Return whether zero bytes may encode a plain area in a scan with this header; see :class:`Scan`."""
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
