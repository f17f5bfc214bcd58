"""Plain borders: letterboxes and the margins of scans, with the noise that JPEG leaves in them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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


def find(image: Image.Image, box: Box) -> Box | None:
    """Find what is left when plain borders are cut off.

    Args:
        image: any mode of :data:`lienzo.pictures.MODES`.
        box: where the picture lies in it.

    Returns:
        left, top, right, bottom in pixels, or None where there is no border.
    """
    pixels = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    top = _depth(pixels)
    bottom = _depth(pixels[::-1])
    middle = pixels[top : len(pixels) - bottom].transpose(1, 0, 2)
    left = _depth(middle)
    right = _depth(middle[::-1])
    if not (top or bottom or left or right):
        return None
    height, width = pixels.shape[:2]
    return (
        float(left) if left else box[0],
        float(top) if top else box[1],
        float(width - right) if right else box[2],
        float(height - bottom) if bottom else box[3],
    )


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
