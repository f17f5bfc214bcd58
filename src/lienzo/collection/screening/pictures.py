"""The shape of pictures: geometry, and the one resize.

Arrays are uint8 of shape (height, width, channels), channels being 1 (grey), 3 (sRGB) or 4 (sRGB and alpha).
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lienzo.collection.settings import WHITE, Geometry, Resample

FILTERS: dict[Resample, Image.Resampling] = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}
"""Pillow's names of the filters."""

Pixels = NDArray[np.uint8]
"""(height, width, channels), uint8."""

Box = tuple[float, float, float, float]
"""left, top, right, bottom, in pixels."""


MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's name for pictures of that many channels."""


def needed_scale(width: float, height: float, to_width: int, to_height: int, geometry: Geometry) -> float:
    """Return how many times smaller a picture becomes along the axis that shrinks least."""
    across, down = width / to_width, height / to_height
    return max(across, down) if geometry == "pad" else min(across, down)


def fit(
    image: Image.Image,
    height: int,
    width: int,
    geometry: Geometry = "crop",
    *,
    box: Box | None = None,
    background: tuple[int, int, int] = WHITE,
    resample: Resample = "lanczos",
) -> Image.Image:
    """Bring a picture to ``height`` × ``width`` with one resize.

    Where alpha is 0, no colour is left: none is seen there, and what cannot be seen must not be learnt.

    Args:
        image: in one of :data:`MODES`.
        height: wanted, in pixels.
        width: wanted, in pixels.
        geometry: ``crop`` scales until the picture just covers the shape and cuts the centre out, as the thesis does;
            ``squash`` ignores the aspect; ``pad`` scales until it fits in and fills the rest with ``background``.
        box: take only this part of the picture.
        background: for ``pad``; grey pictures get its luma, pictures with alpha get transparency.
        resample: ``lanczos`` is antialiased, its colours weighted by alpha; ``nearest`` takes the nearest pixel.
    """
    left, top, right, bottom = box or (0.0, 0.0, float(image.width), float(image.height))
    if geometry == "crop":
        scale = needed_scale(right - left, bottom - top, width, height, "crop")
        # one of them is 0, and rounding must not take it below: there are no pixels beyond the border
        spare_x, spare_y = max(0.0, right - left - scale * width) / 2, max(0.0, bottom - top - scale * height) / 2
        left, right, top, bottom = left + spare_x, right - spare_x, top + spare_y, bottom - spare_y
    if geometry != "pad":
        return _without_hidden(_resize(image, width, height, (left, top, right, bottom), resample))
    scale = needed_scale(right - left, bottom - top, width, height, "pad")
    inner = min(width, max(1, round((right - left) / scale))), min(height, max(1, round((bottom - top) / scale)))
    colours = {"L": Image.new("RGB", (1, 1), background).convert("L").getpixel((0, 0)), "RGB": background}
    canvas = Image.new(image.mode, (width, height), colours.get(image.mode, (0, 0, 0, 0)))
    canvas.paste(
        _without_hidden(_resize(image, *inner, (left, top, right, bottom), resample)),
        ((width - inner[0]) // 2, (height - inner[1]) // 2),
    )
    return canvas


def _without_hidden(image: Image.Image) -> Image.Image:
    """Make colours black where alpha is 0."""
    if image.mode != "RGBA":
        return image
    pixels = np.array(image)
    pixels[pixels[:, :, 3] == 0] = 0
    return Image.fromarray(pixels)


def resize(images: Pixels, height: int, width: int) -> Pixels:
    """Resize one picture or many to ``height`` × ``width``; the same filter that preparation uses.

    Lanczos (a = 3), antialiased when shrinking: its support grows with the scale, and values are rounded to uint8 after
    each axis, as Pillow does. Nothing is cropped.

    Args:
        images: (n, h, w, c) or (h, w, c), uint8, c in 1, 3, 4.
        height: wanted, in pixels.
        width: wanted, in pixels.

    Returns:
        (n, height, width, c) or (height, width, c), uint8; the array itself where nothing changes.
    """
    if images.shape[-3:-1] == (height, width):
        return images
    if images.ndim == 4:
        return np.stack([resize(image, height, width) for image in images])
    image = Image.fromarray(images[:, :, 0] if images.shape[2] == 1 else images)
    pixels = np.asarray(_resize(image, width, height, (0.0, 0.0, float(image.width), float(image.height))))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _resize(image: Image.Image, width: int, height: int, box: Box, resample: Resample = "lanczos") -> Image.Image:
    if image.size == (width, height) and box == (0.0, 0.0, float(width), float(height)):
        return image
    return image.resize((width, height), FILTERS[resample], box=box)
