"""Damage that decodes: what broken downloads leave in files whose beginning and end are whole.

The thresholds stand in docs/reasons.md with the rates of false alarms measured on real paintings.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening.jpeg import ends_early, scans

JPEG_ZEROS = 32
"""So many zero bytes in a row do not occur in a JPEG's scan, unless its Huffman tables make them mean a plain area."""

WEBP_ZEROS = 512
"""The same for WebP, whose arithmetic coder writes some hundred of them for plain areas."""

GREY_CORNER = 3
"""A JPEG's scan that ends early leaves the rest mid-grey: the last so many pixels by so many are exactly 128. Padding
may be so too, hence such a scan is looked at more closely."""

ABRUPT = 1 / 16
"""Black rows of uncompressed pixels that begin within a row, this share of the width before or after the picture's own
edge, were zeroed."""

SPECKLES = 0.1
"""Share of the rest of such a row that may be black all the same."""


def check_bytes(data: bytes, kind: str) -> None:
    """Look for zeroed stretches in compressed pixels.

    Raises:
        Refusal: DAMAGED.
    """
    at = -1
    if kind == "JPEG" and _zero_words(data) and data.find(bytes(JPEG_ZEROS)) >= 0:
        telling = (scan for scan in scans(data) if not scan.zeros_are_plain)
        at = max((data.find(bytes(JPEG_ZEROS), scan.start, scan.end) for scan in telling), default=-1)
    elif kind == "WEBP":
        at = data.find(bytes(WEBP_ZEROS))
    if at >= 0:
        raise Refusal(Reason.DAMAGED, f"zeros in the compressed pixels, at {at / len(data):.0%} of the file")


def _zero_words(data: bytes) -> bool:
    """Say whether eight bytes in a row, at a multiple of eight, are zero: quick to see, and rare without damage."""
    return not np.frombuffer(data, np.uint64, len(data) // 8).all()


def check_content(image: Image.Image, data: bytes, kind: str) -> None:
    """Look for the grey rest of a JPEG and for zeroed rows of uncompressed pixels.

    Args:
        image: loaded, as it is stored: not turned upright, its colours not converted.
        data: the file.
        kind: the format.

    Raises:
        Refusal: DAMAGED.
    """
    if kind == "JPEG" and _grey_end(image) and ends_early(data, list(scans(data))[-1]):
        raise Refusal(Reason.DAMAGED, "the lower end is grey: the rest of the scan is missing")
    if kind == "BMP" or (kind == "TIFF" and image.info.get("compression") == "raw"):
        check_rows(np.asarray(image))


def check_rows(pixels: NDArray[Any]) -> None:
    """Look for zeroed rows of uncompressed pixels, (height, width) or (height, width, channels), as they are stored.

    Raises:
        Refusal: DAMAGED.
    """
    if _zeroed_rows(pixels.reshape(*pixels.shape[:2], -1)):
        raise Refusal(Reason.DAMAGED, "rows of pixels are zeroed, beginning or ending within a row")


def _grey_end(image: Image.Image) -> bool:
    """Say whether the last corner is exactly mid-grey."""
    width, height = image.size
    if image.getpixel((width - 1, height - 1)) not in (128, (128,) * len(image.getbands())):  # nearly always, and quick
        return False
    return _mid_grey(image.crop((max(0, width - GREY_CORNER), max(0, height - GREY_CORNER), width, height)))


def _mid_grey(corner: Image.Image) -> bool:
    """Say whether every channel is 128 everywhere."""
    return set(np.ravel(corner.getextrema())) == {128}


def _zeroed_rows(pixels: NDArray[Any]) -> bool:
    """Say whether the longest run of black rows has an edge that only lost bytes leave.

    Lost bytes end and begin anywhere in a row, while the picture's own edge moves little from row to row. Rows may be
    stored from the top or from the bottom, hence both directions.
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
    """Return how many flags at the beginning are set."""
    return len(flags) if flags.all() else int(np.argmin(flags))
