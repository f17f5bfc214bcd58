"""What a file is: signatures, brands, names, and formats that lienzo reads besides the usual ones."""

import contextlib
import importlib
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures_for_tests import distance, encoded, noisy, painting, screened
from PIL import Image

from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening import formats
from lienzo.collection.screening.screening import LARGE, screen
from lienzo.collection.settings import Settings

COLOUR = noisy(1, 64, 64)
RGB = np.asarray(COLOUR)
GREY = COLOUR.convert("L")

FURTHER = {
    "TGA": ("a.tga", encoded(COLOUR, "TGA"), COLOUR),
    "TGA, packed": ("a.TGA", encoded(COLOUR, "TGA", compression="tga_rle"), COLOUR),
    "TGA of colours and alpha": ("a.tga", encoded(COLOUR.convert("RGBA"), "TGA"), COLOUR),
    "PCX": ("a.pcx", encoded(COLOUR, "PCX"), COLOUR),
    "PCX, grey": ("a.pcx", encoded(GREY, "PCX"), GREY),
    "QOI": ("a.qoi", encoded(COLOUR, "QOI"), COLOUR),
    "PPM": ("a.ppm", encoded(COLOUR, "PPM"), COLOUR),
    "PGM": ("a.pgm", encoded(GREY, "PPM"), GREY),
    "PGM of 16 bits": ("a.pgm", b"P5 64 64 65535\n" + (np.asarray(GREY).astype(">u2") * 257).tobytes(), GREY),
    "PPM in words": ("a.ppm", b"P3\n# by hand\n64 64 255\n" + " ".join(map(str, RGB.ravel())).encode(), COLOUR),
    "PFM": ("a.pfm", b"Pf\n64 64\n-1.0\n" + (np.asarray(GREY)[::-1] / 255).astype("<f4").tobytes(), GREY),
    "an icon": ("a.ico", encoded(COLOUR, "ICO", sizes=[(16, 16), (64, 64)]), COLOUR),
    "an icon of bitmaps": ("a.ico", encoded(COLOUR, "ICO", bitmap_format="bmp", sizes=[(64, 64)]), COLOUR),
}


@pytest.mark.parametrize(("name", "data", "truth"), FURTHER.values(), ids=FURTHER)
def test_further_formats(name: str, data: bytes, truth: Image.Image) -> None:
    assert distance(data, name, truth) < 1
    assert "wrong-extension" not in screened(data, name).notes


@pytest.mark.parametrize("name", [name for name in FURTHER if "words" not in name])
def test_further_formats_that_lost_their_end(name: str) -> None:
    file, data, _ = FURTHER[name]
    footer = 26 if data.endswith(b"TRUEVISION-XFILE.\0") else 0  # says nothing about the pixels
    for lost in (1, 2, 20, 300, len(data) // 2):
        assert screened(data[: len(data) - footer - lost], file).reason in (Reason.TRUNCATED, Reason.UNDECODABLE), lost


def test_a_tga_is_known_by_its_name_alone() -> None:
    assert screened(encoded(COLOUR, "TGA"), "a.jpg").reason == Reason.NOT_A_PICTURE


@pytest.mark.parametrize("brand", [b"mif1", b"msf1", b"miaf", b"MA1B"])
def test_an_avif_of_any_major_brand(brand: bytes) -> None:
    smooth = painting(1, 64, 64)
    data = encoded(smooth, "AVIF", quality=95)
    assert distance(data[:8] + brand + data[12:], "a.avif", smooth) < 4


def test_heic_and_jpeg_xl_with_the_extra() -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    pytest.importorskip("pillow_jxl")
    smooth = painting(1, 64, 64)
    assert distance(encoded(smooth, "HEIF", quality=95), "a.heic", smooth) < 8
    assert distance(encoded(smooth, "JXL", quality=95), "a.jxl", smooth) < 4
    for kind, name in (("HEIF", "a.heic"), ("JXL", "a.jxl")):
        assert screened(encoded(smooth, kind)[:-9], name).reason in (Reason.TRUNCATED, Reason.UNDECODABLE)


@pytest.mark.parametrize(("data", "name"), [
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "HEIC"),
    (b"\0\0\0\x18ftypmif1\0\0\0\0heicmif1" + bytes(100), "HEIC"), (b"\xff\x0a" + bytes(100), "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100), "JPEG XL"),
])  # fmt: skip
def test_heic_and_jpeg_xl_without_the_extra(data: bytes, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> Any:
        raise ImportError(module)

    monkeypatch.setattr(importlib, "import_module", missing)
    formats._registered.cache_clear()
    found = screened(data)
    formats._registered.cache_clear()
    assert found.reason == Reason.UNSUPPORTED
    assert found.detail == f"{name}: install what decodes it with pip install 'lienzo[heif]'"


@pytest.mark.parametrize(("head", "words"), [
    (b"8BPS\0\1", "Photoshop"), (b"\0\0\2\0\1\0", "cursor"), (b"P7\nWIDTH 1", "PAM"), (b"gimp xcf v011", "GIMP"),
    (b"icns\0\0\1\0", "macOS"), (b"\1\xda\1\1\0\3", "SGI"), (b"#?RADIANCE\n", "Radiance"), (b"\0\0\1\xba", "video"),
    (b"OggS\0", "video"), (b"ID3\3\0", "sound"), (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "video"),
    (b"\0\5\x16\7\0\2\0\0Mac OS X", "AppleDouble"), (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", "raw"),
])  # fmt: skip
def test_what_else_is_named(head: bytes, words: str) -> None:
    found = screened(head + bytes(200), "a.jpg")
    assert (words in found.detail, found.reason in (Reason.UNSUPPORTED, Reason.NOT_A_PICTURE)) == (True, True), found


def video(size: int) -> bytes:
    return b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(size)


def test_of_a_large_video_the_head_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").write_bytes(video(LARGE))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("stored.mp4", video(LARGE))
        archive.writestr("packed.mp4", video(LARGE), zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(Entry, "read", lambda self: pytest.fail("it was read whole"))
    from lienzo.collection.listing.archives import zip_entries

    members = list(zip_entries(str(tmp_path / "a.zip")))
    assert len(members) == 2
    for entry in (Entry("a.mp4", str(tmp_path / "a.mp4"), LARGE + 24), *members):
        found = screen(entry, Settings())
        assert (found.reason, found.detail) == (Reason.NOT_A_PICTURE, "a video")


def test_a_large_picture_is_read() -> None:
    data = encoded(COLOUR, "BMP")
    large = data + bytes(LARGE)
    assert not screened(large, "a.bmp").reason
    assert screened(bytes(LARGE + 1)).reason == Reason.EMPTY


def test_random_heads_never_raise_anything_else() -> None:
    draw = random.Random(0)
    magics = [
        b"\xff\xd8\xff",
        b"II*\0",
        b"P5 ",
        b"qoif",
        b"\0\0\1\0\1\0",
        b"\x0a\5\1\x08",
        b"\0\0\0\x18ftyp",
        b"\0\0\2",
    ]
    for i in range(400):
        data = magics[i % len(magics)] + draw.randbytes(draw.randrange(80))
        with contextlib.suppress(Refusal):
            formats.identify(data, draw.choice(["a.tga", "a.jpg"]))
        assert screened(data, "a.tga").reason


def test_a_compression_of_zip_that_is_not_read_is_named() -> None:
    packed = Entry("a.jpg", __file__, 10, offset=0, packed=10, method=14)
    assert screen(packed, Settings()).detail == "compressed by LZMA, which is not supported: zip it again with Deflate"
