"""Conversion of colours of every kind to grey, sRGB, or sRGB with alpha."""

import functools
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from lienzo.collection.screening import depth

USUAL_GAMMA = 2.1, 2.3
"""Exponents in this range stand for sRGB's own curve, whose gamma is about 2.2."""

ALIKE = 12
"""A profile that is named sRGB is taken for it if it changes no colour by more than so many of 255 levels."""

WITH_ALPHA = {"1": "LA", "L": "LA", "La": "LA", "RGB": "RGBA", "RGBa": "RGBA"}
"""Mode whose transparency is no channel, or is multiplied into the colours -> mode with a channel for it."""


def to_mode(image: Image.Image, mode: str, background: tuple[int, int, int]) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert a loaded picture of any mode to one of :data:`pictures.MODES` by way of sRGB.

    An ICC profile is applied, or else the exponent that a PNG gives (gAMA). Transparent pictures are composited on
    ``background`` unless the mode keeps alpha.

    Returns:
        the picture, and notes of what had to be done, which docs/prepare.md explains.
    """
    notes: list[str] = []
    profile = image.info.get("icc_profile")
    exponent = exponent_of(image)
    if image.mode.startswith("I") or image.mode == "F":
        image, more = _to_eight_bits(image, exponent)
        notes.extend(more)
        exponent = None
    transparent = image.has_transparency_data
    if image.mode in ("P", "PA"):
        notes.append("palette")
        image = image.convert("RGBA" if transparent else "RGB")
    elif transparent and image.mode in WITH_ALPHA:
        image = image.convert(WITH_ALPHA[image.mode])
    transparent = transparent and not _is_opaque(image)
    if image.mode in ("CMYK", "LAB", "YCbCr", "HSV"):
        notes.append(image.mode.lower())
    if transparent:
        notes.append("alpha")
    if profile and (converted := _to_srgb(image, profile)) is not None:
        image = converted
        notes.append("profile")
    if exponent is not None and image.mode in ("L", "LA", "RGB", "RGBA"):
        image = _with_curve(image, curve(256, exponent))
        notes.append("gamma")
    if transparent and mode != "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), image.convert("RGBA"))
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA", mode):
        image = image.convert("RGB")
    return (image if image.mode == mode else image.convert(mode)), tuple(notes)


def _is_opaque(image: Image.Image) -> bool:
    """Say whether a picture has a channel for alpha that hides nothing."""
    return "A" in image.getbands() and image.getchannel("A").getextrema()[0] == 255


def exponent_of(image: Image.Image) -> float | None:
    """Return the exponent that turns a picture's values into light, if its gAMA chunk gives one unlike sRGB's curve."""
    gamma = image.info.get("gamma")
    if not isinstance(gamma, float) or not 0.1 <= gamma <= 10 or {"srgb", "icc_profile"} & image.info.keys():
        return None
    low, high = USUAL_GAMMA
    return None if low <= 1 / gamma <= high else 1 / gamma


def curve(levels: int, exponent: float | None = None) -> NDArray[np.uint8]:
    """Return a table, (levels,), from values to sRGB's 256 levels.

    Args:
        levels: number of values, of which the last is white.
        exponent: exponent that turns a value into light; None for values that are sRGB already.
    """
    values = np.arange(levels) / (levels - 1)
    if exponent is not None:
        light = values**exponent
        values = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    return np.rint(255 * values).astype(np.uint8)


def _with_curve(image: Image.Image, table: NDArray[np.uint8]) -> Image.Image:
    """Apply a table to the colours, not to alpha."""
    tables = table.tolist() * (1 if image.mode in ("L", "LA") else 3)
    return image.point(tables + list(range(256)) if image.mode in ("LA", "RGBA") else tables)


def _to_eight_bits(image: Image.Image, exponent: float | None) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert grey of 16 bits, whose white is 65,535 in all formats but TIFF, or of floats; keep a colour's alpha."""
    values = np.asarray(image)
    if image.mode == "F":
        pixels, notes = depth.to_eight_bits(values, 32)
        return Image.fromarray(pixels), ("deep", *notes)
    found = Image.fromarray(curve(65536, exponent)[np.clip(values, 0, 65535)])
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        found.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    if image.info.get("icc_profile"):
        found.info["icc_profile"] = image.info["icc_profile"]
    return found, ("deep",) if exponent is None else ("deep", "gamma")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert colours from an ICC profile to sRGB; return None for sRGB itself, and for a profile that is no use."""
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
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        called_srgb = "srgb" in ImageCms.getProfileDescription(source).casefold()
        return None if transform is None or (called_srgb and _changes_little(transform, mode)) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _changes_little(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Say whether a transform changes no colour by more than :data:`ALIKE` levels; a profile's name proves nothing."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    if mode == "RGB":
        colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 27, 3)
    elif mode == "L":
        colours = steps[None, :]
    else:
        return False
    moved = np.asarray(transform.apply(Image.fromarray(colours))).astype(np.int16)
    return int(np.abs(moved - colours.reshape(*colours.shape[:2], -1)).max()) <= ALIKE
