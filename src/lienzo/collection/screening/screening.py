"""Screening: one file's bytes become the collection's pixels, or a reason why not. NumPy and Pillow only."""

import hashlib
import io
import warnings
import zlib
from dataclasses import dataclass, replace
from functools import partial
from posixpath import splitext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageStat

from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening import borders, damage, formats, jpeg, structure
from lienzo.collection.screening.decoding import GAP, Source
from lienzo.collection.screening.pictures import Box, fit, needed_scale
from lienzo.collection.settings import Settings

FEATURELESS = 6
"""A picture that, shrunk to 32 × 32, spans fewer levels than this in each channel shows nothing."""

LARGE = 1 << 24
"""Files of more bytes are not read before their first ones say that they are pictures."""

THUMBNAIL = 96
"""Largest side of a refused picture in the report, in pixels."""

DRAWABLE = frozenset({Reason.TRUNCATED, Reason.DAMAGED, Reason.TOO_SMALL, Reason.FEATURELESS})
"""Pictures refused for these are drawn."""


@dataclass(frozen=True)
class Screened:
    """What screening found out about one entry."""

    source: str
    """The entry's name."""
    size: int
    """Size of the file, in bytes."""
    stamp: str
    """The entry's stamp."""
    labels: dict[str, str]
    """The entry's labels."""
    reason: str = ""
    """Empty for a picture that was kept, else one of :class:`Reason`."""
    detail: str = ""
    """One clause about the refusal."""
    sha256: str = ""
    """SHA-256 of the file's bytes, in hexadecimal."""
    format: str = ""
    """By the file's bytes, whatever its name says."""
    width: int = 0
    """Width of the upright original, in pixels."""
    height: int = 0
    """Height of the upright original, in pixels."""
    notes: tuple[str, ...] = ()
    """What was special about it."""
    digest: str = ""
    """Hash of the packed pixels: BLAKE2b, 128 bits."""
    perceptual: int = 0
    """Perceptual hash of the packed pixels, 64 bits; see :func:`perceptual_hash`."""
    pixels: bytes = b""
    """(height, width, channels), uint8."""
    thumbnail: bytes = b""
    """A small JPEG of a picture that was refused although it can be drawn, for the report."""


def screen(entry: Entry, settings: Settings) -> Screened:
    """Read, check and decode one entry and bring it to the collection's shape.

    Whatever a file holds, the answer is a finding.

    Raises:
        SourceError: a store does not answer.
    """
    found = partial(Screened, entry.name, entry.size, entry.stamp, dict(entry.labels))
    data = b""
    if entry.wanted:
        settings = replace(settings, detect_damage=False, enlarge=True)
    try:
        if entry.shape is None and entry.size > LARGE and (head := entry.head(formats.HEAD)).strip(b"\0"):
            formats.identify(head, entry.name)  # a video need not be read
        data = entry.read()
        if not data.strip(b"\0"):
            raise Refusal(Reason.EMPTY, "nothing but zeros" if data else "no bytes")
        kind = formats.identify(data, entry.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd files
            whole = _check(entry, data, kind, settings)
            picture, (width, height), notes = _picture(data, kind, whole, settings)
        small = _small(picture)
        if _span(small) < FEATURELESS and settings.curate and not entry.wanted:
            raise Refusal(Reason.FEATURELESS, "one colour, or nearly")
    except Refusal as refusal:
        thumbnail = _thumbnail(data) if data and refusal.reason in DRAWABLE else b""
        sha256 = hashlib.sha256(data).hexdigest() if data else ""
        return found(reason=refusal.reason, detail=refusal.detail, sha256=sha256, thumbnail=thumbnail)
    suffix = splitext(entry.name)[1].lower()
    misnamed = ("wrong-extension",) if suffix and suffix not in formats.FORMATS[kind] else ()
    pixels = picture.tobytes()
    return found(
        sha256=hashlib.sha256(data).hexdigest(),
        format=kind,
        width=width,
        height=height,
        notes=(*misnamed, *notes),
        digest=hashlib.blake2b(pixels, digest_size=16).hexdigest(),
        perceptual=perceptual_hash(small),
        pixels=pixels,
    )


def _check(entry: Entry, data: bytes, kind: str, settings: Settings) -> tuple[str, ...]:
    """See that a file is whole, and return notes: what it lacks although nothing of the picture is lost.

    Raises:
        Refusal: it is not, and damage is not wanted.
    """
    try:
        notes = structure.check_whole(data, kind)
        if entry.crc is not None and zlib.crc32(data) != entry.crc:
            raise Refusal(Reason.DAMAGED, "other bytes than the archive's checksum is of")
        if settings.detect_damage:
            damage.check_bytes(data, kind)
    except Refusal as refusal:
        if settings.detect_damage or refusal.reason not in (Reason.TRUNCATED, Reason.DAMAGED):
            raise
        return ("damaged",)
    return notes


def _thumbnail(data: bytes) -> bytes:
    """Draw what can be drawn of a refused picture."""
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=[*formats.FORMATS])
            image.draft(None, (2 * THUMBNAIL, 2 * THUMBNAIL))
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            image.thumbnail((THUMBNAIL, THUMBNAIL))
            image.convert("RGB").save(buffer, "JPEG", quality=80)
    except Exception:  # it was refused for a reason
        return b""
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    return buffer.getvalue()


def _picture(
    data: bytes, kind: str, notes: tuple[str, ...], settings: Settings
) -> tuple[Image.Image, tuple[int, int], tuple[str, ...]]:
    """Decode, check and fit; return the picture, the upright original's width and height, and all notes.

    Raises:
        Refusal: for one of the many reasons.
    """
    source = Source(
        jpeg.ended(data) if "no-end-marker" in notes else data,
        kind,
        channels=settings.channels,
        background=settings.colour,
        max_pixels=settings.max_pixels,
        detect_damage=settings.detect_damage,
    )
    decoded = source.decode(lambda x, y: min(_scale(x, y, settings), _scale(y, x, settings)))
    size = decoded.size
    _check_size(*size, settings)
    box, notes = decoded.box, (*notes, *decoded.notes)
    if settings.trim_borders and (inside := borders.find(decoded.image, box)) is not None:
        box, notes, shrunk = inside, (*notes, "trimmed"), decoded.shrunk
        inner = _extent(box, shrunk)
        _check_size(*inner, settings, " after its borders were trimmed")
        if shrunk > 1 and _scale(*inner, settings) < GAP * shrunk:  # so much was cut off that more detail is needed
            decoded = source.decode(lambda *_: _scale(*inner, settings))
            larger = shrunk / decoded.shrunk
            box = (box[0] * larger, box[1] * larger, box[2] * larger, box[3] * larger)
    picture = fit(decoded.image, settings.height, settings.width, settings.geometry, box=box,
                  background=settings.colour, resample=settings.resample)  # fmt: skip
    return picture, size, notes


def _extent(box: Box, shrunk: int) -> tuple[int, int]:
    """Return width and height, in the original's pixels, of a box in a picture decoded at 1/``shrunk``."""
    return round((box[2] - box[0]) * shrunk), round((box[3] - box[1]) * shrunk)


def _scale(width: float, height: float, settings: Settings) -> float:
    """Return how many times larger than needed a picture is; 1 where every pixel of it may be the nearest one."""
    if settings.resample == "nearest":
        return 1.0
    return needed_scale(width, height, settings.width, settings.height, settings.geometry)


def _check_size(width: float, height: float, settings: Settings, when: str = "") -> None:
    """Refuse what would have to be enlarged."""
    needed = needed_scale(width, height, settings.width, settings.height, settings.geometry)
    if not settings.enlarge and needed < 1 - 1e-9:
        raise Refusal(Reason.TOO_SMALL, f"{width:.0f}×{height:.0f}{when}: --enlarge takes it, or a smaller --size")


def _cosines() -> NDArray[np.float32]:
    """Rows 0 to 7 of the 32-point DCT-II."""
    frequencies, positions = np.arange(8)[:, None], np.arange(32)[None, :]
    return np.cos(np.pi * frequencies * (2 * positions + 1) / 64).astype(np.float32)


_COSINES = _cosines()


def _small(picture: Image.Image) -> Image.Image:
    """Shrink a fitted picture to 32 × 32, grey or colour; transparent ones on black or white, where more is seen."""
    across, down = picture.width // 32, picture.height // 32
    if picture.size == (32 * across, 32 * down):  # as is usual; the same means in a third of the time
        small = picture.reduce((across, down))
    else:
        small = picture.resize((32, 32), Image.Resampling.BOX)
    if small.mode != "RGBA":
        return small
    opacity = small.getchannel("A")
    if opacity.tobytes().strip(b"\xff"):
        shown = ImageStat.Stat(small.convert("L"), opacity).mean[0] if opacity.getbbox() else 0.0
        background = Image.new("RGBA", small.size, "white" if shown < 128 else "black")
        small = Image.alpha_composite(background, small)
    return small.convert("RGB")


def _span(small: Image.Image) -> int:
    """Return the difference between the highest and the lowest level, of the channel where it is largest."""
    extrema: Any = small.getextrema()  # a pair for grey pictures, else one for each channel
    return int(max(high - low for low, high in ([extrema] if small.mode == "L" else extrema)))


def perceptual_hash(small: Image.Image) -> int:
    """Return 64 bits that stay the same, but for a few, when a picture is scaled or compressed again.

    The signs, relative to their median, of the 8 × 8 lowest DCT coefficients of the grey picture at 32 × 32 (Zauner,
    "Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2).

    Args:
        small: 32 × 32, grey or colour.
    """
    grey = np.frombuffer(small.convert("L").tobytes(), np.uint8).reshape(32, 32).astype(np.float32)
    spectrum = (_COSINES @ grey @ _COSINES.T).ravel()
    ordered = np.sort(spectrum)
    bits = spectrum > (ordered[31] + ordered[32]) / 2
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
