"""TIFF: which page is the picture, and samples of every depth."""

import importlib.util
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from pictures_for_tests import distance, encoded, noisy, painting, screened
from PIL import Image, ImageCms

from lienzo.collection.reasons import Reason
from lienzo.collection.screening import depth, tiff_pixels

COLOUR = noisy(1, 60, 80)
GREY = COLOUR.convert("L")
RGB = np.asarray(COLOUR).astype(np.uint16)
L = np.asarray(GREY).astype(np.uint16)
ALPHA = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (60, 1))


def written(*pages: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    order = {name: options.pop(name) for name in ("byteorder", "bigtiff") if name in options}
    with tifffile.TiffWriter(buffer, **order) as file:
        for page in pages:
            file.write(page, metadata=None, **options)
    return buffer.getvalue()


def with_tag(data: bytes, tag: int, value: int) -> bytes:
    """Return a small little-endian TIFF whose SHORT tag ``tag`` has another value."""
    (at,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[at : at + 2])
    for i in range(count):
        start = at + 2 + 12 * i
        if struct.unpack("<H", data[start : start + 2])[0] == tag:
            return data[: start + 8] + struct.pack("<I", value) + data[start + 12 :]
    raise AssertionError(tag)


def packed_twelve_bits() -> bytes:
    """Return a TIFF of 12 bits a sample, side by side."""
    bits = (L[:, :, None] * 16 >> np.arange(11, -1, -1)) & 1
    strip = np.packbits(bits.reshape(60, -1).astype(np.uint8), axis=1).tobytes()
    tags = ((256, 80), (257, 60), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 60), (279, len(strip)))
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory + bytes(4)


def floats_that_differ() -> bytes:
    """Return a TIFF of floats packed with their own predictor, as Photoshop writes them."""
    rows = (L / 255).astype(">f4").view(np.uint8).reshape(60, 80, 4).transpose(0, 2, 1).reshape(60, 320)
    differences = np.diff(rows, axis=1, prepend=np.uint8(0))
    strip = zlib.compress(differences.tobytes())
    tags = ((256, 80), (257, 60), (258, 32), (259, 8), (262, 1), (273, 8), (277, 1), (278, 60), (279, len(strip)),
            (317, 3), (339, 3))  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory + bytes(4)


def lzw(values: np.ndarray) -> bytes:
    return encoded(Image.fromarray(values), "TIFF", compression="tiff_lzw")


WIDE = np.where(L > 170, 255, L).astype(np.uint8)
FLOAT = (L / 255).astype(np.float32)
ONE_HOT = FLOAT.copy()
ONE_HOT[0, 0] = 1.02
NOT_A_NUMBER = FLOAT.copy()
NOT_A_NUMBER[0, :9] = np.nan

DEEP = {
    "16 bits": (written(L * 257), GREY, ()),
    "16 bits, the other byte order": (written(L * 257, byteorder=">"), GREY, ()),
    "16 bits, BigTIFF": (written(L * 257, bigtiff=True), GREY, ()),
    "16 bits, white is zero": (written((255 - L) * 257, photometric="miniswhite"), GREY, ()),
    "16 bits, white is zero, LZW": (with_tag(lzw((255 - L) * 257), 262, 0), GREY, ()),
    "16 bits, LZW": (lzw(L * 257), GREY, ()),
    "16 bits, deflated with differences": (written(L * 257, compression="zlib", predictor=True), GREY, ()),
    "16 bits, in tiles": (written(RGB * 257, photometric="rgb", tile=(16, 32)), COLOUR, ()),
    "16 bits, RGB": (written(RGB * 257, photometric="rgb"), COLOUR, ()),
    "16 bits, RGB in planes": (
        written((RGB * 257).transpose(2, 0, 1), photometric="rgb", planarconfig="separate"), COLOUR, ()
    ),
    "10 bits in 16": (written(L * 4), GREY, ("scaled",)),
    "12 bits in 16": (written(L * 16), GREY, ("scaled",)),
    "12 bits in 16, RGB": (written(RGB * 16, photometric="rgb"), COLOUR, ("scaled",)),
    "14 bits in 16": (written(L * 64), GREY, ("scaled",)),
    "8 bits in 16": (written(L), GREY, ("scaled",)),
    "12 bits side by side": (packed_twelve_bits(), GREY, ()),
    "a largest value that is given": (written(L * 20, extratags=[(281, "H", 1, 5100, True)]), GREY, ()),
    "16 bits in 32": (written(L.astype(np.uint32) * 257), GREY, ("scaled",)),
    "32 bits": (written(L.astype(np.uint32) * 0x01010101), GREY, ()),
    "32 bits, RGB": (written(RGB.astype(np.uint32) * 0x01010101, photometric="rgb"), COLOUR, ()),
    "signed, 16 bits": (written((L.astype(np.int32) * 128).astype(np.int16)), GREY, ()),
    "signed, 12 bits in 16": (written((L * 16).astype(np.int16)), GREY, ("scaled",)),
    "signed, below zero": (written((L.astype(np.int32) * 257 - 32768).astype(np.int16)), GREY, ()),
    "signed, 32 bits": (written(L.astype(np.int32) * 257), GREY, ("scaled",)),
    "floats": (written(FLOAT), GREY, ()),
    "floats, white is zero": (written(1 - FLOAT, photometric="miniswhite"), GREY, ()),
    "floats, one over white": (written(ONE_HOT), GREY, ()),
    "floats, a few no numbers": (written(NOT_A_NUMBER), GREY, ()),
    "floats to 255": (written(FLOAT * 255), GREY, ("scaled",)),
    "floats to 65,535": (written(FLOAT * 65535), GREY, ("scaled",)),
    "floats to 12": (written(WIDE.astype(np.float32) / 255 * 12), Image.fromarray(WIDE), ("scaled",)),
    "floats of 16 bits": (written(FLOAT.astype(np.float16)), GREY, ()),
    "floats of 64 bits": (written(FLOAT.astype(np.float64)), GREY, ()),
    "floats, RGB": (written((RGB / 255).astype(np.float32), photometric="rgb"), COLOUR, ()),
    "floats with differences": (floats_that_differ(), GREY, ()),
    "CMYK of 16 bits": (
        written(np.asarray(COLOUR.convert("CMYK")).astype(np.uint16) * 257, photometric="separated"), COLOUR, ("cmyk",)
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "truth", "notes"), DEEP.values(), ids=DEEP)
def test_every_depth(data: bytes, truth: Image.Image, notes: tuple[str, ...]) -> None:
    assert distance(data, "a.tif", truth) < (2 if "scaled" in notes else 1)
    assert screened(data, "a.tif").notes == ("deep", *notes)


def test_high_dynamic_range_is_scaled_to_all_but_the_brightest_percent() -> None:
    light = WIDE.astype(np.float32) / 255 * 12
    light[0, :5] = 5000  # the sun
    assert distance(written(light), "a.tif", Image.fromarray(WIDE)) < 3


def test_floats_that_are_no_numbers_are_refused() -> None:
    found = screened(written(np.full((60, 80), np.nan, np.float32)), "a.tif")
    assert (found.reason, found.detail) == (Reason.UNDECODABLE, "pixels that are not finite")


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize("values", [L, RGB], ids=["grey", "colour"])
def test_alpha_of_16_bits(values: np.ndarray, kind: str) -> None:
    opacity = ALPHA.astype(np.uint16)[:, :, None]
    colours = values.reshape(60, 80, -1)
    stored = colours * opacity // 255 if kind == "assocalpha" else colours
    data = written(np.concatenate([stored, opacity], axis=2) * 257, extrasamples=[kind],
                   photometric="rgb" if values.ndim == 3 else "minisblack", planarconfig="contig")  # fmt: skip
    shown = np.broadcast_to(colours, (60, 80, 3)).astype(float) * (opacity / 255) + 255 - opacity
    assert distance(data, "a.tif", Image.fromarray(shown.round().astype(np.uint8))) < 2
    assert "alpha" in screened(data, "a.tif").notes


def test_lab_of_16_bits() -> None:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(COLOUR, *profiles, outputMode="LAB")
    assert lab is not None
    shallow = encoded(lab, "TIFF")
    stored = np.frombuffer(lab.tobytes("raw", "LAB"), np.uint8).reshape(60, 80, 3).astype(np.uint16) << 8
    deep = with_tag(written(stored, photometric="rgb"), 262, 8)
    expected = np.frombuffer(screened(shallow, "a.tif").pixels, np.uint8).astype(float)
    assert np.abs(np.frombuffer(screened(deep, "a.tif").pixels, np.uint8) - expected).mean() < 1


def test_a_thumbnail_that_comes_first_is_no_picture() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(np.asarray(noisy(7, 16, 20)), photometric="rgb", subfiletype=1, metadata=None)
        file.write(RGB.astype(np.uint8), photometric="rgb", metadata=None)
        file.write(np.asarray(noisy(8, 90, 90)), photometric="rgb", metadata=None)
    assert distance(buffer.getvalue(), "a.tif", COLOUR) < 1
    found = screened(buffer.getvalue(), "a.tif")
    assert (found.width, found.height) == (80, 60)


def negative(*previews: np.ndarray) -> bytes:
    """Return what a camera's DNG is made of: a thumbnail, and below it raw data and larger previews."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(np.asarray(painting(9, 12, 16)), photometric="rgb", subfiletype=1, metadata=None,
                   subifds=1 + len(previews))  # fmt: skip
        file.write(np.zeros((200, 200), np.uint16), photometric="cfa", metadata=None,
                   extratags=[(33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True)])  # fmt: skip
        for preview in previews:
            file.write(preview, photometric="rgb", subfiletype=1, metadata=None)
    return buffer.getvalue()


def test_the_preview_of_a_negative() -> None:
    data = negative(np.asarray(painting(8, 30, 40)), RGB.astype(np.uint8))
    assert distance(data, "a.dng", COLOUR) < 1
    assert "wrong-extension" not in screened(data, "a.dng").notes


def test_raw_data_alone_is_named() -> None:
    data = with_tag(written(L * 16), 262, 32803)
    found = screened(data, "a.dng")
    assert (found.reason, "camera's raw data" in found.detail) == (Reason.UNSUPPORTED, True)


def test_orientation_and_profile_of_a_deep_page() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = written(RGB * 257, photometric="rgb", iccprofile=profile, extratags=[(274, "H", 1, 6, True)])
    assert distance(data, "a.tif", COLOUR.transpose(Image.Transpose.ROTATE_270)) < 1
    assert screened(data, "a.tif").notes == ("deep", "rotated")


@pytest.mark.skipif(importlib.util.find_spec("imagecodecs") is not None, reason="what is missing is there")
def test_a_compression_that_an_extra_undoes() -> None:
    found = screened(with_tag(written(L * 257), 259, 34712), "a.tif")
    assert (found.reason, "pip install 'lienzo[tiff]'" in found.detail) == (Reason.UNSUPPORTED, True)


def test_a_deep_page_that_lost_its_end() -> None:
    data = written(RGB * 257, photometric="rgb")
    assert screened(data[:-30], "a.tif").reason == Reason.TRUNCATED
    middle = len(data) // 2 + 7
    zeroed = data[:middle] + bytes(len(data) - middle)
    assert screened(zeroed, "a.tif").reason == Reason.DAMAGED


def test_what_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_pixels, "read", lambda *_: pytest.fail("it was read"))
    assert screened(written(L * 257), "a.tif", max_pixels=1000).reason == Reason.BOMB


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16, 24, 32])
def test_the_smallest_depth_that_holds_all_is_white(bits: int) -> None:
    top = 2**bits - 1
    pixels, notes = depth.to_eight_bits(np.array([[0, top // 2, top]], np.uint32), 32)
    assert pixels.tolist() == [[0, pytest.approx(128, abs=1), 255]]
    assert notes == (() if bits == 32 else ("scaled",))
