"""Entries of a listing: one for each file that may be a picture, with where its bytes are and how to read them."""

import bz2
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from PIL import Image

from lienzo.collection.listing import places
from lienzo.collection.reasons import Reason, Refusal

LARGEST = 1 << 30
"""Largest size in bytes of a picture file; a larger one is refused without being read."""

BOMB, RATIO = 1 << 24, 100
"""Size in bytes, and multiple of the packed size, above both of which an archive's member counts as a bomb. Pictures
are compressed already, so that packing hardly makes them smaller."""

STORED, DEFLATED, BZIP2 = 0, 8, 12
"""Zip's numbers of the compression methods that can be read."""

METHODS = {9: "Deflate64", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES encryption"}
"""Zip's number -> name of compression methods that cannot be read, for the message."""


@dataclass(frozen=True)
class Entry:
    """One file that may be a picture, in a folder, an archive or a table. Reading it never changes the source."""

    name: str
    """Name in the collection's index: the path within its source, with slashes, as printable Unicode."""
    location: str
    """Path or fsspec URL of the file that holds the bytes: the picture itself, or the archive."""
    size: int
    """Size of the picture's file in bytes, unpacked."""
    stamp: str = ""
    """Text that changes whenever the file does: its time of modification, its checksum or the store's tag."""
    offset: int | None = None
    """Offset in ``location`` of the first byte, for members of an archive."""
    packed: int = 0
    """Number of bytes from ``offset`` on, for members of an archive."""
    method: int = STORED
    """Zip's number of the method by which these bytes are compressed."""
    crc: int | None = None
    """CRC-32 of the file's bytes, where an archive says it."""
    data: bytes | None = None
    """The bytes themselves, if they cannot be read without their neighbours, as the rows of a Parquet file."""
    shape: tuple[int, int, int] | None = None
    """Height, width and channels, if the bytes are not a file but the pixels of an array, uint8."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Label kind -> label, of the labels that the source gives."""
    refusal: tuple[Reason, str] | None = None
    """Reason and detail, if listing already found that the file cannot be used."""
    wanted: bool = False
    """Whether the user chose to keep the picture even if it looks damaged, plain or too small."""
    named: bool = False
    """Whether a table names the file by its path, so that it is no find in a folder that may have to be passed over."""
    described: bool = False
    """Whether a file of the same name beside it holds its labels, as in the shards of img2dataset."""

    def at(self, offset: int, refusal: tuple[Reason, str] | None = None) -> "Entry":
        """Return a copy of the entry with its offset in the archive, and its refusal if it cannot be read there."""
        return replace(self, offset=offset, refusal=refusal)

    def labelled(self, labels: Mapping[str, str]) -> "Entry":
        """Return a copy of the entry with these labels."""
        return replace(self, labels=dict(labels))

    def head(self, length: int) -> bytes:
        """Return the first ``length`` bytes; fewer or none if they cannot be read without reading the whole file."""
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
        """Return the bytes of the picture's file; pixels of an array are returned as a PNG.

        Raises:
            Refusal: the file cannot be read, has changed since it was listed, or is too large.
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
    """Return whether a member of ``packed`` bytes that unpacks to ``size`` bytes counts as an archive bomb.

    >>> is_bomb(1 << 30, 1 << 20), is_bomb(1 << 20, 1 << 10), is_bomb(1 << 30, 1 << 29)
    (True, False, False)
    """
    return size > BOMB and size > RATIO * packed


def _as_png(pixels: bytes, shape: tuple[int, int, int]) -> bytes:
    """Return the bytes of a PNG of these pixels, uint8, of the shape height, width, channels."""
    height, width, channels = shape
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    buffer = io.BytesIO()
    Image.frombytes(mode, (width, height), pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _unpack(data: bytes, entry: Entry) -> bytes:
    """Decompress the bytes of an archive's member.

    Raises:
        Refusal: they are incomplete or damaged, of an unsupported method, or unpack to more than ``entry.size`` bytes.
    """
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
