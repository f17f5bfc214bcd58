"""Decoding of a file's bytes into an upright picture: limits, scaled decoding, orientation."""

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening import colour, damage, jpeg, png, tiff, tiff_pixels
from lienzo.collection.screening.pictures import MODES, Box
from lienzo.collection.settings import WHITE

GAP = 1.1
"""A JPEG is decoded at the smallest of the scales 1/8, 1/4, 1/2, 1 that is still this many times the size wanted; the
antialiased resize does the rest. docs/prepare.md says how near that comes to resizing the full decode."""

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

BRANDS = frozenset({b"avif", b"avis", b"mif1", b"msf1"})
"""Major brands of AVIF files that Pillow opens."""

LACK = "it asks for more memory than there is for a worker"
"""Detail of pictures that are refused for lack of memory."""


@dataclass(frozen=True)
class Decoded:
    """A decoded picture."""

    image: Image.Image
    """Upright, in one of :data:`lienzo.collection.screening.pictures.MODES`."""
    box: Box
    """Part of ``image`` that the original fills, in pixels: a scaled decode rounds the size up."""
    size: tuple[int, int]
    """Width and height of the upright original."""
    shrunk: int
    """Ratio of the original's sides to those it was decoded at: 1, 2, 4 or 8."""
    notes: tuple[str, ...]
    """Names of what was done to the picture, which docs/prepare.md explains."""


@dataclass(frozen=True)
class Source:
    """A picture file that may be decoded, more than once at different scales."""

    data: bytes
    """The file's content."""
    kind: str
    """Format of the file, a key of :data:`lienzo.collection.screening.formats.FORMATS`."""
    channels: int = 3
    """1 (grey), 3 (sRGB) or 4 (sRGB and alpha)."""
    background: tuple[int, int, int] = WHITE
    """Colour that transparent pictures are composited on, unless alpha is kept."""
    max_pixels: int = 178_956_970
    """Largest number of pixels that may be decoded."""
    detect_damage: bool = True
    """Refuse pictures that are damaged; if not, a file is decoded as far as possible."""

    def decode(self, scale: Callable[[int, int], float]) -> Decoded:
        """Decode the picture, turn it upright and convert its colours.

        Args:
            scale: function from width and height of an original, upright or not, to how many times larger it is than
                needed; a JPEG is decoded at a smaller scale where that is enough.

        Raises:
            Refusal: BOMB, EXHAUSTED, TRUNCATED, UNDECODABLE, DAMAGED or UNSUPPORTED.
        """
        try:
            with _as_far_as_it_goes(not self.detect_damage):
                page = tiff.picture(self.data) if self.kind == "TIFF" else None
                if page is not None and not page.for_pillow:
                    return self._unpacked(page)
                return self._by_pillow(self.data if page is None else tiff.beginning_with(self.data, page), scale)
        except MemoryError:
            raise Refusal(Reason.EXHAUSTED, LACK) from None
        except Refusal:
            raise
        except Exception as error:  # Pillow and tifffile raise what their parsers stumble over
            text = _clause(error, self.kind)
            short = any(words in text for words in ("truncated", "not enough image data", "unexpected end"))
            raise Refusal(Reason.TRUNCATED if short else Reason.UNDECODABLE, text) from None

    def _open(self, data: bytes) -> Image.Image:
        if self.kind == "AVIF" and data[8:12] not in BRANDS:
            data = data[:8] + b"avif" + data[12:]
        try:
            with _pillows_limit(self.max_pixels if self.kind == "ICO" else None):  # icons are decoded when opened
                image = Image.open(io.BytesIO(data), formats=(self.kind,))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise Refusal(Reason.BOMB, f"more than the limit of {self.max_pixels:,} pixels (--max-pixels)") from None
        except UnidentifiedImageError:
            raise Refusal(Reason.UNDECODABLE, f"the header of the {self.kind} is broken") from None
        except MemoryError:
            raise Refusal(Reason.EXHAUSTED, LACK) from None
        except Exception as error:
            raise Refusal(Reason.UNDECODABLE, _clause(error, self.kind)) from None
        if isinstance(image, ImageFile.ImageFile):
            image.decodermaxblock = len(data)  # the decoder gets the file as it is, not copied piece by piece
        return image

    def _by_pillow(self, data: bytes, scale: Callable[[int, int], float]) -> Decoded:
        image = self._open(data)
        size = width, height = image.size
        shrunk = draft(image, scale(width, height))
        several = self.kind == "JPEG" and width * height > self.max_pixels and self._scans() > 1
        self._check_pixels(size if several else image.size)  # scans of one picture are gathered at its full size
        image.load()
        if self.detect_damage:
            damage.check_content(image, self.data, self.kind)
        notes: tuple[str, ...] = ("several-frames",) if getattr(image, "n_frames", 1) > 1 else ()
        if self.kind == "PNG":
            image, more = png.mended(image, data)
            notes += more
        return self._upright(image, size, shrunk, notes)

    def _unpacked(self, page: tiff.Page) -> Decoded:
        """Decode a page of a TIFF without Pillow."""
        self._check_pixels((page.value(tiff.WIDTH), page.value(tiff.HEIGHT)))
        found = tiff_pixels.read(self.data, page)
        if self.detect_damage and page.value(tiff.COMPRESSION, 1) == 1:
            damage.check_rows(found.samples)
        return self._upright(found.image, found.image.size, 1, found.notes)

    def _scans(self) -> int:
        """Count the scans of a JPEG, as far as the file goes where damage is no reason to refuse it."""
        found = 0
        try:
            for _ in jpeg.scans(self.data):
                found += 1
        except Refusal:
            if self.detect_damage:
                raise
        return found

    def _check_pixels(self, size: tuple[int, int]) -> None:
        if size[0] * size[1] > self.max_pixels:
            detail = f"{size[0]}×{size[1]} to decode, more than the limit of {self.max_pixels:,} pixels (--max-pixels)"
            raise Refusal(Reason.BOMB, detail)

    def _upright(self, image: Image.Image, size: tuple[int, int], shrunk: int, notes: tuple[str, ...]) -> Decoded:
        """Turn a loaded picture upright and convert its colours; ``size`` is the original's, as it is stored."""
        box = (0.0, 0.0, size[0] / shrunk, size[1] / shrunk)
        orientation = image.getexif().get(png.ORIENTATION, 1)
        if orientation in TURNS:
            image = ImageOps.exif_transpose(image)
            box = _turned(box, image.size, *TURNS[orientation])
            size = size[::-1] if TURNS[orientation][0] else size
            notes += ("rotated",)
        image, more = colour.to_mode(image, MODES[self.channels], self.background)
        return Decoded(image, box, size, shrunk, tuple(dict.fromkeys((*notes, *more))))


def draft(image: Image.Image, scale: float) -> int:
    """Let an opened JPEG be decoded smaller, where that is enough.

    Args:
        image: opened, not loaded yet.
        scale: how many times larger than needed the original is.

    Returns:
        how many times smaller than the original it will be decoded: 1, 2, 4 or 8.
    """
    reduction = 2 ** min(3, math.floor(math.log2(max(1.0, scale / GAP))))
    if reduction > 1 and image.draft(None, (image.width // reduction, image.height // reduction)) is None:
        return 1
    return int(reduction)


def _turned(box: Box, size: tuple[int, int], swap: bool, mirror_x: bool, mirror_y: bool) -> Box:
    """Turn a box with its picture, whose size is ``size`` afterwards."""
    left, top, right, bottom = (box[1], box[0], box[3], box[2]) if swap else box
    if mirror_x:
        left, right = size[0] - right, size[0] - left
    if mirror_y:
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom


@contextlib.contextmanager
def _pillows_limit(pixels: int | None) -> Iterator[None]:
    """Set Pillow's own limit of pixels, above which it raises an error, while the block runs."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@contextlib.contextmanager
def _as_far_as_it_goes(wanted: bool) -> Iterator[None]:
    """Let Pillow decode files that end early while the block runs; the missing rest is black or grey."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = wanted
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _clause(error: Exception, kind: str) -> str:
    """Return an error as a clause: its message, or that the file is broken if the message would not help."""
    text = " ".join(str(error).split())[:200]
    if not text or not isinstance(error, OSError | SyntaxError | ValueError | RuntimeError | EOFError):
        return f"the {kind} is broken ({type(error).__name__})"
    return text if text.isprintable() else ascii(text)
