"""The one resize, and how pictures get their shape."""

import io

import numpy as np
import pytest
from pictures_for_tests import encoded, noisy
from PIL import Image

from lienzo.collection.screening.decoding import draft
from lienzo.collection.screening.pictures import fit, needed_scale, resize


def test_resize_keeps_what_has_the_size_already() -> None:
    image = np.asarray(noisy(0, 32, 48))
    assert resize(image, 32, 48) is image


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_resize_of_many_is_the_resize_of_each(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 40, 30, channels), np.uint8)
    resized = resize(images, 17, 23)
    assert resized.shape == (5, 17, 23, channels)
    assert np.array_equal(resized[3], resize(images[3], 17, 23))


def test_resize_averages_when_it_shrinks() -> None:
    board = np.indices((128, 128)).sum(axis=0) % 2 * 255  # a filter that is not antialiased gives black or white
    small = resize(board.astype(np.uint8)[:, :, None], 16, 16)
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 1


def test_a_constant_stays_constant() -> None:
    assert (resize(np.full((70, 50, 3), 93, np.uint8), 16, 16) == 93).all()
    assert (resize(np.full((7, 5, 3), 93, np.uint8), 16, 16) == 93).all()


def gradient(height: int, width: int) -> Image.Image:
    """Return red that grows to the right and green that grows downwards, from 0 to 255."""
    down, right = np.meshgrid(np.linspace(0, 255, height), np.linspace(0, 255, width), indexing="ij")
    return Image.fromarray(np.stack([right, down, 0 * right], axis=2).astype(np.uint8))


def test_crop_cuts_the_centre_out() -> None:
    found = np.asarray(fit(gradient(100, 300), 20, 20, "crop"))
    assert found[:, [0, -1], 0].mean(axis=0) == pytest.approx([255 / 3, 510 / 3], abs=6)
    assert found[[0, -1], :, 1].mean(axis=1) == pytest.approx([0, 255], abs=8)


def test_squash_keeps_everything() -> None:
    found = np.asarray(fit(gradient(100, 300), 20, 20, "squash"))
    assert found[:, [0, -1], 0].mean(axis=0) == pytest.approx([0, 255], abs=8)


def test_pad_keeps_the_aspect() -> None:
    found = np.asarray(fit(gradient(100, 300), 30, 30, "pad", background=(1, 2, 3)))
    assert (found[:10] == (1, 2, 3)).all()
    assert (found[20:] == (1, 2, 3)).all()
    assert found[10:20, [0, -1], 0].mean(axis=0) == pytest.approx([0, 255], abs=8)


def test_a_box_is_all_that_is_seen() -> None:
    found = np.asarray(fit(gradient(100, 100), 20, 20, "crop", box=(50.0, 0.0, 100.0, 50.0)))
    assert found[:, :, 0].min() > 120
    assert found[:, :, 1].max() < 135


@pytest.mark.parametrize(("width", "height"), [(1023, 801), (1024, 768), (641, 999)])
def test_a_scaled_decode_comes_near_the_full_one(width: int, height: int) -> None:
    data = encoded(noisy(1, height, width), quality=90)
    results = []
    for scale in (needed_scale(width, height, 64, 64, "crop"), 1.0):
        image = Image.open(io.BytesIO(data))
        shrunk = draft(image, scale)
        results.append(np.asarray(fit(image, 64, 64, box=(0.0, 0.0, width / shrunk, height / shrunk)), float))
    error = np.mean((results[0] - results[1]) ** 2)
    assert 10 * np.log10(255**2 / error) > 40
