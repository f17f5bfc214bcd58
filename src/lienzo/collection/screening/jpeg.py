"""The structure of a JPEG (ITU-T T.81, annex B): segments, scans, and whether the end is there."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lienzo.collection.reasons import Reason, Refusal

FIRST, CHUNK = 1 << 12, 1 << 17
"""So many bytes are looked through at first, and then at a time: a file may be made of many short scans."""

_RST, _TEM, _DHT, _SOI, _EOI, _SOS = 0xD0, 0x01, 0xC4, 0xD8, 0xD9, 0xDA

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the header of a frame."""

END = b"\xff\xd9"
"""The marker at a JPEG's end."""

_NO_MARKERS = frozenset([b"", b"\0", b"\xff", *(bytes([_RST + i]) for i in range(8))])
"""What behind 0xFF makes no marker that ends a scan: nothing, stuffing, filling and restarts."""


FILLERS = (
    b"",
    b"\x55" * 256,
    b"\xfe" * 256,
    b"".join(bytes([0xFF, _RST + i]) + b"\x55" * 32 for i in range(8)),
)
"""What is put at the end of a scan to see whether its decoder still waits for bits, or for a restart."""


@dataclass(frozen=True)
class Scan:
    """The compressed data of one scan."""

    start: int
    """Offset of its first byte."""
    end: int
    """Offset of the marker behind it."""
    components: tuple[int, ...]
    """Numbers of the components that it holds."""
    components_in_all: tuple[int, ...]
    """Numbers of those that the whole picture has."""
    band: tuple[int, int]
    """First and last of the 64 coefficients that it holds."""
    precision_left: int
    """How many low bits of those are left for later scans."""
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


def _scan(start: int, end: int, frame: bytes, header: bytes, first_symbols: dict[int, int]) -> Scan:
    """Read the headers of the frame (B.2.2) and of the scan (B.2.3)."""
    count = header[0] if header else 0
    first, last, approximation = (*header[1 + 2 * count : 4 + 2 * count], 0, 0, 0)[:3]
    components, in_all = (
        tuple(header[1 : 1 + 2 * count : 2]),
        tuple(frame[6 : 6 + 3 * frame[5] : 3]) if len(frame) > 5 else (),
    )
    return Scan(start, end, components, in_all, (first, last), approximation & 15,
                _zeros_are_plain(header, first_symbols))  # fmt: skip


def check_whole(data: bytes) -> tuple[str, ...]:
    """See that every scan, and the picture itself, has an end.

    Returns:
        the note ``no-end-marker`` where nothing but the marker at the end is missing.

    Raises:
        Refusal: TRUNCATED or DAMAGED.
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
    """Return a JPEG that lacks its end marker with one."""
    return data.rstrip(b"\xff") + END


def _lacks_only_its_end(data: bytes) -> bool:
    whole = ended(data)
    try:
        found = list(scans(whole))
    except Refusal:
        return False
    return _complete(found) and not ends_early(whole, found[-1])


def _complete(found: Sequence[Scan]) -> bool:
    """Say whether the scans bring every coefficient of every component to its full precision."""
    missing = {(component, k) for scan in found[:1] for component in scan.components_in_all for k in range(64)}
    if not missing:
        return False
    for scan in found:
        if scan.precision_left == 0:
            first, last = scan.band
            missing -= {(component, k) for component in scan.components for k in range(first, last + 1)}
    return not missing


def ends_early(data: bytes, scan: Scan) -> bool:
    """Say whether bits are missing at the end of a JPEG's last scan.

    A decoder passes over what stands between the last block and the next marker, but where blocks are missing it takes
    whatever stands there for them. So bytes that are put in change the picture if, and only if, it is not whole.
    """
    shown = set[bytes]()
    for filler in FILLERS:
        try:
            with Image.open(io.BytesIO(data[: scan.end] + filler + data[scan.end :]), formats=("JPEG",)) as image:
                shown.add(hashlib.sha256(image.tobytes()).digest())
        except Exception:  # Pillow raises what its parsers stumble over
            return True
    return len(shown) > 1


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
