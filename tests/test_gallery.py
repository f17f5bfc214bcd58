"""Pictures on show."""

import io

import numpy as np
import pytest
from PIL import Image

from lienzo.display.gallery import gif, grid, png


def images(count: int, height: int = 4, width: int = 6, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_grid_hangs_pictures_row_by_row(channels: int) -> None:
    pictures = images(5, channels=channels)
    wall = grid(pictures, columns=3, gap=2, background=7)
    assert wall.shape == (2 + 2 * 6, 2 + 3 * 8, channels)
    for i, picture in enumerate(pictures):
        top, left = 2 + i // 3 * 6, 2 + i % 3 * 8
        assert np.array_equal(wall[top : top + 4, left : left + 6], picture)
    assert (wall[8:12, 18:] == 7).all()  # nothing hangs in the last place
    assert (wall[:2] == 7).all()


@pytest.mark.parametrize(
    ("count", "height", "width", "shape"), [(64, 8, 8, (8, 8)), (3, 8, 8, (2, 2)), (8, 8, 16, (4, 2))]
)
def test_a_grid_is_about_square(count: int, height: int, width: int, shape: tuple[int, int]) -> None:
    wall = grid(images(count, height, width), gap=0)
    assert wall.shape == (shape[0] * height, shape[1] * width, 3)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_keeps_pixels_and_words(channels: int) -> None:
    picture = images(1, channels=channels)[0]
    with Image.open(io.BytesIO(png(picture, {"title": "Ölbild × 2"}))) as opened:
        assert np.array_equal(np.asarray(opened).reshape(picture.shape), picture)
        assert opened.info == {"title": "Ölbild × 2"}


def test_gif_shows_every_frame_and_holds_the_last() -> None:
    frames = [np.full((5, 7, 3), value, np.uint8) for value in (0, 120, 250)]
    with Image.open(io.BytesIO(gif(frames, milliseconds=100, hold=900))) as opened:
        assert (opened.n_frames, opened.size, opened.info["loop"]) == (3, (7, 5), 0)
        durations = []
        for i in range(3):
            opened.seek(i)
            durations.append(opened.info["duration"])
        assert durations == [100, 100, 900]
