"""Detection of lost content in files that decode: broken downloads may leave zeros between a whole beginning and end.

docs/reasons.md gives the rates of false alarms that these thresholds have on real paintings.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening.jpeg import ends_early, scans

JPEG_ZEROS = 32
"""Number of zero bytes in a row that an intact JPEG scan never holds, unless its Huffman tables encode plain areas as
zeros."""

WEBP_ZEROS = 512
"""Number of zero bytes in a row that an intact WebP never holds; its arithmetic coder writes some hundred of them for
plain areas."""

GREY_CORNER = 3
"""Side in pixels of the corner at the lower right that is examined: a JPEG scan that ends early leaves it at exactly
128. Intact grey margins look the same, hence such a scan is also tested by :func:`ends_early`."""

ABRUPT = 1 / 16
"""Least jump of a black area's edge from one row to the next, as a share of the width, that means lost bytes. Bytes are
lost from any place within a row, while the edge of a painted black area moves little."""

SPECKLES = 0.1
"""Largest share of black pixels in the rest of the row in which such an area begins or ends."""


def check_bytes(data: bytes, kind: str) -> None:
    """Refuse a file whose compressed pixels contain a stretch of zeros.

    Raises:
        Refusal: with the reason DAMAGED.
    """
    at = -1
    if kind == "JPEG" and _zero_words(data) and data.find(bytes(JPEG_ZEROS)) >= 0:
        telling = (scan for scan in scans(data) if not scan.zeros_are_plain)
        at = max((data.find(bytes(JPEG_ZEROS), scan.start, scan.end) for scan in telling), default=-1)
    elif kind == "WEBP":
        at = max((data.find(bytes(WEBP_ZEROS), *span) for span in _webp_pixels(data)), default=-1)
    if at >= 0:
        raise Refusal(Reason.DAMAGED, f"zeros in the compressed pixels, at {at / len(data):.0%} of the file")


def _webp_pixels(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the compressed pixels and alpha of a WebP file's first frame begin and end.

    A file is a list of chunks: four letters, their size, and as many bytes, padded to an even number. An animation's
    frame, ANMF, is a list too, after 16 bytes.
    """
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind in (b"VP8 ", b"VP8L", b"ALPH"):
            yield at + 8, at + 8 + size
        if kind in (b"VP8 ", b"VP8L"):
            return
        at += 8 + (16 if kind == b"ANMF" else size + size % 2)


def _zero_words(data: bytes) -> bool:
    """Return whether an aligned word of eight bytes is zero: a fast test that few intact files pass."""
    return not np.frombuffer(data, np.uint64, len(data) // 8).all()


def check_content(image: Image.Image, data: bytes, kind: str) -> None:
    """Refuse a JPEG whose lower end is missing and uncompressed pixels with zeroed rows.

    Args:
        image: the loaded picture as it is stored: not turned upright, its colours not converted.
        data: the bytes of the file.
        kind: the format, one of :data:`formats.FORMATS`.

    Raises:
        Refusal: with the reason DAMAGED.
    """
    if kind == "JPEG" and _grey_end(image) and ends_early(data, list(scans(data))[-1]):
        raise Refusal(Reason.DAMAGED, "the lower end is grey: the rest of the scan is missing")
    if kind == "BMP" or (kind == "TIFF" and image.info.get("compression") == "raw"):
        check_rows(np.asarray(image))


def check_rows(pixels: NDArray[Any]) -> None:
    """Refuse uncompressed pixels with zeroed rows.

    Args:
        pixels: (height, width) or (height, width, channels), as they are stored.

    Raises:
        Refusal: with the reason DAMAGED.
    """
    if _zeroed_rows(pixels.reshape(*pixels.shape[:2], -1)):
        raise Refusal(Reason.DAMAGED, "rows of pixels are zeroed, beginning or ending within a row")


def _grey_end(image: Image.Image) -> bool:
    """Return whether every pixel of the lower right corner is exactly 128."""
    width, height = image.size
    if image.getpixel((width - 1, height - 1)) not in (128, (128,) * len(image.getbands())):  # nearly always, and quick
        return False
    return _mid_grey(image.crop((max(0, width - GREY_CORNER), max(0, height - GREY_CORNER), width, height)))


def _mid_grey(corner: Image.Image) -> bool:
    """Return whether every channel is 128 everywhere."""
    return set(np.ravel(corner.getextrema())) == {128}


def _zeroed_rows(pixels: NDArray[Any]) -> bool:
    """Return whether the longest run of black rows was zeroed rather than painted.

    Lost bytes begin and end anywhere in a row, so a row beside the run is black up to some column; the edge of a
    painted black area moves little from row to row. Rows may be stored from the top or from the bottom, hence both
    directions are tried.

    Args:
        pixels: (height, width, channels).
    """
    black = (pixels == 0).all(axis=2)
    rows = np.flatnonzero(np.diff(np.concatenate([[False], black.all(axis=1), [False]]).astype(np.int8)))
    if len(rows) == 0 or rows[1] - rows[0] == len(black):
        return False
    starts, ends = rows[::2], rows[1::2]
    longest = int(np.argmax(ends - starts))
    start, end = int(starts[longest]), int(ends[longest])
    jump = max(4.0, black.shape[1] * ABRUPT)
    for beside, beyond in ((start - 1, start - 2), (end, end + 1)):
        for direction in (1, -1) if 0 <= beside < len(black) else ():
            row = black[beside][::direction]
            edge = _leading(row)
            usual = _leading(black[beyond][::direction]) if 0 <= beyond < len(black) else 0
            if edge - usual >= jump and row[edge:].mean() <= SPECKLES:
                return True
    return False


def _leading(flags: NDArray[np.bool_]) -> int:
    """Return the number of true values before the first false one."""
    return len(flags) if flags.all() else int(np.argmin(flags))
