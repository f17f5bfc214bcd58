"""Damage that decodes: what broken downloads leave in files whose beginning and end are whole."""

import re

import numpy as np
from PIL import Image

from lienzo.data.reasons import Reason, Refusal

ZEROS = 512
"""So many zero bytes in a row do not occur in compressed pixels; a lost block of a download leaves thousands."""

GREY_REST = 1 / 16
"""A JPEG whose lowest part, at least this share of its height, is exactly mid-grey lost the end of its scan."""

_ZERO_RUN = re.compile(rb"\0{%d}" % ZEROS)


def check_bytes(data: bytes, kind: str) -> None:
    """Look for zeroed stretches in compressed pixels.

    Raises:
        Refusal: DAMAGED.
    """
    if kind not in ("JPEG", "WEBP", "GIF"):
        return
    start = max(data.find(b"\xff\xda"), 0) if kind == "JPEG" else 0
    found = _ZERO_RUN.search(data, start)
    if found is not None:
        share = found.start() / len(data)
        raise Refusal(Reason.DAMAGED, f"a stretch of zeros in the compressed pixels, at {share:.0%} of the file")


def check_content(image: Image.Image, kind: str) -> None:
    """Look for the grey rest that a JPEG decoder leaves where the scan breaks off.

    Raises:
        Refusal: DAMAGED.
    """
    if kind != "JPEG":
        return
    pixels = np.asarray(image)
    grey = (np.abs(pixels[:, :, :3].astype(np.int16) - 128) <= 1).all(axis=2).mean(axis=1) > 0.99
    rows = len(grey) if grey.all() else int(np.argmin(grey[::-1]))
    if rows >= max(1, len(grey) * GREY_REST):
        raise Refusal(Reason.DAMAGED, f"the lowest {rows / len(grey):.0%} are grey: the rest of the scan is missing")
