"""Plain borders: letterboxes and the margins of scans, with the noise that JPEG leaves in them."""

import numpy as np
from numpy.typing import NDArray

from lienzo.pictures import Box

TOLERANCE = 10
"""A border's pixel differs from the border's colour by at most this, in every channel."""

PLAIN = 0.985
"""Share of a line's pixels that have to be the border's colour."""

EDGE = 0.5
"""Share of the first line's pixels inside the border that have to differ from it: a frame ends all along its length,
while the dark ground of a portrait ends only where the sitter begins."""

AT_MOST = 0.45
"""No more than this share of the picture is cut from one side."""


def find(pixels: NDArray[np.uint8]) -> Box | None:
    """Find what is left when plain borders are cut off.

    Args:
        pixels: (h, w, 3), uint8.

    Returns:
        left, top, right, bottom in pixels, or None where there is no border.
    """
    top = _depth(pixels)
    bottom = _depth(pixels[::-1])
    middle = pixels[top : len(pixels) - bottom].transpose(1, 0, 2)
    left = _depth(middle)
    right = _depth(middle[::-1])
    if not (top or bottom or left or right):
        return None
    return float(left), float(top), float(pixels.shape[1] - right), float(pixels.shape[0] - bottom)


def _depth(pixels: NDArray[np.uint8]) -> int:
    """Return how many lines at the top are border."""
    limit = int(len(pixels) * AT_MOST)
    if limit < 1:
        return 0
    colour = np.median(pixels[0], axis=0)
    differs = (np.abs(pixels[: limit + 4].astype(np.int16) - colour.astype(np.int16)) > TOLERANCE).any(axis=2)
    share = differs.mean(axis=1)
    plain = share <= 1 - PLAIN
    depth = int(np.argmin(plain)) if not plain.all() else len(plain)
    if depth == 0 or depth > limit:
        return 0
    inside = share[depth : depth + 3].max(initial=0.0)
    return depth if inside >= EDGE else 0
