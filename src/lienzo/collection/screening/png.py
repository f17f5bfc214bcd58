"""PNG beyond what Pillow keeps of it: the low bytes of 16-bit colours, and transparent greys of fewer bits."""

import io

import numpy as np
from PIL import Image

from lienzo.collection.screening.colour import curve, exponent_of

BITS, COLOUR_TYPE = 24, 25
"""Where a PNG's header says how many bits a sample has, and what its samples are."""

ORIENTATION = 0x0112
"""Number of the EXIF tag that says how a picture is to be turned."""

GREY, COLOUR, COLOUR_AND_ALPHA = 0, 2, 6
"""Values of the colour type."""


def mended(image: Image.Image, data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a loaded PNG as it is meant.

    Pillow keeps the high bytes of 16-bit colours, but the transparent colour (tRNS) is named with both bytes, and a
    curve (gAMA) needs both in the dark. Transparent greys of 2 and 4 bits it compares with pixels scaled to 8 bits.

    Args:
        image: loaded.
        data: the file.

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
