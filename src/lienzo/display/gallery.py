"""Grids of pictures, PNG files with metadata, and animated GIFs."""

import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Pixels = NDArray[np.uint8]


def grid(images: Pixels, columns: int | None = None, gap: int = 2, background: int = 255) -> Pixels:
    """Put pictures side by side in a grid.

    Args:
        images: (n, height, width, channels).
        columns: by default as many as make the grid about square.
        gap: pixels between pictures and around them.
        background: grey level of the wall.

    Returns:
        (H, W, channels).
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count * height / width))
    rows = math.ceil(count / columns)
    wall = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), background, np.uint8)
    for i, image in enumerate(images):
        top, left = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        wall[top : top + height, left : left + width] = image
    return wall


def to_pillow(image: Pixels) -> Image.Image:
    """Return a picture (height, width, 1, 3 or 4 channels) as Pillow's."""
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def png(image: Pixels, text: Mapping[str, str] | None = None) -> bytes:
    """Return a picture (height, width, 1, 3 or 4 channels) as PNG, with ``text`` in its metadata."""
    info = PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    to_pillow(image).save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def gif(frames: Sequence[Pixels], milliseconds: int = 150, hold: int = 1500) -> bytes:
    """Return frames (height, width, channels) as an endless GIF whose last frame is held longer.

    The frames share 256 colours, so that areas that stay do not flicker: chosen from up to nine of them, and from every
    second pixel of every second row, which takes a third of the time.
    """
    pictures = [to_pillow(frame).convert("RGB") for frame in frames]
    chosen = pictures[:: -(-len(pictures) // 8)] + pictures[-1:]
    sample = np.concatenate([np.asarray(picture)[::2, ::2] for picture in chosen])
    palette = Image.fromarray(sample).quantize(256, method=Image.Quantize.MEDIANCUT)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [milliseconds] * (len(frames) - 1) + [hold]
    buffer = io.BytesIO()
    indexed[0].save(
        buffer, format="GIF", save_all=True, append_images=indexed[1:], duration=durations, loop=0, disposal=1
    )
    return buffer.getvalue()
