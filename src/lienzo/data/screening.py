"""Screening: one file's bytes become the collection's pixels, or a reason why not. NumPy and Pillow only."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lienzo.data import borders, damage, formats
from lienzo.data.entries import Entry
from lienzo.data.reasons import Reason, Refusal
from lienzo.data.settings import Settings
from lienzo.pictures import Decoded, Pixels, decode, fit, needed_scale

FEATURELESS = 2.0
"""A picture whose packed pixels have a standard deviation below this, in each channel, shows nothing."""


@dataclass(frozen=True)
class Screened:
    """What screening found out about one entry."""

    source: str
    """The entry's name."""
    size: int
    """Of the file, in bytes."""
    stamp: str
    """The entry's stamp."""
    labels: dict[str, str]
    """The entry's labels."""
    reason: str = ""
    """Empty for a picture that was kept, else one of :class:`Reason`."""
    detail: str = ""
    """One clause about the refusal."""
    sha256: str = ""
    """Of the file's bytes."""
    format: str = ""
    """By the file's bytes, whatever its name says."""
    width: int = 0
    """Of the upright original."""
    height: int = 0
    """Of the upright original."""
    notes: tuple[str, ...] = ()
    """What was special about it."""
    digest: str = ""
    """Of the packed pixels: 128 bits, BLAKE2b."""
    perceptual: int = 0
    """Perceptual hash of the packed pixels, 64 bits; see :func:`perceptual_hash`."""
    pixels: bytes = b""
    """(height, width, channels), uint8."""


def screen(entry: Entry, settings: Settings) -> Screened:
    """Read, check and decode one entry and bring it to the collection's shape; a file's content never raises."""
    known = {"source": entry.name, "size": entry.size, "stamp": entry.stamp, "labels": dict(entry.labels)}
    try:
        data = entry.read()
        kind = formats.identify(data)
        formats.check_whole(data, kind)
        if settings.detect_damage:
            damage.check_bytes(data, kind)
        pixels, facts = _picture(data, kind, settings)
    except Refusal as refusal:
        return Screened(**known, reason=refusal.reason, detail=refusal.detail)
    notes = facts.pop("notes")
    if (suffix := PurePosixPath(entry.name).suffix.lower()) and suffix not in formats.FORMATS[kind]:
        notes = (*notes, "wrong-extension")
    content = pixels.tobytes()
    return Screened(
        **known,
        **facts,
        notes=notes,
        sha256=hashlib.sha256(data).hexdigest(),
        format=kind,
        digest=hashlib.blake2b(content, digest_size=16).hexdigest(),
        perceptual=perceptual_hash(pixels),
        pixels=content,
    )


def _picture(data: bytes, kind: str, settings: Settings) -> tuple[Pixels, dict[str, object]]:
    height, width = settings.height, settings.width
    image = _open(data, kind, settings)
    scale = needed_scale(*image.size, width, height, settings.geometry)
    turned = needed_scale(image.height, image.width, width, height, settings.geometry)
    _check_size(image.width, image.height, settings)
    decoded = _decode(image, settings, min(scale, turned))
    box = None
    notes = decoded.notes
    if settings.trim_borders:
        box = borders.find(np.asarray(decoded.image.convert("RGB")))
        if box is not None:
            notes = (*notes, "trimmed")
            shrunk = decoded.width / decoded.image.width
            inner = (box[2] - box[0]) * shrunk, (box[3] - box[1]) * shrunk
            _check_size(*inner, settings, "after its borders were trimmed")
            scale = needed_scale(*inner, width, height, settings.geometry)
            if shrunk > max(1.0, scale / 2):  # trimmed so much that the scaled decode is too coarse
                full = _decode(_open(data, kind, settings), settings, 1.0)
                box = tuple(side * full.image.width / decoded.image.width for side in box)
                decoded = full
    if settings.detect_damage:
        damage.check_content(decoded.image, kind)
    pixels = fit(decoded.image, height, width, settings.geometry, box=box, background=settings.background)
    if pixels.std(axis=(0, 1)).max() < FEATURELESS:
        raise Refusal(Reason.FEATURELESS, "one colour, or nearly")
    return pixels, {"width": decoded.width, "height": decoded.height, "notes": notes}


def _open(data: bytes, kind: str, settings: Settings) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=(kind, "MPO") if kind == "JPEG" else (kind,))
    except Image.DecompressionBombError:
        raise Refusal(Reason.BOMB, f"more than the limit of {settings.max_pixels:,} pixels") from None
    except UnidentifiedImageError:
        raise Refusal(Reason.UNDECODABLE, f"the header of the {kind} is broken") from None
    except Exception as error:  # Pillow raises what its parsers stumble over
        raise Refusal(Reason.UNDECODABLE, _clause(error)) from None
    if image.width * image.height > settings.max_pixels:
        detail = f"{image.width}×{image.height}, more than the limit of {settings.max_pixels:,} pixels"
        raise Refusal(Reason.BOMB, detail)
    return image


def _decode(image: Image.Image, settings: Settings, scale: float) -> Decoded:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decode(image, channels=settings.channels, background=settings.background, scale=scale)
    except Exception as error:  # Pillow raises what its parsers stumble over
        reason = Reason.TRUNCATED if "truncated" in str(error) else Reason.UNDECODABLE
        raise Refusal(reason, _clause(error)) from None


def _check_size(width: float, height: float, settings: Settings, when: str = "") -> None:
    """Refuse what would have to be enlarged, whichever way round it turns out to be."""
    if settings.enlarge:
        return
    scale = needed_scale(width, height, settings.width, settings.height, settings.geometry)
    if scale < 1 - 1e-9:
        detail = f"{width:.0f}×{height:.0f} {when}".rstrip()
        raise Refusal(Reason.TOO_SMALL, detail)


def _clause(error: Exception) -> str:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return text if text.isprintable() else ascii(text)


def _cosines() -> NDArray[np.float32]:
    """Rows 0 to 7 of the 32-point DCT-II."""
    frequencies, positions = np.arange(8)[:, None], np.arange(32)[None, :]
    return np.cos(np.pi * frequencies * (2 * positions + 1) / 64).astype(np.float32)


_COSINES = _cosines()


def perceptual_hash(pixels: Pixels) -> int:
    """Return 64 bits that stay the same, but for a few, when a picture is scaled or compressed again.

    The signs, relative to their median, of the 8 × 8 lowest DCT coefficients of the grey picture at 32 × 32 (Zauner,
    "Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2).
    """
    colours = pixels[:, :, :3] if pixels.shape[2] >= 3 else pixels[:, :, 0]
    small = Image.fromarray(colours).convert("L").resize((32, 32), Image.Resampling.BOX)
    spectrum = _COSINES @ np.asarray(small, np.float32) @ _COSINES.T
    bits = (spectrum > np.median(spectrum)).reshape(64)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
