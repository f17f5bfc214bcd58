"""Screening: each kind of damage gets its true reason, each oddity its note, and nothing ever raises."""

import gzip
import io
import itertools
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from pictures_for_tests import encoded, noisy, painting
from PIL import Image, ImageCms, ImageOps

from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import EXPLANATIONS, Reason, Refusal
from lienzo.collection.screening.damage import check_bytes
from lienzo.collection.screening.pictures import fit
from lienzo.collection.screening.screening import Screened, screen
from lienzo.collection.settings import Settings

SETTINGS = Settings(size=32)


def screened(data: bytes, name: str = "a.jpg", settings: Settings = SETTINGS) -> Screened:
    return screen(Entry(name, "", len(data), data=data), settings)


def pixels(found: Screened, settings: Settings = SETTINGS) -> np.ndarray:
    assert not found.reason, found
    return np.frombuffer(found.pixels, np.uint8).reshape(settings.height, settings.width, settings.channels)


JPEG = encoded(noisy(0, 200, 260), quality=90)
PROGRESSIVE = encoded(noisy(0, 200, 260), quality=90, progressive=True)


def scan_of(data: bytes) -> int:
    """Return where a JPEG's first scan begins."""
    return data.index(b"\xff\xda") + 14


REFUSED = {
    "nothing": (b"", Reason.EMPTY, "no bytes"),
    "zeros": (bytes(5000), Reason.EMPTY, "nothing but zeros"),
    "a page": (b"\n<!DOCTYPE html><html>", Reason.NOT_A_PICTURE, "an HTML page"),
    "a drawing": (b'<?xml version="1.0"?><svg xmlns="">', Reason.NOT_A_PICTURE, "an SVG drawing"),
    "a message of a store": (b'<?xml version="1.0"?><Error>', Reason.NOT_A_PICTURE, "an XML document"),
    "a message of a service": (b'{"message": "rate limit"}', Reason.NOT_A_PICTURE, "JSON"),
    "words": (b"Too Many Requests", Reason.NOT_A_PICTURE, "text"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", Reason.NOT_A_PICTURE, "a Git LFS pointer"),
    "packed": (gzip.compress(JPEG), Reason.NOT_A_PICTURE, "a gzip file"),
    "noise": (random.Random(0).randbytes(500), Reason.NOT_A_PICTURE, "unknown bytes"),
    "read as text": (JPEG.decode("utf-8", "replace").encode(), Reason.NOT_A_PICTURE, "saved as text"),
    "sent as text": (encoded(painting(0), "PNG").replace(b"\r\n", b"\n"), Reason.NOT_A_PICTURE, "transferred as text"),
    "another format": (b"8BPS\0\1" + bytes(100), Reason.UNSUPPORTED, "a Photoshop document"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], Reason.TRUNCATED, "no end marker"),
    "half a progressive JPEG": (PROGRESSIVE[: len(PROGRESSIVE) // 2], Reason.TRUNCATED, "no end marker"),
    "a preallocated JPEG": (JPEG[: len(JPEG) // 2] + bytes(len(JPEG) // 2), Reason.TRUNCATED, "no end marker"),
    "a JPEG that began again": (JPEG[: len(JPEG) // 2] + JPEG, Reason.DAMAGED, "another JPEG begins"),
    "a JPEG with an early end": (JPEG[: len(JPEG) // 2] + b"\xff\xd9", Reason.DAMAGED, "grey"),
    "a zeroed middle": (JPEG[:6000] + bytes(4000) + JPEG[10000:], Reason.DAMAGED, "zeros"),
    "half a PNG": (encoded(painting(0), "PNG")[:-100], Reason.TRUNCATED, "the PNG ends within a chunk"),
    "half a WebP": (encoded(painting(0), "WEBP")[:-20], Reason.TRUNCATED, "shorter than it says"),
    "half a GIF": (encoded(painting(0), "GIF")[:-20], Reason.TRUNCATED, "no end"),
    "half a TIFF": (encoded(painting(0), "TIFF")[:-20], Reason.TRUNCATED, "the TIFF ends"),
    "half a BMP": (encoded(painting(0), "BMP")[:-20], Reason.TRUNCATED, "shorter than it says"),
    "half an AVIF": (encoded(painting(0), "AVIF")[:-20], Reason.TRUNCATED, "within a box"),
    "half a JPEG 2000": (encoded(painting(0), "JPEG2000")[:-20], Reason.TRUNCATED, ""),
    "half a codestream": (encoded(painting(0), "JPEG2000", no_jp2=True)[:-20], Reason.TRUNCATED, "no end marker"),
    "a zeroed BMP": (encoded(noisy(0), "BMP")[:15000] + bytes(17454), Reason.DAMAGED, "zeroed"),
    "a broken header": (
        JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
        Reason.UNDECODABLE,
        "JPEG is broken",
    ),
    "a small one": (encoded(painting(0, 31, 200)), Reason.TOO_SMALL, "200×31: --enlarge takes it, or a smaller --size"),
    "a line": (encoded(Image.linear_gradient("L").resize((10000, 1)), "PNG"), Reason.TOO_SMALL, "10000×1"),
    "a plain one": (encoded(Image.new("RGB", (64, 64), "teal"), "PNG"), Reason.FEATURELESS, "one colour"),
}


@pytest.mark.parametrize(("data", "reason", "detail"), REFUSED.values(), ids=REFUSED)
def test_the_true_reason(data: bytes, reason: Reason, detail: str) -> None:
    found = screened(data)
    assert (found.reason, detail in found.detail) == (reason, True), found
    assert not found.pixels


def test_a_decompression_bomb_is_not_unpacked() -> None:
    bomb = bytearray(encoded(Image.new("1", (64, 64)), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = crc32(bomb[12:29]).to_bytes(4, "big")
    assert screened(bytes(bomb)).reason == Reason.BOMB
    assert screened(JPEG, settings=replace(SETTINGS, max_pixels=1000)).reason == Reason.BOMB


def test_what_is_decoded_is_bounded_not_what_is_stored() -> None:
    canvas = noisy(0, 800, 1000)
    bounded = replace(SETTINGS, max_pixels=20_000)
    assert not screened(encoded(canvas, quality=80), settings=bounded).reason
    assert screened(encoded(canvas, "PNG"), settings=bounded).reason == Reason.BOMB
    progressive = encoded(canvas, quality=80, progressive=True)  # all of whose scans are gathered at full size
    assert screened(progressive, settings=bounded).reason == Reason.BOMB
    found = screened(JPEG, settings=replace(SETTINGS, max_pixels=1000))
    assert found.detail == "65×50 to decode, more than the limit of 1,000 pixels (--max-pixels)"


def test_pillows_own_limit_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert not screened(JPEG).reason
    assert Image.MAX_IMAGE_PIXELS == 100
    icon = encoded(noisy(0, 64, 64), "ICO", sizes=[(64, 64)])
    assert screened(icon, settings=replace(SETTINGS, max_pixels=4095)).reason == Reason.BOMB


def test_every_reason_is_explained() -> None:
    assert set(EXPLANATIONS) == set(Reason)


def difference(image: Image.Image, kind: str = "PNG", **options: object) -> float:
    """Return the mean difference of a picture's pixels from those of the plain one, 0 to 255."""
    plain = pixels(screened(encoded(painting(0), "PNG"))).astype(float)
    return float(np.abs(pixels(screened(encoded(image, kind, **options))).astype(float) - plain).mean())


@pytest.mark.parametrize(("mode", "note", "limit"), [
    ("L", "", 80), ("1", "", 120), ("P", "palette", 12), ("CMYK", "cmyk", 12), ("RGBA", "", 0.5), ("LA", "", 80),
    ("YCbCr", "ycbcr", 3), ("LAB", "lab", 200),
])  # fmt: skip
def test_colour_modes(mode: str, note: str, limit: float) -> None:
    image = painting(0).convert(mode) if mode != "LAB" else painting(0)
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
    kind = "PNG" if mode in ("L", "1", "P", "RGBA", "LA") else "TIFF"
    found = screened(encoded(image, kind), "a.tif" if kind == "TIFF" else "a.png")
    assert not found.reason
    assert note in found.notes or not note
    assert difference(image, kind) < limit


def test_alpha_is_composited_on_the_background_or_kept() -> None:
    image = painting(0).convert("RGBA")
    image.putalpha(0)
    image.paste(painting(0).crop((0, 0, 60, 90)), (0, 0))
    data = encoded(image, "PNG")
    assert pixels(screened(data))[16, 31].tolist() == [255, 255, 255]
    black = replace(SETTINGS, background=(0, 0, 0))
    assert pixels(screened(data, settings=black), black)[16, 31].tolist() == [0, 0, 0]
    kept = replace(SETTINGS, channels=4)
    assert pixels(screened(data, settings=kept), kept)[16, [0, 31], 3].tolist() == [255, 0]
    assert "alpha" in screened(data).notes


@pytest.mark.parametrize(("kind", "suffix"), [("AVIF", "avif"), ("JPEG2000", "jp2"), ("WEBP", "webp")])
def test_younger_formats(kind: str, suffix: str) -> None:
    found = screened(encoded(painting(0), kind), f"a.{suffix}")
    assert (found.reason, found.format, found.notes) == ("", kind, ())
    assert difference(painting(0), kind) < 3


def test_a_format_that_this_pillow_cannot_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(painting(0), "AVIF")
    monkeypatch.setattr("PIL.features.check", lambda feature: feature != "avif")
    found = screened(data)
    assert (found.reason, found.detail) == (Reason.UNSUPPORTED, "AVIF, which this build of Pillow cannot decode")


def test_sixteen_bits_become_eight() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = screened(encoded(Image.fromarray(ramp), "PNG"), "a.png")
    assert "deep" in found.notes
    assert np.abs(pixels(found)[:, :, 0].mean(axis=1) - np.linspace(0, 255, 32)).max() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    image = noisy(0, 203, 317)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(image, quality=95, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(stored)))
    expected = pixels(screened(encoded(upright, "PNG")))
    found = screened(stored)
    assert (found.width, found.height) == upright.size
    assert ("rotated" in found.notes) == (orientation > 1)
    assert np.abs(pixels(found).astype(int) - expected.astype(int)).mean() < 3


def swapping_profile() -> bytes:
    """Return a profile whose red is sRGB's blue and the other way round: its table of tags with two names swapped."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    head, body = profile[:264], profile[264:]
    head = head.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    return head + body.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_a_profile_is_converted() -> None:
    swapped = Image.merge("RGB", painting(0).split()[::-1])
    found = screened(encoded(swapped, "PNG", icc_profile=swapping_profile()), "a.png")
    assert found.notes == ("profile",)
    assert difference(swapped, icc_profile=swapping_profile()) < 2
    assert difference(swapped) > 20
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert "profile" not in screened(encoded(painting(0), icc_profile=srgb)).notes
    assert not screened(encoded(swapped, icc_profile=b"nonsense")).reason


def test_what_is_noted() -> None:
    frames = [painting(i).convert("P") for i in range(3)]
    animated = screened(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "a.gif")
    assert "several-frames" in animated.notes
    assert "wrong-extension" in screened(encoded(painting(0), "PNG"), "a.jpg").notes
    assert screened(JPEG).notes == ()


@pytest.mark.parametrize("size", [(16, 16), (96, 64), (64, 96)])
@pytest.mark.parametrize("geometry", ["crop", "squash", "pad"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_shape(size: tuple[int, int], geometry: str, channels: int) -> None:
    settings = Settings(size=size, channels=channels, geometry=geometry)  # type: ignore[arg-type]
    found = pixels(screened(encoded(painting(0, 300, 200)), settings=settings), settings)
    assert found.shape == (*size, channels)
    if geometry == "pad" and size == (16, 16):
        assert (found[:, 0] == (255 if channels < 4 else [0, 0, 0, 0])).all()


def test_large_plain_areas_of_optimised_jpegs_are_no_damage() -> None:
    canvas = Image.new("RGB", (3000, 3000))
    canvas.paste(noisy(0, 300, 3000), (0, 1300))
    for options in ({"optimize": True}, {"progressive": True}, {"quality": 30, "optimize": True}):
        data = encoded(canvas, **options)  # type: ignore[arg-type]
        assert bytes(32) in data or "progressive" in options
        assert not screened(data).reason, options


@pytest.mark.parametrize("corner", [(50, 50), (0, 0), (100, 0), (0, 100), (37, 41)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}])
def test_grey_that_was_painted_is_no_damage(corner: tuple[int, int], options: dict[str, Any]) -> None:
    canvas = Image.new("RGB", (300, 300), (128, 128, 128))
    canvas.paste(noisy(0, 200, 200), corner)
    data = encoded(canvas, quality=95, **options)
    assert not screened(data).reason
    cut = data[: int(0.3 * len(data))] + b"\xff\xd9"
    assert screened(cut).reason == Reason.DAMAGED or "progressive" in options


LACKING = {
    "": {}, "progressive": {"progressive": True}, "optimised": {"optimize": True}, "grey": {"mode": "L"},
    "restarted": {"restart_marker_rows": 1}, "CMYK": {"mode": "CMYK"}, "not subsampled": {"subsampling": 0},
}  # fmt: skip


@pytest.mark.parametrize("options", LACKING.values(), ids=LACKING)
def test_a_jpeg_that_lacks_only_its_end_marker_is_whole(options: dict[str, Any]) -> None:
    image = noisy(0, 100, 130).convert(options.get("mode", "RGB"))
    data = encoded(image, quality=90, **{name: value for name, value in options.items() if name != "mode"})
    whole = screened(data)
    for lost in (1, 2):
        found = screened(data[:-lost])
        assert (found.pixels, found.notes) == (whole.pixels, ("no-end-marker", *whole.notes)), lost
    assert {screened(data[:-lost]).reason for lost in range(4, 40)} == {Reason.TRUNCATED}
    for restart in (at for at in range(len(data) - 2) if data[at] == 0xFF and 0xD0 <= data[at + 1] <= 0xD7):
        assert screened(data[:restart]).reason == screened(data[: restart + 2]).reason == Reason.TRUNCATED


def test_a_progressive_jpeg_without_its_last_scans_is_not_whole() -> None:
    starts = [at for at in range(len(PROGRESSIVE)) if PROGRESSIVE[at : at + 2] in (b"\xff\xda", b"\xff\xc4")]
    assert {screened(PROGRESSIVE[:at]).reason for at in starts[1:]} == {Reason.TRUNCATED}


def test_a_bmp_with_a_wrong_length_is_whole() -> None:
    data = encoded(noisy(0), "BMP")
    wrong = screened(data[:2] + (len(data) + 1000).to_bytes(4, "little") + data[6:], "a.bmp")
    assert (wrong.pixels, wrong.notes) == (screened(data, "a.bmp").pixels, ("wrong-length",))


@pytest.mark.parametrize("name", [
    "half a JPEG", "half a progressive JPEG", "a JPEG with an early end", "a zeroed middle", "half a PNG", "half a GIF",
    "half a BMP", "a zeroed BMP",
])  # fmt: skip
def test_without_detection_files_are_kept_as_far_as_they_go(name: str) -> None:
    data, reason, _ = REFUSED[name]
    found = screened(data, settings=replace(SETTINGS, detect_damage=False))
    assert not found.reason, found
    assert ("damaged" in found.notes) == (reason == Reason.TRUNCATED)
    assert screened(data).reason == reason


def test_without_detection_a_cut_jpeg_with_many_pixels_is_kept_too() -> None:
    data = encoded(noisy(0, 600, 600), "JPEG")
    settings = replace(SETTINGS, detect_damage=False, max_pixels=100_000)
    found = screened(data[: len(data) * 3 // 4], settings=settings)
    assert (found.reason, "damaged" in found.notes) == ("", True)
    assert (
        screened(data[: len(data) * 3 // 4], settings=replace(settings, detect_damage=True)).reason == Reason.TRUNCATED
    )


def test_a_member_that_its_archive_cut_off(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(JPEG[:1000])
    found = screen(Entry("a.jpg", str(tmp_path / "a.tar"), len(JPEG), offset=0, packed=len(JPEG)), SETTINGS)
    assert (found.reason, found.detail) == (Reason.TRUNCATED, "the archive ends within this member")


def test_nearest_keeps_the_pixels_of_pixel_art() -> None:
    art = noisy(0, 16, 16)
    settings = Settings(size=64, enlarge=True, resample="nearest")
    found = pixels(screened(encoded(art, "PNG"), settings=settings), settings)
    assert (found == np.asarray(art).repeat(4, axis=0).repeat(4, axis=1)).all()
    large = art.resize((320, 320), Image.Resampling.NEAREST)
    again = pixels(screened(encoded(large, "PNG"), settings=replace(settings, size=16)), replace(settings, size=16))
    assert (again == np.asarray(art)).all()


def damaged(data: bytes, how: str, draw: random.Random) -> bytes:
    at, other = sorted((draw.randrange(len(data)), draw.randrange(len(data))))
    if how == "cut":
        return data[: draw.choice((at, len(data) - 1 - draw.randrange(20)))]
    if how == "zeroed":
        return data[:at] + bytes(other - at) + data[other:]
    if how == "inserted":
        return data[:at] + draw.randbytes(draw.randrange(1, 500)) + data[at:]
    if how == "left out":
        return data[:at] + data[at + draw.randrange(1, 500) :]
    flipped = bytearray(data)
    for _ in range(draw.randrange(1, 30)):
        flipped[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(flipped)


def originals() -> list[bytes]:
    variants = [
        ("JPEG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"optimize": True, "subsampling": 0}),
        ("JPEG", {"restart_marker_rows": 1}), ("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("GIF", {}),
        ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg"}), ("BMP", {}),
        ("AVIF", {}), ("JPEG2000", {}), ("JPEG2000", {"no_jp2": True}),
    ]  # fmt: skip
    return [encoded(noisy(i, 60, 80), kind, **options) for i, (kind, options) in enumerate(variants)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [1000, pytest.param(5000, marks=pytest.mark.slow)])
def test_thousands_of_damaged_files(capfd: pytest.CaptureFixture[str], count: int) -> None:
    draw = random.Random(0)
    whole = originals()
    assert all(not screened(data).reason for data in whole)
    verdicts: Counter[tuple[str, bool]] = Counter()
    for _ in range(count):
        how = draw.choice(("cut", "cut", "zeroed", "inserted", "left out", "flipped"))
        data = draw.choice(whole)
        file = damaged(data, how, draw)
        found = screened(file)
        if how == "cut" and data.startswith(b"\xff\xd8") and len(data) - len(file) <= 2:
            assert "no-end-marker" in found.notes
        else:
            verdicts[how, not found.reason] += 1
    assert verdicts["cut", True] == 0
    assert verdicts["cut", False] > count / 5


@pytest.mark.parametrize("step", [pytest.param(29, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.long)])
def test_cut_at_every_length(capfd: pytest.CaptureFixture[str], step: int) -> None:
    for data in originals():
        accepted = [length for length in range(0, len(data), step) if not screened(data[:length]).reason]
        assert [length for length in accepted if length < len(data) - 2 or data[:2] != b"\xff\xd8"] == []


@pytest.mark.parametrize("side", [100, 224, 240])
def test_pictures_of_every_shape_are_cropped_within_their_borders(side: int) -> None:
    """Rounding must not take the box a hair beyond a border, where Pillow refuses it."""
    for width, height in itertools.product(range(200, 800, 7), (225, 300, 400, 1268)):
        image = Image.new("L", (width, height))
        assert fit(image, side, side).size == (side, side), (width, height)
        assert fit(image, side, 2 * side).size == (2 * side, side), (width, height)


def test_zeros_in_a_webp_beside_the_first_frame_are_no_damage() -> None:
    exif = Image.Exif()
    exif[0x010E] = "\0" * 2_000 + "painted"
    frames = {"save_all": True, "append_images": [Image.new("RGB", (400, 400))] * 2, "lossless": True}
    whole = encoded(noisy(0), "WEBP", exif=exif)
    animated = encoded(noisy(0, 400, 400), "WEBP", **frames)
    bare = animated.rindex(b"VP8L") + 30
    animated = animated[:bare] + bytes(600) + animated[bare:]  # as an encoder of plain areas writes them
    assert bytes(600) in whole
    for data in (whole, animated):
        check_bytes(data, "WEBP")
    plain = encoded(noisy(0, 400, 400), "WEBP")
    middle = len(plain) // 2
    with pytest.raises(Refusal, match="zeros in the compressed pixels"):
        check_bytes(plain[:middle] + bytes(600) + plain[middle + 600 :], "WEBP")
