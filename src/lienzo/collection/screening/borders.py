"""Plain borders: letterboxes and the margins of scans, with the noise that JPEG leaves in them.

A border and the dark ground of a portrait are both plain. They differ in how they end: a border ends all along its
length, within a few lines, while a ground ends first where the sitter's hat begins.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lienzo.collection.screening.pictures import Box

LOOKED_AT = 256
"""Length in pixels of the short side to which a picture is shrunk, about, before borders are searched."""

TOLERANCE = 16
"""Largest difference, in levels of each channel, between a border's pixel and the border's colour."""

PLAIN = 0.96
"""Least share of a line's pixels that have the border's colour, for the line to count as border."""

WITHIN = 0.02
"""Share of the picture's lines within which a border has to end: more than one line, as scans lie a little askew."""

EDGE = 0.75
"""Least share of pixels unlike the border in the line where it ends, relative to the median in the picture's middle."""

ENOUGH = 0.1
"""Least share of pixels unlike the border in the picture's middle; with fewer, nothing is cut."""

BLOCK = 16
"""Number of lines at a border's inner end that JPEG's ringing may blur: two JPEG blocks of 8 lines."""

AT_MOST = 0.45
"""Largest share of the picture's lines that is cut from one side."""


def find(image: Image.Image, box: Box) -> Box | None:
    """Find plain borders and return the part of the picture inside them.

    Args:
        image: any mode of :data:`lienzo.collection.screening.pictures.MODES`.
        box: the part of ``image`` that is the picture, in its pixels; sides without a border keep this edge.

    Returns:
        left, top, right, bottom in pixels, or None where there is no border.
    """
    shrunk = max(1, min(image.size) // LOOKED_AT)
    small = image.reduce(shrunk) if shrunk > 1 else image
    pixels = np.asarray(small if small.mode == "RGB" else small.convert("RGB"))
    lines = _Lines(pixels)
    top, bottom = _depths(lines, 0, len(pixels), along=1)
    left, right = _depths(lines, top, len(pixels) - bottom, along=0)
    if not (top or bottom or left or right):
        return None
    return (
        float(left * shrunk) if left else box[0],
        float(top * shrunk) if top else box[1],
        min(box[2], float((small.width - right) * shrunk)) if right else box[2],
        min(box[3], float((small.height - bottom) * shrunk)) if bottom else box[3],
    )


class _Lines:
    """How unlike a colour the lines of a picture are; computed once for each colour."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        """Take a picture, (height, width, 3), uint8."""
        self.pixels = pixels
        self._planes: NDArray[np.uint8] | None = None
        self._others: dict[bytes, NDArray[np.float32]] = {}
        self._shares: dict[tuple[bytes, int, int, int], tuple[NDArray[np.float64], float]] = {}

    def shares(self, colour: NDArray[np.uint8], start: int, end: int, along: int) -> tuple[NDArray[np.float64], float]:
        """Return the share of each line's pixels that are unlike a colour, and its median in the picture's middle.

        The arguments are those of :func:`_depths`.
        """
        key = (colour.tobytes(), start, end, along)
        if key not in self._shares:
            other = self._other(colour)[start:end]
            length = other.shape[along]
            ones = np.ones(length, np.float32)
            share = (other @ ones if along == 1 else ones @ other).astype(np.float64) / length
            count = len(share)
            middle = np.sort(share[count // 4 : -(count // 4)])
            self._shares[key] = share, float(middle[(len(middle) - 1) // 2] + middle[len(middle) // 2]) / 2
        return self._shares[key]

    def _other(self, colour: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return 1 for pixels that differ from a colour by more than :data:`TOLERANCE`, else 0, (height, width)."""
        found = self._others.get(colour.tobytes())
        if found is None:
            if self._planes is None:
                self._planes = np.ascontiguousarray(self.pixels.transpose(2, 0, 1))
            low = np.maximum(colour, TOLERANCE) - np.uint8(TOLERANCE)
            high = np.minimum(colour, 255 - TOLERANCE) + np.uint8(TOLERANCE)
            differs = (self._planes - low[:, None, None]) > (high - low)[:, None, None]  # below low, values wrap around
            found = np.logical_or.reduce(differs).astype(np.float32)
            self._others[colour.tobytes()] = found
        return found


def _is_plain(line: NDArray[np.uint8], ordered: NDArray[np.uint8]) -> bool:
    """Say whether enough of a line's pixels have its median colour.

    Args:
        line: (length, 3).
        ordered: the same, sorted channel by channel.
    """
    length = len(line)
    few = int(length * (1 - PLAIN))
    inner = ordered[
        2 * few + 1 : length - 2 * few - 1
    ]  # within these at least, a line that is plain is near its median
    if len(inner) and int((inner[-1] - inner[0]).max()) > 2 * TOLERANCE:
        return False
    differs = (np.abs(line.astype(np.int16) - ordered[length // 2]) > TOLERANCE).any(axis=1)
    return bool(np.count_nonzero(differs) / length <= 1 - PLAIN)


def _depths(lines: _Lines, start: int, end: int, along: int) -> tuple[int, int]:
    """Return how many lines are border at the beginning and at the end of an axis.

    A letterbox has two borders of the same depth. If only one of them ends clearly, the other is cut too, although it
    may end in a dark part of the picture where its end cannot be seen.

    Args:
        lines: the picture.
        start: first row that counts.
        end: the row behind the last.
        along: the axis of a line: 1 for rows, with sides at the top and at the bottom, 0 for columns.
    """
    count = end - start if along == 1 else lines.pixels.shape[1]
    if count < 16:
        return 0, 0
    first, last = _side(lines, start, end, along, 0), _side(lines, start, end, along, count - 1)
    alike = abs(first.plain - last.plain) <= max(2, count * WITHIN)
    if alike and (first.ends or last.ends):
        return max(first.plain, first.ends), max(last.plain, last.ends)
    return first.ends, last.ends


class _Side(NamedTuple):
    """Depth of a possible border at one side of a picture."""

    plain: int
    """Number of lines that have the colour of the outermost one."""
    ends: int
    """Number of lines that are certainly border, because they end abruptly along their whole length; 0 if none."""


def _side(lines: _Lines, start: int, end: int, along: int, outermost: int) -> _Side:
    """Measure the possible border at the side whose outermost line is number ``outermost``; see :func:`_depths`.

    Rows are counted from ``start``, columns from the left.
    """
    rows = lines.pixels[start:end]
    line = rows[outermost] if along == 1 else rows[:, outermost]
    ordered = np.sort(line, axis=0)
    if not _is_plain(line, ordered):
        return _Side(0, 0)  # the usual case
    share, usual = lines.shares(ordered[len(line) // 2], start, end, along)
    if outermost:
        share = share[::-1]
    count = len(share)
    plain = int(np.argmax(share > 1 - PLAIN))
    if plain == 0 or plain > count * AT_MOST:
        return _Side(0, 0)
    if usual < ENOUGH:
        return _Side(0, 0)
    step = 2 + int(count * WITHIN)
    full = share[plain : plain + step + BLOCK] >= EDGE * usual
    ends = plain + int(np.argmax(full))
    abrupt = bool(full.any()) and share[max(0, ends - step)] <= EDGE / 4 * usual
    return _Side(plain, ends if abrupt else 0)
