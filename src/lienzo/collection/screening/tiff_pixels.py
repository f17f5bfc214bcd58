"""Pixels of the pages of a TIFF file that Pillow cannot decode, or not without loss: samples of more than eight bits.

They are put together from their strips or tiles with the help of tifffile, which is imported when the first one comes.
Sections and tags in this file are those of TIFF 6.0.
"""

import importlib.util
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening import depth
from lienzo.collection.screening.tiff import (
    BITS,
    BLACK_IS_ZERO,
    COMPRESSION,
    EXTRA_SAMPLES,
    HEIGHT,
    LARGEST,
    ORIENTATION,
    PHOTOMETRIC,
    PLANES,
    PROFILE,
    ROWS_PER_STRIP,
    SAMPLES,
    STRIP_BYTES,
    STRIPS,
    WIDTH,
    Page,
    beginning_with,
)

WHITE_IS_ZERO, RGB, CMYK, YCBCR, LAB = 0, 2, 5, 6, 8
"""Values of PhotometricInterpretation that become pictures, as 1 does; 3 is a palette, which Pillow reads."""

BY_LIBTIFF = frozenset({5, 50000})
"""Values of Compression, LZW and Zstandard, that the libtiff inside Pillow undoes."""

DEFLATE = frozenset({8, 32946})
"""Values of Compression for zlib's format."""

FLOAT_PREDICTOR = 3
"""Value of Predictor for floats."""


@dataclass(frozen=True)
class Unpacked:
    """A page that was decoded without Pillow."""

    image: Image.Image
    """Picture of eight bits, with its profile and its orientation where Pillow keeps them."""
    notes: tuple[str, ...]
    """``deep`` for samples of more than eight bits, and ``scaled`` where their range had to be guessed."""
    samples: NDArray[Any]
    """Samples as they are stored, (height, width, samples)."""


def read(data: bytes, page: Page) -> Unpacked:
    """Decode a page that Pillow cannot decode, or not without loss.

    Raises:
        Refusal: UNSUPPORTED.
        ValueError and others: what tifffile raises for broken content.
    """
    values, profile = _samples(beginning_with(data, page), page)
    kinds = page.tags.get(EXTRA_SAMPLES, ())
    photometric = page.value(PHOTOMETRIC, BLACK_IS_ZERO)
    colours = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4, YCBCR: 3, LAB: 3}.get(photometric)
    if colours == 1 and not kinds and values.shape[2] in (3, 4):
        colours = 3  # three samples that nobody calls extra are colours
    if colours is None or values.shape[2] < colours:
        name = f"{values.shape[2]} samples of kind {photometric}"
        raise Refusal(Reason.UNSUPPORTED, f"a TIFF whose pixels are no grey, RGB, CMYK, YCbCr or LAB ({name})")
    bits = page.value(BITS, 1)
    largest = page.value(LARGEST)
    notes: tuple[str, ...] = ()
    if photometric == LAB:
        image = _lab(values)
    else:
        pixels, notes = depth.to_eight_bits(values[:, :, :colours], bits, largest)
        if photometric == WHITE_IS_ZERO:
            np.subtract(255, pixels, out=pixels)
        mode = {1: "L", 3: "YCbCr" if photometric == YCBCR else "RGB", 4: "CMYK"}[colours]
        image = Image.fromarray(pixels[:, :, 0]) if colours == 1 else _image(pixels, mode)
    alpha = colours if values.shape[2] > colours and (not kinds or kinds[0] in (1, 2)) else None
    if alpha is not None and image.mode in ("L", "RGB"):
        opacity = depth.to_eight_bits(values[:, :, alpha : alpha + 1], bits, largest)[0][:, :, 0]
        image.putalpha(Image.fromarray(opacity))
        if kinds[:1] == (1,):
            image = _divided_by_alpha(image)
    if profile:
        image.info["icc_profile"] = profile
    image.getexif()[ORIENTATION] = page.value(ORIENTATION, 1)
    return Unpacked(image, ("deep", *notes) if page.deep else notes, values)


def _image(pixels: NDArray[np.uint8], mode: str) -> Image.Image:
    return Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


def _lab(values: NDArray[Any]) -> Image.Image:
    """Convert CIE L*a*b* of 16 bits (section 23): L* from 0 to 65,535, a* and b* signed, 256 to one."""
    lightness = np.right_shift(values[:, :, 0].astype(np.uint16), 8)
    colours = np.right_shift(values[:, :, 1:3].astype(np.uint16), 8)
    return Image.frombytes("LAB", values.shape[1::-1], np.dstack([lightness, colours]).astype(np.uint8).tobytes(),
                           "raw", "LAB")  # fmt: skip


def _divided_by_alpha(image: Image.Image) -> Image.Image:
    """Undo the multiplication of colours by alpha (ExtraSamples 1)."""
    premultiplied = Image.frombytes("RGBa", image.size, image.convert("RGBA").tobytes())
    return premultiplied.convert("RGBA")


def _samples(data: bytes, page: Page) -> tuple[NDArray[Any], bytes]:
    """Return the first page's samples, (height, width, samples), and its ICC profile."""
    import tifffile  # noqa: PLC0415  a third of a second, for files that are rare

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        directory = file.pages.first
        tag = directory.tags.get(PROFILE)
        profile = bytes(tag.value) if tag is not None else b""
        planes, height, width = directory.samplesperpixel, directory.imagelength, directory.imagewidth
        if planes > 6 or directory.imagedepth != 1 or (width, height) != (page.value(WIDTH), page.value(HEIGHT)):
            raise Refusal(Reason.UNSUPPORTED, f"a TIFF of {planes} samples for each pixel, or of a volume")
        if directory.dtype is None:
            raise Refusal(Reason.UNSUPPORTED, f"a TIFF of samples of {page.value(BITS)} bits")
        unpack = _unpacking(directory, data[:2])
        apart = page.value(PLANES, 1) == 2
        shape = (planes, height, width, 1) if apart else (1, height, width, planes)
        found = np.zeros(shape, directory.dtype)
        for index, (offset, length) in enumerate(zip(directory.dataoffsets, directory.databytecounts, strict=True)):
            segment, (plane, _, top, left, _) = unpack(data[offset : offset + length], index)
            if segment is not None and plane < shape[0]:
                part = found[plane, top : top + segment.shape[1], left : left + segment.shape[2]]
                part[:] = segment[0, : part.shape[0], : part.shape[1]]
    return found.transpose(1, 2, 0, 3).reshape(height, width, planes), profile


Segment = tuple[NDArray[Any] | None, tuple[int, ...]]
"""A decoded strip or tile, (1, rows, columns, samples), and its position: plane, 0, row, column, 0."""


def _unpacking(directory: Any, order: bytes) -> Callable[[bytes, int], Segment]:
    """Return the function that decodes a strip or tile of a page, given its bytes and its number.

    tifffile leaves most compressions, and the predictor of floats, to the package imagecodecs, which is large. Those
    that are usual for deep pixels are undone here, where it is not installed.

    Args:
        directory: tifffile's ``TiffPage``.
        order: order of the file's bytes, ``II`` or ``MM``.
    """
    compression, bits = int(directory.compression), int(directory.bitspersample)
    floats_differ = int(directory.predictor) == FLOAT_PREDICTOR
    split = bits % 8 > 0
    ours = importlib.util.find_spec("imagecodecs") is None and (compression in BY_LIBTIFF or floats_differ or split)
    if ours and compression in (*BY_LIBTIFF, *DEFLATE):
        directory.compression = 1  # from here on the bytes are unpacked before tifffile sees them
    if ours and floats_differ:
        directory.predictor = 1
    if ours and split:
        directory.bitspersample = 8 * directory.dtype.itemsize

    def unpack(packed: bytes, index: int) -> Segment:
        if not packed:
            return None, directory.decode(None, index)[1]
        if ours:
            _, rows, columns, samples = directory.decode(None, index)[2]
            size = rows * -(-columns * samples * bits // 8)
            if compression in BY_LIBTIFF:
                packed = _unpacked_by_libtiff(packed, compression, size)
            elif compression in DEFLATE:
                packed = zlib.decompressobj().decompress(packed, size)
            if floats_differ:
                packed = _floats(packed[:size], rows, samples, bits // 8, order)
            if split:
                packed = _whole_words(packed[:size], rows, columns * samples, bits, directory.dtype)
        try:
            segment, place, _ = directory.decode(packed, index)
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            kind = getattr(directory.compression, "name", directory.compression)
            detail = f"a TIFF packed as {kind}: install what unpacks it with pip install 'lienzo[tiff]'"
            raise Refusal(Reason.UNSUPPORTED, detail) from None
        return segment, place

    return unpack


def _unpacked_by_libtiff(packed: bytes, compression: int, size: int) -> bytes:
    """Unpack ``size`` bytes by Pillow's libtiff, which decodes them as the only row of a grey TIFF."""
    tags = ((WIDTH, size), (HEIGHT, 1), (BITS, 8), (COMPRESSION, compression), (PHOTOMETRIC, BLACK_IS_ZERO),
            (STRIPS, 8), (SAMPLES, 1), (ROWS_PER_STRIP, 1), (STRIP_BYTES, len(packed)))  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    file = b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + directory + bytes(4)
    with Image.open(io.BytesIO(file), formats=("TIFF",)) as image:
        return image.tobytes()


def _whole_words(packed: bytes, rows: int, count: int, bits: int, dtype: np.dtype[Any]) -> bytes:
    """Give each of ``count`` samples in a row, of ``bits`` bits side by side, a word of its own."""
    flags = np.unpackbits(np.frombuffer(packed, np.uint8).reshape(rows, -1), axis=1)[:, : count * bits]
    weights = 1 << np.arange(bits - 1, -1, -1, dtype=np.uint32)
    return (flags.reshape(rows, count, bits) @ weights).astype(dtype).tobytes()


def _floats(packed: bytes, rows: int, samples: int, size: int, order: bytes) -> bytes:
    """Undo the predictor of floats (Adobe Photoshop TIFF Technical Note 3).

    In every row the first bytes of all numbers, which are their highest, come first, then the second, and each byte
    is given as the difference from the one ``samples`` before it.
    """
    differences = np.frombuffer(packed, np.uint8).reshape(rows, -1, samples)
    planes = np.cumsum(differences, axis=1, dtype=np.uint8).reshape(rows, size, -1)
    numbers = planes.transpose(0, 2, 1)
    return (numbers[:, :, ::-1] if order == b"II" else numbers).tobytes()
