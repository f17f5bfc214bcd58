"""An entry: one file that may be a picture, and where its bytes are. Reading never changes a source."""

import bz2
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from PIL import Image

from lienzo.collection.listing import places
from lienzo.collection.reasons import Reason, Refusal

LARGEST = 1 << 30
"""A picture file of more bytes than this is refused unread."""

BOMB, RATIO = 1 << 24, 100
"""Limits of an archive bomb: a member that unpacks to more bytes than the first, and to more than the second times its
packed size. Pictures are compressed already, and do not."""

STORED, DEFLATED, BZIP2 = 0, 8, 12
"""Zip's numbers of the compression methods that can be read."""

METHODS = {9: "Deflate64", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES encryption"}
"""Names of others that occur."""


@dataclass(frozen=True)
class Entry:
    """One file that may be a picture."""

    name: str
    """How it stands in the collection's index: the path within its source, with slashes, as printable Unicode."""
    location: str
    """The file that holds the bytes: the picture itself or the archive; a path or an fsspec URL."""
    size: int
    """Bytes of the picture's file, unpacked."""
    stamp: str = ""
    """Changes whenever the file does: its time of modification, its checksum or the store's tag."""
    offset: int | None = None
    """Where the bytes begin in ``location``, for members of an archive."""
    packed: int = 0
    """How many bytes stand there, for members of an archive."""
    method: int = STORED
    """How they are compressed, by zip's numbers."""
    data: bytes | None = None
    """The bytes themselves, where they cannot be read apart from their neighbours."""
    shape: tuple[int, int, int] | None = None
    """Height, width and channels, where the bytes are no file but the pixels of an array."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Label kind -> name, as far as the source knows them."""
    refusal: tuple[Reason, str] | None = None
    """Found out while listing."""
    wanted: bool = False
    """Whether it is to be kept although it looks damaged, plain or too small."""
    described: bool = False
    """Whether a file of the same name beside it tells about it, as in the shards of img2dataset."""

    def at(self, offset: int, refusal: tuple[Reason, str] | None = None) -> "Entry":
        """Return the entry with its place in the archive."""
        return replace(self, offset=offset, refusal=refusal)

    def labelled(self, labels: Mapping[str, str]) -> "Entry":
        """Return the entry with labels."""
        return replace(self, labels=dict(labels))

    def head(self, length: int) -> bytes:
        """Return the first bytes, or fewer or none where they cannot be had without reading all of them."""
        if self.refusal is not None or self.data is not None or self.method not in (STORED, DEFLATED):
            return (self.data or b"")[:length]
        try:
            start = places.read(
                self.location, self.offset or 0, length if self.offset is None else min(length, self.packed)
            )
            return start if self.method == STORED else zlib.decompressobj(-zlib.MAX_WBITS).decompress(start, length)
        except (OSError, zlib.error):
            return b""

    def read(self) -> bytes:
        """Return the bytes.

        Raises:
            Refusal: they cannot be had.
            SourceError: a store does not answer.
        """
        if self.refusal is not None:
            raise Refusal(*self.refusal)
        if self.data is not None:
            return self.data if self.shape is None else _as_png(self.data, self.shape)
        if max(self.size, self.packed) > LARGEST:
            raise Refusal(Reason.TOO_LARGE, f"{self.size:,} bytes; no more than {LARGEST:,} are read")
        if self.offset is not None and is_bomb(self.size, self.packed):
            raise Refusal(Reason.TOO_LARGE, f"{self.size:,} bytes packed into {self.packed:,}: an archive bomb")
        try:
            if self.offset is None:
                data = places.read(self.location, 0, self.size + 1)
            else:
                data = places.read(self.location, self.offset, self.packed)
        except FileNotFoundError:
            raise Refusal(Reason.VANISHED, "it was listed, but is there no more") from None
        except OSError as error:
            raise Refusal(Reason.UNREADABLE, error.strerror or str(error) or type(error).__name__) from None
        if self.offset is not None:
            data = _unpack(data, self)
        if len(data) != self.size:
            raise Refusal(Reason.CHANGED, f"{self.size:,} bytes when it was listed, another number when it was read")
        return data if self.shape is None else _as_png(data, self.shape)


def is_bomb(size: int, packed: int) -> bool:
    """Say whether ``size`` bytes that were packed into ``packed`` bytes are an archive bomb.

    >>> is_bomb(1 << 30, 1 << 20), is_bomb(1 << 20, 1 << 10), is_bomb(1 << 30, 1 << 29)
    (True, False, False)
    """
    return size > BOMB and size > RATIO * packed


def _as_png(pixels: bytes, shape: tuple[int, int, int]) -> bytes:
    """Return pixels as the file of a picture."""
    height, width, channels = shape
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    buffer = io.BytesIO()
    Image.frombytes(mode, (width, height), pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _unpack(data: bytes, entry: Entry) -> bytes:
    if len(data) != entry.packed:
        raise Refusal(Reason.TRUNCATED, "the archive ends within this member")
    try:
        if entry.method == DEFLATED:
            inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            data = inflate.decompress(data, entry.size + 1)
        elif entry.method == BZIP2:
            data = bz2.BZ2Decompressor().decompress(data, entry.size + 1)
        elif entry.method != STORED:
            name = METHODS.get(entry.method, f"zip method {entry.method}")
            raise Refusal(Reason.UNREADABLE, f"compressed by {name}, which is not supported: zip it again with Deflate")
    except (zlib.error, OSError) as error:
        raise Refusal(Reason.UNREADABLE, f"damaged in the archive: {error}") from None
    if len(data) > entry.size:
        raise Refusal(Reason.TOO_LARGE, f"it unpacks to more than the {entry.size:,} bytes that the archive declares")
    return data
