"""Borders go, dark grounds stay."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from pictures_for_tests import encoded, noisy
from PIL import Image, ImageDraw

from lienzo.collection.listing.entries import Entry
from lienzo.collection.screening import borders
from lienzo.collection.screening.pictures import Box
from lienzo.collection.screening.screening import screen
from lienzo.collection.settings import Settings


def framed(left: int, top: int, right: int, bottom: int, colour: str = "black") -> Image.Image:
    canvas = Image.new("RGB", (200 + left + right, 150 + top + bottom), colour)
    canvas.paste(noisy(0, 150, 200), (left, top))
    return canvas


def found(image: Image.Image, quality: int = 85) -> Box | None:
    stored = Image.open(io.BytesIO(encoded(image, quality=quality))).convert("RGB")
    return borders.find(stored, (0.0, 0.0, float(stored.width), float(stored.height)))


@pytest.mark.parametrize("margins", [(0, 40, 0, 40), (60, 0, 60, 0), (30, 20, 10, 0), (25, 25, 25, 25)])
@pytest.mark.parametrize("colour", ["black", "white", "#c8b090"])
@pytest.mark.parametrize("quality", [60, 95])
def test_borders_are_found_in_spite_of_noise(margins: tuple[int, int, int, int], colour: str, quality: int) -> None:
    image = framed(*margins, colour)
    box = found(image, quality)
    assert box is not None
    expected = (margins[0], margins[1], image.width - margins[2], image.height - margins[3])
    assert np.abs(np.subtract(box, expected)).max() <= 8


def test_a_scan_that_lies_askew() -> None:
    canvas = Image.new("RGB", (800, 600), "black")
    canvas.paste(noisy(0, 500, 680), (60, 50))
    box = found(canvas.rotate(0.6, Image.Resampling.BICUBIC))
    assert box is not None
    assert np.abs(np.subtract(box, (60, 50, 740, 550))).max() <= 14


def test_nothing_is_cut_from_a_picture_without_borders() -> None:
    assert found(noisy(0, 200, 300)) is None
    assert found(Image.new("RGB", (200, 200), "black")) is None


def test_the_dark_ground_of_a_portrait_stays() -> None:
    canvas = Image.new("RGB", (300, 400), (4, 3, 2))
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((100, 60, 200, 190), fill=(190, 150, 120))
    draw.polygon([(150, 180), (30, 399), (270, 399)], fill=(90, 20, 20))
    assert found(canvas) is None


def test_trimming_makes_pictures_smaller() -> None:
    data = encoded(framed(0, 100, 0, 100))
    settings = Settings(size=160, trim_borders=True)
    refused = screen(Entry("a.jpg", "", len(data), data=data), settings)
    assert refused.reason == "too-small"
    assert "after its borders were trimmed" in refused.detail
    kept = screen(Entry("a.jpg", "", len(data), data=data), Settings(size=32, trim_borders=True))
    assert "trimmed" in kept.notes
    pixels = np.frombuffer(kept.pixels, np.uint8).reshape(32, 32, 3)
    assert (pixels.max(axis=2) > 30).mean() > 0.98


MET = Path(os.environ.get("LIENZO_DATA", "")) / "met-cc0"


@pytest.mark.slow
@pytest.mark.skipif(not MET.is_dir(), reason="needs real pictures")
def test_no_painting_is_eaten() -> None:
    lost = []
    for path in sorted(MET.glob("*.webp"))[::5]:
        with Image.open(path) as image:
            image.draft(None, (256, 256))
            box = borders.find(image.convert("RGB"), (0.0, 0.0, float(image.width), float(image.height)))
            if box is not None:
                lost.append(1 - (box[2] - box[0]) * (box[3] - box[1]) / (image.width * image.height))
    assert max(lost) < 0.2  # the largest cut by hand: a photograph with a black margin all around
