"""Colours of every sort become sRGB: profiles, curves, transparency."""

import struct
import zlib

import numpy as np
import pytest
from pictures_for_tests import distance, encoded, noisy, pixels_of, screened
from PIL import Image, ImageCms

COLOUR = noisy(1, 60, 80)
RGB = np.asarray(COLOUR)
GREY = COLOUR.convert("L")
L = np.asarray(GREY)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(values: np.ndarray, bits: int, *extra: bytes) -> bytes:
    """Return a PNG of values (H, W) or (H, W, C) with further chunks before its pixels."""
    height, width, channels = (*values.shape, 1)[:3]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    if bits < 8:
        rows = np.packbits(
            (values[:, :, None] >> np.arange(bits - 1, -1, -1) & 1).reshape(height, -1).astype(np.uint8), 1
        )
    else:
        rows = values.reshape(height, -1).astype(">u2" if bits == 16 else np.uint8).view(np.uint8)
    body = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def linear(values: np.ndarray) -> np.ndarray:
    """Return the light, 0 to 1, of sRGB values."""
    values = values / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def profile(name: str, gamma: float) -> bytes:
    """Return an ICC profile of sRGB's primaries with some gamma."""

    def fixed(*numbers: float) -> bytes:
        return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))

    text = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + bytes(79)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {
        b"desc": text + bytes(-len(text) % 4), b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249),
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(0.4360747, 0.2225045, 0.0139322),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(0.3850649, 0.7168786, 0.0971045),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(0.1430804, 0.0606169, 0.7141733),
        b"rTRC": curve, b"gTRC": curve, b"bTRC": curve, b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }  # fmt: skip
    table, body = struct.pack(">I", len(tags)), b""
    for key, data in tags.items():
        table += key + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    return (head + bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1, 0.8249) + bytes(48))[:128] + table + body


def shown_on_white(hidden: np.ndarray, colours: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(hidden[:, :, None], 255, colours.reshape(60, 80, -1)).astype(np.uint8).squeeze())


def test_transparent_black_of_grey_16_bits() -> None:
    values = np.maximum(L.astype(np.uint16) * 257, 257)
    values[:30, 20:60] = 0
    data = png(values, 16, chunk(b"tRNS", struct.pack(">H", 0)))
    assert distance(data, "a.png", shown_on_white(values == 0, L)) < 1
    assert screened(data, "a.png").notes == ("deep", "alpha")


def test_a_transparent_colour_of_16_bits_counts_with_both_bytes() -> None:
    values = RGB.astype(np.uint16) * 257
    values[:30, 20:60] = 7
    values[30:, 20:60] = 8  # the same high byte
    data = png(values, 16, chunk(b"tRNS", struct.pack(">3H", 7, 7, 7)))
    hidden = (values == 7).all(axis=2)
    assert distance(data, "a.png", shown_on_white(hidden, values >> 8)) < 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_transparent_greys_of_few_bits(bits: int) -> None:
    top = 2**bits - 1
    values = np.rint(L / 255 * top).astype(np.uint8)
    key = int(np.bincount(values.ravel()).argmax())
    data = png(values, bits, chunk(b"tRNS", struct.pack(">H", key)))
    shown = np.where((values == key)[:, :, None], (200, 30, 30), (values * (255 // top))[:, :, None])
    assert distance(data, "a.png", Image.fromarray(shown.astype(np.uint8)), background="#c81e1e") < 1


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_transparency_survives_a_profile(mode: str) -> None:
    image = COLOUR.copy() if mode == "RGB" else GREY.copy() if mode == "L" else COLOUR.quantize(64)
    key = (1, 2, 3) if mode == "RGB" else 3
    image.paste(key, (20, 0, 60, 30))
    hidden = (np.asarray(image).reshape(60, 80, -1) == key).all(axis=2)
    icc = profile("linear", 1.0) if mode != "L" else None
    data = encoded(image, "PNG", transparency=key, **({"icc_profile": icc} if icc else {}))
    found = pixels_of(screened(data, "a.png", size=(60, 80), enlarge=True), size=(60, 80))
    assert (found[hidden] == 255).all()
    assert "alpha" in screened(data, "a.png").notes


@pytest.mark.parametrize("name", ["linear", "sRGB linear", "Linear sRGB IEC61966-2.1"])
def test_a_profile_counts_by_its_curve(name: str) -> None:
    stored = Image.fromarray((linear(RGB) * 255).round().astype(np.uint8))
    data = encoded(stored, "PNG", icc_profile=profile(name, 1.0))
    assert distance(data, "a.png", COLOUR) < 2
    assert screened(data, "a.png").notes == ("profile",)


def test_srgb_itself_changes_nothing() -> None:
    data = encoded(COLOUR, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert screened(data, "a.png").pixels == screened(encoded(COLOUR, "PNG"), "a.png").pixels


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_curve_without_a_profile(bits: int, channels: int) -> None:
    truth = RGB if channels > 1 else L
    stored = linear(truth) * (2**bits - 1)
    if channels == 4:
        stored = np.dstack([stored, np.full(stored.shape[:2], 2**bits - 1)])
    data = png(stored.round().astype(np.uint16), bits, chunk(b"gAMA", struct.pack(">I", 100_000)))
    assert distance(data, "a.png", Image.fromarray(truth)) < (2 if bits == 8 else 1)
    assert "gamma" in screened(data, "a.png").notes


@pytest.mark.parametrize("other", [
    (chunk(b"gAMA", struct.pack(">I", 45_455)),), (chunk(b"gAMA", struct.pack(">I", 100_000)), chunk(b"sRGB", b"\0")),
    (chunk(b"gAMA", struct.pack(">I", 0)),),
], ids=["the usual one", "and sRGB", "nonsense"])  # fmt: skip
def test_curves_that_change_nothing(other: tuple[bytes, ...]) -> None:
    plain = screened(png(RGB, 8), "a.png")
    found = screened(png(RGB, 8, *other), "a.png")
    assert (found.pixels, found.notes) == (plain.pixels, ())


def sprite(hidden: int, size: int, colour: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """Return a disc on transparency below which there is some colour."""
    y, x = np.mgrid[:size, :size] - size / 2
    opaque = np.hypot(x, y) < size / 3
    pixels = np.where(opaque[:, :, None], colour, hidden).astype(np.uint8)
    return Image.fromarray(np.dstack([pixels, opaque.astype(np.uint8) * 255]))


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128)])
def test_shapes_of_one_colour_are_seen_by_their_alpha(colour: tuple[int, int, int]) -> None:
    found = screened(encoded(sprite(0, 64, colour), "PNG"), "a.png", channels=4)
    assert not found.reason
    assert (pixels_of(found, 4)[16, 16] == (*colour, 255)).all()
    other = screened(encoded(sprite(0, 64, colour).crop((10, 0, 64, 64)), "PNG"), "a.png", channels=4)
    assert found.perceptual != other.perceptual


@pytest.mark.parametrize("size", [32, 64, 80])
@pytest.mark.parametrize("geometry", ["crop", "pad"])
@pytest.mark.parametrize("resample", ["lanczos", "nearest"])
def test_nothing_is_hidden_below_transparency(size: int, geometry: str, resample: str) -> None:
    ways = [screened(encoded(sprite(hidden, size, (200, 30, 30)), "PNG"), "a.png", channels=4, geometry=geometry,
                     resample=resample) for hidden in (0, 77, 255)]  # fmt: skip
    assert len({way.digest for way in ways}) == 1
    pixels = pixels_of(ways[0], 4)
    assert (pixels[pixels[:, :, 3] == 0] == 0).all()
    seen = pixels[:, :, :3][pixels[:, :, 3] > 128].astype(int)
    assert np.abs(seen - (200, 30, 30)).max() <= 30  # Lanczos overshoots at edges; hidden white would be 225 off


def test_nothing_but_transparency_is_featureless() -> None:
    empty = COLOUR.convert("RGBA")
    empty.putalpha(0)
    assert screened(encoded(empty, "PNG"), "a.png", channels=4).reason == "featureless"
