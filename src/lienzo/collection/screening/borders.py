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
"""Pictures are shrunk to about this many pixels along their short side to be looked at."""

TOLERANCE = 16
"""A border's pixel differs from the border's colour by at most this, in every channel."""

PLAIN = 0.96
"""Share of a line's pixels that have to be the border's colour."""

WITHIN = 0.02
"""A border ends within this share of the picture's lines: scans lie a little askew."""

EDGE = 0.75
"""Where it ends, a line differs from the border in so many pixels, as a share of the usual in the picture's middle."""

ENOUGH = 0.1
"""Pictures whose middle differs from the border in a smaller share of the pixels are left alone."""

BLOCK = 16
"""Lines before the end in which JPEG's ringing may blur a border."""

AT_MOST = 0.45
"""No more than this share of the picture is cut from one side."""


def find(image: Image.Image, box: Box) -> Box | None:
    """Find what is left when plain borders are cut off.

    Args:
        image: any mode of :data:`lienzo.collection.screening.pictures.MODES`.
        box: where the picture lies in it.

    Returns:
        left, top, right, bottom in pixels, or None where there is no border.
    """
    shrunk = max(1, min(image.size) // LOOKED_AT)
    small = image.reduce(shrunk) if shrunk > 1 else image
    pixels = np.asarray(small if small.mode == "RGB" else small.convert("RGB"))
    top, bottom = _depths(pixels)
    left, right = _depths(pixels[top : len(pixels) - bottom].transpose(1, 0, 2))
    if not (top or bottom or left or right):
        return None
    return (
        float(left * shrunk) if left else box[0],
        float(top * shrunk) if top else box[1],
        min(box[2], float((small.width - right) * shrunk)) if right else box[2],
        min(box[3], float((small.height - bottom) * shrunk)) if bottom else box[3],
    )


def _depths(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Return how many lines at the top and at the bottom are border; (h, w, 3).

    A letterbox has two borders of one depth: the one that ends clearly vouches for the other, which may end in the
    dark.
    """
    height = len(pixels)
    if height < 16:
        return 0, 0
    top, bottom = _side(pixels), _side(pixels[::-1])
    alike = abs(top.plain - bottom.plain) <= max(2, height * WITHIN)
    if alike and (top.ends or bottom.ends):
        return max(top.plain, top.ends), max(bottom.plain, bottom.ends)
    return top.ends, bottom.ends


class _Side(NamedTuple):
    """Lines at one side of a picture."""

    plain: int
    """So many lines have one colour."""
    ends: int
    """So many lines are border beyond doubt, because they end like one."""


def _side(pixels: NDArray[np.uint8]) -> _Side:
    height = len(pixels)
    colour = np.sort(pixels[0], axis=0)[pixels.shape[1] // 2].astype(np.int16)
    share = (np.abs(pixels.astype(np.int16) - colour) > TOLERANCE).any(axis=2).mean(axis=1)
    plain = int(np.argmax(share > 1 - PLAIN))
    usual = float(np.median(share[height // 4 : -(height // 4)]))
    if plain == 0 or plain > height * AT_MOST or usual < ENOUGH:
        return _Side(0, 0)
    step = 2 + int(height * WITHIN)
    full = share[plain : plain + step + BLOCK] >= EDGE * usual
    ends = plain + int(np.argmax(full))
    abrupt = bool(full.any()) and share[max(0, ends - step)] <= EDGE / 4 * usual
    return _Side(plain, ends if abrupt else 0)
