"""Grids of pictures, PNG files with metadata, and animated GIFs."""

import io
import math
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lienzo.display import pages

Pixels = NDArray[np.uint8]


def grid(images: Pixels, columns: int | None = None, gap: int = 2, background: int = 255) -> Pixels:
    """Put pictures side by side in a grid.

    Args:
        images: (n, height, width, channels), uint8.
        columns: number of columns; by default the grid is about square.
        gap: pixels between pictures and around them.
        background: grey level between pictures, from 0 to 255.

    Returns:
        the grid, (H, W, channels), uint8.
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
    """Return a picture (height, width, 1, 3 or 4 channels), uint8, as a Pillow image."""
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def png(image: Pixels, text: Mapping[str, str] | None = None, *, quick: bool = False) -> bytes:
    """Return a picture (height, width, 1, 3 or 4 channels), uint8, as the bytes of a PNG.

    Args:
        image: the picture.
        text: its metadata.
        quick: compress by runs of bytes alone, in half the time. Of generated pictures the file is no larger, but
            drawings with much of one colour are.
    """
    info = PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    how = {"compress_type": zlib.Z_RLE} if quick else {}
    to_pillow(image).save(buffer, format="PNG", pnginfo=info, **how)
    return buffer.getvalue()


def sheet(images: Pixels, columns: int | None, alt: str, caption: str = "", *, enlarge: int = 1) -> str:
    """Return pictures in a grid as a figure of a page; small ones are enlarged without smoothing.

    Args:
        images: (n, height, width, channels), uint8.
        columns: number of columns; by default the grid is about square.
        alt: what the pictures show, for people who cannot see them.
        caption: plain text below them.
        enlarge: factor by which they are shown larger than otherwise.
    """
    wall = grid(images, columns)
    larger = max(1, 64 * enlarge // images.shape[2])
    return pages.picture(png(wall), alt, caption=caption, pixels=True, width=larger * wall.shape[1])


def gif(frames: Sequence[Pixels], milliseconds: int = 150, hold: int = 1500) -> bytes:
    """Return frames (height, width, channels), uint8, as the bytes of an endlessly repeating GIF.

    All frames share one palette of 256 colours, so that areas that do not change do not flicker. It is computed from up
    to nine frames and from every second pixel and row of these, which takes a third of the time.

    Args:
        frames: frames of one shape.
        milliseconds: time that each frame is shown.
        hold: time in milliseconds that the last frame is shown.
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
