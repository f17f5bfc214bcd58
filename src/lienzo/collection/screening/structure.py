"""Checks that the end of a file is there, for each format; Pillow decodes many truncated files without an error."""

import zlib
from collections.abc import Callable, Iterator

from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening import jpeg, tiff


def check_whole(data: bytes, kind: str) -> tuple[str, ...]:
    """Refuse a file whose end is missing.

    Args:
        data: the bytes of the file.
        kind: its format, one of :data:`formats.FORMATS`.

    Returns:
        the note ``no-end-marker`` or ``wrong-length`` if nothing else is wrong, else no notes.

    Raises:
        Refusal: with the reason TRUNCATED or DAMAGED.
    """
    return CHECKS[kind](data) or ()


def _png(data: bytes) -> None:
    """Check a PNG: each chunk gives its length and CRC-32, and the chunk IEND is the last."""
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
    """Check a WebP: its RIFF header gives the length of the file."""
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise Refusal(Reason.TRUNCATED, "the WebP is shorter than it says")


def _gif(data: bytes) -> None:
    """Check a GIF: each block gives its length, and the trailer, a byte 0x3B, ends the file."""
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


def _bmp(data: bytes) -> tuple[str, ...]:
    """Check a BMP by the length that follows from its width and height; the length in its header may be wrong."""
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
    if start + stored > len(data):
        raise Refusal(Reason.TRUNCATED, "the BMP is shorter than it says")
    if int.from_bytes(data[2:6], "little") <= len(data):
        return ()
    if not raw:
        raise Refusal(Reason.TRUNCATED, "the BMP is shorter than it says")
    return ("wrong-length",)


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type, start and end of each box's content (ISO/IEC 14496-12, 4.2; ISO/IEC 15444-1, annex I)."""
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
    """Check an AVIF: each box gives its length, and the box ``mdat`` holds the pixels."""
    if b"mdat" not in [kind for kind, _, _ in _boxes(data)]:
        raise Refusal(Reason.TRUNCATED, "the AVIF ends before its pixels")


def _jpeg2000(data: bytes) -> None:
    """Check a JPEG 2000: its codestream, bare or in a box, has the end marker (EOC) after the start of data (SOD)."""
    bare = data.startswith(b"\xff\x4f")
    streams = [(0, len(data))] if bare else [(start, end) for kind, start, end in _boxes(data) if kind == b"jp2c"]
    if not streams or data.rfind(b"\xff\xd9", *streams[0]) <= data.find(b"\xff\x93", *streams[0]):
        raise Refusal(Reason.TRUNCATED, "the JPEG 2000 has no end marker")


def _heif(data: bytes) -> None:
    """Check a HEIC: each box gives its length, and the box ``mdat`` or ``idat`` holds the pixels."""
    if not {b"mdat", b"idat"} & {kind for kind, _, _ in _boxes(data)} and b"idat" not in data:
        raise Refusal(Reason.TRUNCATED, "the HEIC ends before its pixels")


def _jxl(data: bytes) -> None:
    """Check a JPEG XL in boxes, each of which gives its length; a bare codestream is left to the decoder."""
    if not data.startswith(b"\xff\x0a") and not {b"jxlc", b"jxlp"} & {kind for kind, _, _ in _boxes(data)}:
        raise Refusal(Reason.TRUNCATED, "the JPEG XL ends before its pixels")


def _qoi(data: bytes) -> None:
    """Check a QOI: seven zero bytes and a one, which occur nowhere else, end the file."""
    if data.find(bytes(7) + b"\1", 14) < 0:
        raise Refusal(Reason.TRUNCATED, "the QOI has no end marker")


def _pcx(data: bytes) -> None:
    """Check a PCX with a palette of 256 colours, which has to follow the last pixel; others are left to the decoder."""
    palette = len(data) - 769
    bits, planes, grey = data[3:4], data[65:66], data[68:69] == b"\2"
    if (bits, planes) != (b"\x08", b"\1") or grey:
        return
    left, top, right, bottom = (int.from_bytes(data[at : at + 2], "little") for at in (4, 6, 8, 10))
    stride = max(int.from_bytes(data[66:68], "little"), right - left + 1)
    missing, position = stride * (bottom - top + 1), 128
    while missing > 0 and position < palette:
        run = data[position] & 63 if data[position] >= 192 else 0
        missing, position = missing - (run or 1), position + (2 if data[position] >= 192 else 1)
    if missing > 0 or position > palette or data[palette] != 12:
        raise Refusal(Reason.TRUNCATED, "the PCX ends before its palette")


def _ico(data: bytes) -> None:
    """Check an ICO: its directory gives the offset and the length of each picture."""
    count = int.from_bytes(data[4:6], "little")
    entries = [data[6 + 16 * i : 22 + 16 * i] for i in range(count)]
    ends = [sum(int.from_bytes(entry[at : at + 4], "little") for at in (8, 12)) for entry in entries]
    if any(len(entry) < 16 for entry in entries) or max(ends, default=0) > len(data):
        raise Refusal(Reason.TRUNCATED, "the icon ends before its pixels")


def _decoder_notices(data: bytes) -> None:
    """Check nothing: in these formats the header gives the number of pixels, and the decoder fails if some lack."""


CHECKS: dict[str, Callable[[bytes], tuple[str, ...] | None]] = {
    "JPEG": jpeg.check_whole,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
    "TIFF": tiff.check_whole,
    "BMP": _bmp,
    "AVIF": _avif,
    "JPEG2000": _jpeg2000,
    "TGA": _decoder_notices,
    "PCX": _pcx,
    "QOI": _qoi,
    "PPM": _decoder_notices,
    "ICO": _ico,
    "HEIF": _heif,
    "JXL": _jxl,
}
"""Format -> the function that refuses a file of it whose end is missing."""
