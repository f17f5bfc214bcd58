"""PNG beyond what Pillow keeps of it: the low bytes of 16-bit colours, and transparent greys of fewer bits."""

import io

import numpy as np
from PIL import Image

from lienzo.collection.screening.colour import curve, exponent_of

BITS, COLOUR_TYPE = 24, 25
"""Offsets, in a PNG file, of the bits of a sample and of the colour type."""

ORIENTATION = 0x0112
"""Number of the EXIF tag of the orientation."""

GREY, COLOUR, COLOUR_AND_ALPHA = 0, 2, 6
"""Values of the colour type."""


def mended(image: Image.Image, data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a loaded PNG with what Pillow loses put right.

    Of 16-bit colours Pillow keeps the high bytes. But the transparent colour (tRNS) has both bytes, and a curve (gAMA)
    needs both for dark colours. A transparent grey of 2 or 4 bits is compared by Pillow with pixels scaled to 8 bits.

    Args:
        image: the picture as Pillow loaded it.
        data: content of the file.

    Returns:
        the picture, and notes.
    """
    bits, kind, exponent = data[BITS], data[COLOUR_TYPE], exponent_of(image)
    key = image.info.get("transparency")
    if kind == GREY and bits in (2, 4) and isinstance(key, int):
        image.info["transparency"] = key * 255 // (2**bits - 1)
    if bits != 16 or kind == GREY:
        return image, ()
    if kind not in (COLOUR, COLOUR_AND_ALPHA) or (key is None and exponent is None):
        return image, ("deep",)
    high = np.asarray(image)
    values = high.astype(np.uint16) << 8 | _low_bytes(data, image.mode)
    found = Image.fromarray(curve(65536, exponent)[values[:, :, :3]])
    if kind == COLOUR_AND_ALPHA:
        found.putalpha(Image.fromarray(high[:, :, 3]))
    elif key is not None:
        found.putalpha(Image.fromarray(np.where((values == key).all(axis=2), 0, 255).astype(np.uint8)))
    if "icc_profile" in image.info:
        found.info["icc_profile"] = image.info["icc_profile"]
    found.getexif()[ORIENTATION] = image.getexif().get(ORIENTATION, 1)
    return found, ("deep",) if exponent is None else ("deep", "gamma")


def _low_bytes(data: bytes, mode: str) -> np.ndarray:
    """Decode a 16-bit PNG again as if its bytes were in the other order: Pillow then keeps the low ones."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        image.tile = [tile._replace(args=f"{mode};16L") for tile in image.tile]
        return np.asarray(image)
