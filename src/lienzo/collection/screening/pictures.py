"""Pictures as arrays: decoding, colour, orientation, geometry, and the one resize. NumPy and Pillow only.

Arrays are uint8 of shape (height, width, channels), channels being 1 (grey), 3 (sRGB) or 4 (sRGB and alpha).
"""

import functools
import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from lienzo.collection.settings import WHITE, Geometry

Pixels = NDArray[np.uint8]
"""(height, width, channels), uint8."""

Box = tuple[float, float, float, float]
"""left, top, right, bottom, in pixels."""

GAP = 1.1
"""A JPEG is decoded at the smallest of the scales 1/8, 1/4, 1/2, 1 that is still this many times the size wanted; the
antialiased resize does the rest. docs/prepare.md says how near that comes to resizing the full decode."""

ORIENTATION = 0x0112
"""Number of the EXIF tag that says how a picture is to be turned."""

TURNS = {
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
"""EXIF orientation -> whether the axes change places, and then whether x and y are mirrored, to set it upright."""

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's name for pictures of that many channels."""


@dataclass(frozen=True)
class Decoded:
    """A decoded picture."""

    image: Image.Image
    """Upright, in one of :data:`MODES`."""
    box: Box
    """Where the original lies in ``image``: a scaled decode rounds its size up."""
    notes: tuple[str, ...]
    """What had to be done to it; the names are explained in docs/prepare.md."""


def load(image: Image.Image, scale: float = 1.0) -> int:
    """Decode the first frame of an opened picture, a JPEG at a smaller scale where that is enough.

    Args:
        image: opened, not loaded yet.
        scale: how many times larger than needed the original is.

    Returns:
        how many times smaller than the original it was decoded: 1, 2, 4 or 8.

    Raises:
        OSError, SyntaxError, ValueError and others: whatever Pillow raises for broken content.
    """
    reduction = 2 ** min(3, math.floor(math.log2(max(1.0, scale / GAP))))
    if reduction > 1 and image.draft(None, (image.width // reduction, image.height // reduction)) is None:
        reduction = 1
    image.load()
    return int(reduction)


def decode(
    image: Image.Image, size: tuple[float, float], channels: int = 3, background: tuple[int, int, int] = WHITE
) -> Decoded:
    """Turn a loaded picture upright and convert it to sRGB.

    Args:
        image: see :func:`load`.
        size: width and height of the original at the scale of ``image``, before rounding.
        channels: 1, 3 or 4.
        background: what transparent pictures are composited on, unless alpha is kept.
    """
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append("several-frames")
    box = (0.0, 0.0, *size)
    orientation = image.getexif().get(ORIENTATION, 1)
    if orientation in TURNS:
        image = ImageOps.exif_transpose(image)
        box = _turned(box, image.size, *TURNS[orientation])
        notes.append("rotated")
    image, more = _to_mode(image, MODES[channels], background)
    return Decoded(image, box, (*notes, *more))


def _turned(box: Box, size: tuple[int, int], swap: bool, mirror_x: bool, mirror_y: bool) -> Box:
    """Turn a box with its picture, whose size is ``size`` afterwards."""
    left, top, right, bottom = (box[1], box[0], box[3], box[2]) if swap else box
    if mirror_x:
        left, right = size[0] - right, size[0] - left
    if mirror_y:
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom


def _to_mode(image: Image.Image, mode: str, background: tuple[int, int, int]) -> tuple[Image.Image, list[str]]:
    """Convert any colour mode to ``mode`` by way of sRGB."""
    notes = []
    profile = image.info.get("icc_profile")
    transparent = image.has_transparency_data
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_eight_bits(image)
        notes.append("deep")
    if image.mode in ("P", "PA"):
        notes.append("palette")
        image = image.convert("RGBA" if transparent else "RGB")
    if image.mode in ("CMYK", "LAB", "YCbCr", "HSV"):
        notes.append(image.mode.lower())
    if transparent:
        notes.append("alpha")
    if profile and (converted := _to_srgb(image, profile)) is not None:
        image = converted
        notes.append("profile")
    if transparent and mode != "RGBA":
        image = image.convert("RGBA")
        canvas = Image.new("RGBA", image.size, (*background, 255))
        image = Image.alpha_composite(canvas, image)
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA", mode):
        image = image.convert("RGB")
    return (image if image.mode == mode else image.convert(mode)), notes


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Map 16-bit integers, 32-bit integers that hold 8 or 16 bits, and floats in [0, 1] or [0, 255] to grey."""
    values = np.asarray(image).astype(np.float64)
    top = values.max(initial=0.0)
    if not np.isfinite(values).all():
        raise ValueError("pixels that are not finite")
    if image.mode.startswith("I"):
        full = 65535.0 if top > 255 or image.mode != "I" else 255.0
    else:
        full = 1.0 if top <= 1 else 255.0
    return Image.fromarray(np.clip(np.rint(values * (255.0 / full)), 0, 255).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert colours from an ICC profile to sRGB; None where there is nothing to do or the profile is no use."""
    modes = {"L": "L", "LA": "L", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "LAB": "LAB"}
    if image.mode not in modes:
        return None
    transform = _transform(profile, modes[image.mode])
    if transform is None:
        return None
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        converted = transform.apply(image.convert(modes[image.mode]))
        converted.putalpha(alpha)
        return converted
    return transform.apply(image)


@functools.lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform to sRGB, or None for sRGB itself, a broken profile and one of another colour space."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).casefold():
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


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
) -> Image.Image:
    """Bring a picture to ``height`` × ``width`` with one antialiased resize.

    Args:
        image: in one of :data:`MODES`.
        height: wanted, in pixels.
        width: wanted, in pixels.
        geometry: ``crop`` scales until the picture just covers the shape and cuts the centre out, as the thesis does;
            ``squash`` ignores the aspect; ``pad`` scales until it fits in and fills the rest with ``background``.
        box: take only this part of the picture.
        background: for ``pad``; grey pictures get its luma, pictures with alpha get it transparent.
    """
    left, top, right, bottom = box or (0.0, 0.0, float(image.width), float(image.height))
    if geometry == "crop":
        scale = needed_scale(right - left, bottom - top, width, height, "crop")
        spare_x, spare_y = (right - left - scale * width) / 2, (bottom - top - scale * height) / 2
        left, right, top, bottom = left + spare_x, right - spare_x, top + spare_y, bottom - spare_y
    if geometry != "pad":
        return _resize(image, width, height, (left, top, right, bottom))
    scale = needed_scale(right - left, bottom - top, width, height, "pad")
    inner = min(width, max(1, round((right - left) / scale))), min(height, max(1, round((bottom - top) / scale)))
    colours = {"L": Image.new("RGB", (1, 1), background).convert("L").getpixel((0, 0)), "RGB": background}
    canvas = Image.new(image.mode, (width, height), colours.get(image.mode, (*background, 0)))
    canvas.paste(
        _resize(image, *inner, (left, top, right, bottom)), ((width - inner[0]) // 2, (height - inner[1]) // 2)
    )
    return canvas


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


def _resize(image: Image.Image, width: int, height: int, box: Box) -> Image.Image:
    if image.size == (width, height) and box == (0.0, 0.0, float(width), float(height)):
        return image
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)
