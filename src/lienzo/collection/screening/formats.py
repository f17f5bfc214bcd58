"""What a file is by its bytes, and whether its end is there. Pillow's own checks miss files that lost their tail."""

import re
import zlib
from collections.abc import Iterator

from PIL import features

from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening import jpeg

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c"),
}
"""Formats that are decoded, by Pillow's names, and the extensions they go by."""

_MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
    (re.compile(rb"BM.{12}[\x0c-\x7c]\0\0\0", re.DOTALL), "BMP"),
    (re.compile(rb"....ftyp(avif|avis)", re.DOTALL), "AVIF"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "JPEG2000"),
)

_OPTIONAL = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
"""Formats that Pillow may have been built without, and its names for the features."""

_UNSUPPORTED = (
    (re.compile(rb"....ftyp(heic|heix|hevc|mif1|msf1)", re.DOTALL), "HEIC"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "JPEG XL"),
    (re.compile(rb"8BPS"), "a Photoshop document"),
    (re.compile(rb"\0\0[\x01\x02]\0[\x01-\xff]\0"), "an icon"),
    (re.compile(rb"P[1-7fF][\s#]"), "a Netpbm picture"),
    (re.compile(rb"\x76\x2f\x31\x01"), "OpenEXR"),
    (re.compile(rb"DDS "), "a DirectDraw surface"),
)

_OTHER = (
    (re.compile(rb"\x89PNG|\xef\xbf\xbdPNG"), "a PNG that was transferred as text"),
    (re.compile(rb"\xef\xbf\xbd"), "a file that was saved as text: its bytes above 127 are lost"),
    (re.compile(rb"%PDF-"), "a PDF document"),
    (re.compile(rb"%!PS"), "a PostScript document"),
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), "a zip archive"),
    (re.compile(rb"\x1f\x8b"), "a gzip file"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c|Rar!"), "an archive"),
    (re.compile(rb"....ftyp", re.DOTALL), "a video"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "a video"),
    (re.compile(rb"RIFF....(AVI |WAVE)", re.DOTALL), "a video or a sound"),
    (re.compile(rb"\x7fELF|MZ"), "a program"),
    (re.compile(rb"SQLite format 3"), "a database"),
    (re.compile(rb"PAR1"), "a Parquet table"),
    (re.compile(rb"version https://git-lfs"), "a Git LFS pointer: the picture itself was not downloaded"),
)

_TEXT = (
    (re.compile(rb"<svg[\s>]", re.IGNORECASE), "an SVG drawing"),
    (re.compile(rb"<!doctype\s+html|<html|<head[\s>]|<body[\s>]", re.IGNORECASE), "an HTML page"),
    (re.compile(rb"\A<\?xml|\A<[A-Za-z]"), "an XML document"),
    (re.compile(rb"\A[\[{]"), "JSON"),
)


def identify(data: bytes) -> str:
    """Return which of :data:`FORMATS` the bytes are.

    Raises:
        Refusal: EMPTY, NOT_A_PICTURE or UNSUPPORTED.
    """
    head = data[:32]
    for magic, name in _MAGIC:
        if magic.match(head):
            if name in _OPTIONAL and not features.check(_OPTIONAL[name]):
                raise Refusal(Reason.UNSUPPORTED, f"{name}, which this build of Pillow cannot decode")
            return name
    if not data.strip(b"\0"):
        raise Refusal(Reason.EMPTY, "nothing but zeros" if data else "no bytes")
    for magic, name in _UNSUPPORTED:
        if magic.match(head):
            raise Refusal(Reason.UNSUPPORTED, name)
    for magic, name in _OTHER:
        if magic.match(head):
            raise Refusal(Reason.NOT_A_PICTURE, name)
    raise Refusal(Reason.NOT_A_PICTURE, _describe_text(data[:4096]))


def _describe_text(start: bytes) -> str:
    bare = start.removeprefix(b"\xef\xbb\xbf").strip()
    if b"\0" in start or sum(byte < 9 or 13 < byte < 32 for byte in start) > len(start) // 100:
        return "unknown bytes"
    for pattern, name in _TEXT:
        if pattern.search(bare):
            return name
    return "text" if bare else "white space"


def check_whole(data: bytes, name: str) -> None:
    """Walk through the structure of a file and see that its end is there.

    Raises:
        Refusal: TRUNCATED or DAMAGED.
    """
    CHECKS[name](data)


def _png(data: bytes) -> None:
    """Chunks carry their length and CRC-32; IEND ends the picture."""
    position = 8
    while True:
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(data):
            raise Refusal(Reason.TRUNCATED, "the PNG ends within a chunk")
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise Refusal(Reason.DAMAGED, f"the checksum of the PNG's {kind!r} chunk does not fit")
        if kind == b"IEND":
            return
        position = end


def _webp(data: bytes) -> None:
    """RIFF says how long it is."""
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise Refusal(Reason.TRUNCATED, "the WebP is shorter than it says")


def _gif(data: bytes) -> None:
    """Blocks carry their length; a semicolon ends the picture."""
    position = 13 + (3 << ((data[10] & 7) + 1) if len(data) > 10 and data[10] & 0x80 else 0)
    frames = 0
    while position < len(data):
        kind = data[position]
        if kind == 0x3B and frames:
            return
        if kind == 0x21:
            position += 2
        elif kind == 0x2C and position + 9 < len(data):
            flags = data[position + 9]
            position += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
            frames += 1
        else:
            raise Refusal(Reason.DAMAGED, "the GIF's blocks do not follow one another")
        while position < len(data) and data[position]:
            position += 1 + data[position]
        position += 1
    raise Refusal(Reason.TRUNCATED, "the GIF has no end")


_TIFF_TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def _tiff(data: bytes) -> None:
    """The directory lists where every strip or tile begins and how long it is."""
    order: str = "little" if data[:2] == b"II" else "big"
    large = data[2:4] in (b"+\0", b"\0+")
    count_bytes, entry_bytes, word = (8, 20, 8) if large else (2, 12, 4)

    def number(position: int, size: int) -> int:
        if position + size > len(data):
            raise Refusal(Reason.TRUNCATED, "the TIFF ends before its directory or its pixels do")
        return int.from_bytes(data[position : position + size], order)  # type: ignore[arg-type]

    directory = number(8 if large else 4, word)
    values: dict[int, list[int]] = {}
    last = 0
    for i in range(min(number(directory, count_bytes), 4096)):
        at = directory + count_bytes + i * entry_bytes
        tag, kind, count = number(at, 2), number(at + 2, 2), number(at + 4, word)
        size = _TIFF_TYPES.get(kind, 0)
        start = at + 4 + word if size * count <= word else number(at + 4 + word, word)
        if size:
            last = max(last, start + size * count)
        if tag in (273, 279, 324, 325) and size:
            if count * size > len(data):
                raise Refusal(Reason.TRUNCATED, "the TIFF ends before its directory or its pixels do")
            values[tag] = [number(start + j * size, size) for j in range(count)]
    number(directory + count_bytes + number(directory, count_bytes) * entry_bytes, word)
    for offsets, lengths in ((273, 279), (324, 325)):
        pairs = zip(values.get(offsets, []), values.get(lengths, []), strict=False)
        last = max(last, max((offset + length for offset, length in pairs), default=0))
    if last > len(data):
        raise Refusal(Reason.TRUNCATED, "the TIFF ends before its directory or its pixels do")


def _bmp(data: bytes) -> None:
    """The header says how large the file is, and the size of the picture says it too."""
    if len(data) < 54:
        raise Refusal(Reason.TRUNCATED, "the BMP ends within its header")
    start = int.from_bytes(data[10:14], "little")
    width, height = (
        int.from_bytes(data[18:22], "little", signed=True),
        int.from_bytes(data[22:26], "little", signed=True),
    )
    bits, compression = int.from_bytes(data[28:30], "little"), int.from_bytes(data[30:34], "little")
    raw = (abs(width) * bits + 31) // 32 * 4 * abs(height) if compression in (0, 3) else 0
    stored = int.from_bytes(data[34:38], "little") if compression in (1, 2) else raw
    if start + stored > len(data) or int.from_bytes(data[2:6], "little") > len(data):
        raise Refusal(Reason.TRUNCATED, "the BMP is shorter than it says")


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, begin and end of each box's content (ISO/IEC 14496-12, 4.2; ISO/IEC 15444-1, annex I)."""
    position = 0
    while position < len(data):
        length, kind, start = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8], 8
        if length == 1:
            length, start = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        end = position + length if length else len(data)  # 0: to the end of the file
        if end > len(data) or position + start > len(data):
            raise Refusal(Reason.TRUNCATED, "the file ends within a box")
        if position + start > end:
            raise Refusal(Reason.DAMAGED, "a box is shorter than its header")
        yield kind, position + start, end
        position = end


def _avif(data: bytes) -> None:
    """Boxes carry their length; the pixels are in ``mdat``."""
    if b"mdat" not in [kind for kind, _, _ in _boxes(data)]:
        raise Refusal(Reason.TRUNCATED, "the AVIF ends before its pixels")


def _jpeg2000(data: bytes) -> None:
    """A codestream, alone or in a box, ends with a marker."""
    bare = data.startswith(b"\xff\x4f")
    ends = [len(data)] if bare else [end for kind, _, end in _boxes(data) if kind == b"jp2c"]
    if not ends or data[ends[0] - 2 : ends[0]] != b"\xff\xd9":
        raise Refusal(Reason.TRUNCATED, "the JPEG 2000 has no end marker")


CHECKS = {
    "JPEG": jpeg.check_whole,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
    "TIFF": _tiff,
    "BMP": _bmp,
    "AVIF": _avif,
    "JPEG2000": _jpeg2000,
}
"""How the end of each format is found."""
