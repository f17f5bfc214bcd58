"""The directories of a TIFF file: its pages, which of them is the picture, and whether all of it is there.

Sections and tags in this file are those of TIFF 6.0.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lienzo.collection.reasons import Reason, Refusal

NEW_SUBFILE, SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
STRIPS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES = 273, 277, 278, 279
LARGEST, PLANES, PREDICTOR, TILES, TILE_BYTES, SUBDIRECTORIES = 281, 284, 317, 324, 325, 330
EXTRA_SAMPLES, SAMPLE_FORMAT, ORIENTATION, PROFILE = 338, 339, 274, 34675
"""Numbers of the tags that are read."""

BLACK_IS_ZERO = 1
"""Value of PhotometricInterpretation for grey, which is meant where there is none."""

RAW = frozenset({32803, 34892})
"""PhotometricInterpretation of what a camera's sensor saw, not a picture yet (DNG 1.7: CFA, LinearRaw)."""

BY_PILLOW = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 50000})
"""Values of Compression that every build of Pillow undoes."""

PAGES = 64
"""Largest number of pages that are searched for the picture."""

_TYPES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
"""Types of a tag's values that are whole numbers, by :mod:`struct`'s names."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value of each type."""

_CUT = "the TIFF ends before its directory or its pixels do"


@dataclass(frozen=True)
class Page:
    """The directory of one page."""

    offset: int
    """Offset of the directory in the file."""
    following: int
    """Offset of the next page's directory; 0 for the last page."""
    end: int
    """Offset at which the directory, its values and its pixels end."""
    tags: dict[int, tuple[int, ...]]
    """Tag -> values, of those tags above whose values are whole numbers."""

    def value(self, tag: int, default: int = 0) -> int:
        """Return a tag's first value."""
        return (self.tags.get(tag) or (default,))[0]

    @property
    def pixels(self) -> int:
        """Number of pixels, width × height."""
        return self.value(WIDTH) * self.value(HEIGHT)

    @property
    def reduced(self) -> bool:
        """Whether the page says that it is a smaller version of another one, or a mask."""
        return bool(self.value(NEW_SUBFILE) & 5) or self.value(SUBFILE) == 2

    @property
    def deep(self) -> bool:
        """Whether its samples have more than eight bits, or are signed or floating-point numbers."""
        return max(self.tags.get(BITS, (1,))) > 8 or not set(self.tags.get(SAMPLE_FORMAT, ())) <= {1, 4}

    @property
    def for_pillow(self) -> bool:
        """Whether Pillow may be expected to decode it without loss."""
        return not self.deep and self.value(COMPRESSION, 1) in BY_PILLOW


def pages(data: bytes) -> Iterator[Page]:
    """Yield the pages of a TIFF, those below another one (SubIFDs) behind it.

    Raises:
        Refusal: TRUNCATED, the first directory is not there.
    """
    large = data[2:4] in (b"+\0", b"\0+")
    first = _number(data, 8 if large else 4, 8 if large else 4)
    seen: set[int] = set()
    waiting = [first]
    while waiting and len(seen) < PAGES:
        offset = waiting.pop(0)
        if offset == 0 or offset in seen:
            continue
        seen.add(offset)
        try:
            page = _page(data, offset, large)
        except Refusal:
            if offset == first:
                raise
            continue
        yield page
        waiting = [*page.tags.get(SUBDIRECTORIES, ())[:PAGES], *waiting, page.following]


def _number(data: bytes, position: int, size: int) -> int:
    if position + size > len(data):
        raise Refusal(Reason.TRUNCATED, _CUT)
    return int.from_bytes(data[position : position + size], "little" if data[:2] == b"II" else "big")


def _page(data: bytes, offset: int, large: bool) -> Page:
    count_bytes, entry_bytes, word = (8, 20, 8) if large else (2, 12, 4)
    count = _number(data, offset, count_bytes)
    following = _number(data, offset + count_bytes + count * entry_bytes, word)
    order = "<" if data[:2] == b"II" else ">"
    end = 0
    tags: dict[int, tuple[int, ...]] = {}
    for i in range(min(count, 4096)):
        at = offset + count_bytes + i * entry_bytes
        tag, kind, number = _number(data, at, 2), _number(data, at + 2, 2), _number(data, at + 4, word)
        length = _SIZES.get(kind, 0) * number
        start = at + 4 + word if length <= word else _number(data, at + 4 + word, word)
        end = max(end, start + length if length else 0)
        if kind in _TYPES and length > 0:
            if start + length > len(data):
                if tag in (STRIPS, STRIP_BYTES, TILES, TILE_BYTES):
                    raise Refusal(Reason.TRUNCATED, _CUT)
                continue
            if tag in _READ:
                tags[tag] = struct.unpack_from(f"{order}{number}{_TYPES[kind]}", data, start)
    for offsets, lengths in ((STRIPS, STRIP_BYTES), (TILES, TILE_BYTES)):
        pairs = zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
        end = max(end, max((start + length for start, length in pairs), default=0))
    return Page(offset, following, end, tags)


_READ = frozenset({
    NEW_SUBFILE, SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES,
    LARGEST, PLANES, PREDICTOR, TILES, TILE_BYTES, SUBDIRECTORIES, EXTRA_SAMPLES, SAMPLE_FORMAT, ORIENTATION,
})  # fmt: skip


def picture(data: bytes) -> Page:
    """Return the page that is the picture: the first that is no thumbnail, no mask and no raw data of a sensor.

    Of a file that has none, such as a camera's DNG, it is the largest preview.

    Raises:
        Refusal: TRUNCATED; UNSUPPORTED, there is raw data alone.
    """
    smaller: list[Page] = []
    for page in pages(data):
        if page.value(PHOTOMETRIC, BLACK_IS_ZERO) in RAW or not page.pixels:
            continue
        if not page.reduced:
            return page
        smaller.append(page)
    if not smaller:
        raise Refusal(Reason.UNSUPPORTED, "a TIFF that holds a camera's raw data, and no preview: develop it first")
    return max(smaller, key=lambda page: page.pixels)


def check_whole(data: bytes) -> None:
    """Refuse a file that lacks the directory of the picture, or a strip or tile that it lists.

    Raises:
        Refusal: TRUNCATED or UNSUPPORTED.
    """
    if picture(data).end > len(data):
        raise Refusal(Reason.TRUNCATED, _CUT)


def beginning_with(data: bytes, page: Page) -> bytes:
    """Return the file as if ``page`` were its first."""
    large = data[2:4] in (b"+\0", b"\0+")
    word, start = (8, 8) if large else (4, 4)
    number = page.offset.to_bytes(word, "little" if data[:2] == b"II" else "big")
    return data if data[start : start + word] == number else data[:start] + number + data[start + word :]
