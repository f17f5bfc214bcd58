"""Formats of files, recognised by their first bytes."""

import contextlib
import functools
import importlib
import re
import struct

from PIL import features

from lienzo.collection.reasons import Reason, Refusal

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff", ".dng"),
    "BMP": (".bmp", ".dib"),
    "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c"),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
    "PCX": (".pcx",),
    "QOI": (".qoi",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "ICO": (".ico",),
    "HEIF": (".heic", ".heif", ".hif"),
    "JXL": (".jxl",),
}
"""Formats that are decoded, by Pillow's names, and the extensions they go by."""

_MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
    (re.compile(rb"BM.{12}[\x0c-\x7c]\0\0\0", re.DOTALL), "BMP"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "JPEG2000"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), "JXL"),
    (re.compile(rb"qoif"), "QOI"),
    (re.compile(rb"P[1-6][\s#]|Pf\s"), "PPM"),
    (re.compile(rb"\0\0\x01\0[\x01-\xff]\0"), "ICO"),
    (re.compile(rb"\x0a[\0\x02\x03\x05]\x01[\x01\x08]", re.DOTALL), "PCX"),
)

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})

_OPTIONAL = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
"""Formats that Pillow may have been built without -> Pillow's name of the feature."""

_EXTRAS = {"HEIF": ("pillow_heif", "HEIC"), "JXL": ("pillow_jxl", "JPEG XL")}
"""Formats that only a package of the extra ``heif`` can decode: the module, and what people call the format."""

_UNSUPPORTED = (
    (re.compile(rb"8BPS"), "a Photoshop document: save it as PNG or TIFF"),
    (re.compile(rb"\0\0\x02\0[\x01-\xff]\0"), "a cursor"),
    (re.compile(rb"P7\n|PF\s"), "a Netpbm picture of a kind that Pillow does not read (PAM, colour PFM)"),
    (re.compile(rb"\x76\x2f\x31\x01"), "OpenEXR: convert it to TIFF"),
    (re.compile(rb"#\?RADIANCE|#\?RGBE"), "Radiance HDR: convert it to TIFF"),
    (re.compile(rb"DDS "), "a DirectDraw surface"),
    (re.compile(rb"FUJIFILMCCD-RAW|IIU\0|IIRO|MMOR"), "a camera's raw picture: develop it first"),
    (re.compile(rb"....ftypcrx ", re.DOTALL), "a camera's raw picture: develop it first"),
    (re.compile(rb"II\xbc\x01"), "JPEG XR"),
    (re.compile(rb"icns"), "an icon of macOS"),
    (re.compile(rb"\x01\xda[\0\x01][\x01\x02]"), "an SGI picture"),
    (re.compile(rb"\x59\xa6\x6a\x95"), "a Sun raster picture"),
    (re.compile(rb"\xb1\x68\xde\x3a"), "a multi-page PCX (DCX)"),
    (re.compile(rb"/\* XPM \*/"), "an X pixmap"),
    (re.compile(rb"SIMPLE  = "), "a FITS picture"),
    (re.compile(rb"gimp xcf "), "a GIMP document: export it as PNG"),
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
    (re.compile(rb"\0\0\x01[\xb3\xba]|G.{187}G|OggS|FLV\x01|0&\xb2u", re.DOTALL), "a video"),
    (re.compile(rb"ID3|fLaC|\xff[\xfb\xf3\xf2]"), "a sound"),
    (re.compile(rb"\x7fELF|MZ"), "a program"),
    (re.compile(rb"SQLite format 3"), "a database"),
    (re.compile(rb"PAR1"), "a Parquet table"),
    (re.compile(rb"\0\x05\x16\x07"), "what macOS keeps beside a file (AppleDouble)"),
    (re.compile(rb"version https://git-lfs"), "a Git LFS pointer: the picture itself was not downloaded"),
)

_TEXT = (
    (re.compile(rb"<svg[\s>]", re.IGNORECASE), "an SVG drawing"),
    (re.compile(rb"<!doctype\s+html|<html|<head[\s>]|<body[\s>]", re.IGNORECASE), "an HTML page"),
    (re.compile(rb"\A<\?xml|\A<[A-Za-z]"), "an XML document"),
    (re.compile(rb"\A[\[{]"), "JSON"),
)

HEAD = 4096
"""Number of bytes at the beginning of a file by which its format is recognised."""


def identify(head: bytes, name: str = "") -> str:
    """Return which of :data:`FORMATS` a file is.

    Args:
        head: its first :data:`HEAD` bytes at least, or all of them.
        name: of the file. It only counts for TGA, which has no signature.

    Raises:
        Refusal: NOT_A_PICTURE or UNSUPPORTED.
    """
    kind = _kind(head, name)
    if kind is not None:
        _check_decoder(kind)
        return kind
    for magic, described in _UNSUPPORTED:
        if magic.match(head):
            raise Refusal(Reason.UNSUPPORTED, described)
    for magic, described in _OTHER:
        if magic.match(head):
            raise Refusal(Reason.NOT_A_PICTURE, described)
    raise Refusal(Reason.NOT_A_PICTURE, _describe_text(head[:HEAD]))


def _kind(head: bytes, name: str) -> str | None:
    for magic, kind in _MAGIC:
        if magic.match(head):
            return kind
    if head[4:8] == b"ftyp":
        brands = _brands(head)
        return "AVIF" if brands & _AVIF_BRANDS else "HEIF" if brands & _HEIF_BRANDS else None
    if name.lower().endswith(FORMATS["TGA"]) and _may_be_tga(head):
        return "TGA"
    return None


def _brands(head: bytes) -> set[bytes]:
    """Return the major and the compatible brands of a file of boxes (ISO/IEC 14496-12, 4.3)."""
    end = min(int.from_bytes(head[:4], "big"), HEAD, len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}


def _may_be_tga(head: bytes) -> bool:
    """Say whether the first 18 bytes make sense as the header of a TGA."""
    if len(head) < 18:
        return False
    _, palette, kind, *_, width, height, bits, _ = struct.unpack("<BBB5xHHHHBB", head[:18])
    return palette <= 1 and kind in (1, 2, 3, 9, 10, 11) and bits in (8, 15, 16, 24, 32) and width * height > 0


def decoded() -> list[str]:
    """Return the formats that this installation decodes, of those that not every one does."""
    kinds = []
    for kind in (*_OPTIONAL, *_EXTRAS):
        with contextlib.suppress(Refusal):
            _check_decoder(kind)
            kinds.append(kind)
    return kinds


def _check_decoder(kind: str) -> None:
    """Refuse a format that this installation cannot decode.

    Raises:
        Refusal: UNSUPPORTED.
    """
    if kind in _OPTIONAL and not features.check(_OPTIONAL[kind]):
        raise Refusal(Reason.UNSUPPORTED, f"{kind}, which this build of Pillow cannot decode")
    if kind in _EXTRAS and not _registered(kind):
        raise Refusal(
            Reason.UNSUPPORTED, f"{_EXTRAS[kind][1]}: install what decodes it with pip install 'lienzo[heif]'"
        )


@functools.cache
def _registered(kind: str) -> bool:
    """Make Pillow know a format that a package of its own decodes, if the package is installed."""
    try:
        module = importlib.import_module(_EXTRAS[kind][0])
    except ImportError:
        return False
    if kind == "HEIF":
        module.register_heif_opener()
    return True


def _describe_text(start: bytes) -> str:
    bare = start.removeprefix(b"\xef\xbb\xbf").strip()
    if b"\0" in start or sum(byte < 9 or 13 < byte < 32 for byte in start) > len(start) // 100:
        return "unknown bytes"
    for pattern, name in _TEXT:
        if pattern.search(bare):
            return name
    return "text" if bare else "white space"
