"""The painter: many manners, several formats, broken files, and always the same bytes."""

import hashlib
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lienzo.errors import InputError
from lienzo.painter import painting
from lienzo.painter.manners import MANNERS, PARTS, SHORT_SIDES, paint_canvas, paint_with_parts


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.*")
    }


def plans() -> list[painting.File]:
    return [painting.plan(number) for number in range(painting.COUNT)]


def test_the_whole_collection_has_1500_whole_canvases_in_six_manners_and_three_formats() -> None:
    whole = [file for file in plans() if not file.damage]
    assert len(whole) >= 1500
    assert len(MANNERS) >= 6
    per_manner = Counter(file.manner for file in whole)
    assert max(per_manner.values()) - min(per_manner.values()) < 20
    assert {(file.manner, file.kind) for file in whole} == {(m, k) for m in MANNERS for k in ("jpg", "png", "webp")}


def test_files_break_in_every_known_way() -> None:
    assert {file.damage for file in plans()} == {"", "duplicate", *painting.DAMAGES}


def test_no_two_files_have_the_same_name() -> None:
    assert len({file.name for file in plans()}) == painting.COUNT


@pytest.mark.parametrize("manner", MANNERS)
def test_canvases_have_different_sizes_within_the_bounds(manner: str) -> None:
    sizes = [paint_canvas(manner, seed=0, number=number).size for number in range(8)]
    assert len(set(sizes)) > 1
    for width, height in sizes:
        assert SHORT_SIDES[0] <= min(width, height) <= SHORT_SIDES[1]
        ratio = width / height
        low, high = MANNERS[manner].ratios
        assert low - 0.02 <= ratio <= high + 0.02


@pytest.mark.parametrize("manner", MANNERS)
def test_a_canvas_is_the_same_with_its_parts_named_and_they_cover_it(manner: str) -> None:
    met: set[str] = set()
    for number in range(12):
        picture, parts = paint_with_parts(manner, 3, number)
        assert picture.tobytes() == paint_canvas(manner, 3, number).tobytes()
        assert np.allclose(sum(parts.values()), 1, atol=1e-5)
        assert all(part.shape == (picture.height, picture.width) and part.min() >= 0 for part in parts.values())
        met |= parts.keys()
    assert met == set(MANNERS[manner].parts) <= set(PARTS)


def test_parts_lie_where_their_colours_are() -> None:
    """The parts of these have one colour each, told apart from the rest of the picture by which channel leads."""
    picture, parts = paint_with_parts("grids", 0, 3)
    colours = np.asarray(picture, int)
    for part, channel, other in (("red plane", 0, 2), ("blue plane", 2, 0)):
        leads = colours[..., channel] - colours[..., other] > 60
        if part == "red plane":
            leads &= colours[..., 1] < 120  # yellow has green as well
        found = parts[part] > 0.5
        assert (found & leads).sum() / (found | leads).sum() > 0.97
    sky, sun = (paint_with_parts("seascapes", 0, 4)[1][part] > 0.5 for part in ("sky", "sun"))
    rows = np.flatnonzero(sky.any(1))
    assert 0 < sun.sum() < 0.1 * sun.size
    assert rows[0] == 0 < np.flatnonzero(sun.any(1))[0]


def test_the_nearest_neighbour_among_tiny_pictures_tells_the_manners_apart() -> None:
    """What a nearest neighbour on 8×8 pixels tells apart, a small network can learn and an eye recognise."""

    def tiny(manner: str, number: int) -> np.ndarray:
        return np.asarray(ImageOps.fit(paint_canvas(manner, 0, number), (8, 8)), np.float32).ravel()

    known = [(manner, tiny(manner, number)) for manner in MANNERS for number in range(12)]
    unseen = [(manner, tiny(manner, number)) for manner in MANNERS for number in range(12, 18)]
    found = [min(known, key=lambda k: float(np.square(k[1] - picture).sum()))[0] for _, picture in unseen]
    assert found == [manner for manner, _ in unseen]


def test_the_same_seed_paints_the_same_bytes_in_any_number_of_processes(tmp_path: Path) -> None:
    painting.paint(tmp_path / "one", count=40, seed=5, workers=1)
    painting.paint(tmp_path / "two", count=40, seed=5, workers=2)
    painting.paint(tmp_path / "other", count=40, seed=6, workers=1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert not set(contents(tmp_path / "one").values()) & set(contents(tmp_path / "other").values()) - {
        hashlib.sha256(b"").hexdigest()
    }


def test_progress_counts_files_up_to_the_last(tmp_path: Path) -> None:
    done = list(painting.steps(tmp_path, count=35, workers=1))
    assert done == sorted(done)
    assert done[-1] == 35 == len(list(tmp_path.rglob("*.*")))


def first(damage: str) -> painting.File:
    return next(file for file in plans() if file.damage == damage)


def decode(file: painting.File) -> Image.Image:
    picture = Image.open(io.BytesIO(painting.content(file)))
    picture.load()
    return picture


@pytest.mark.parametrize("damage", ["empty", "error page", "cut JPEG", "cut PNG", "cut WebP", "text", "random bytes"])
def test_these_broken_files_cannot_be_decoded(damage: str) -> None:
    with pytest.raises(OSError, match=r"cannot identify|truncated|could not create decoder|failed to read"):
        decode(first(damage))


@pytest.mark.parametrize(("damage", "kept"), [("zeroed end", 0), ("zeroed middle", 40)])
def test_a_zeroed_jpeg_is_as_long_as_before_but_holds_nothing_after_the_first_third(damage: str, kept: int) -> None:
    data = painting.content(first(damage))
    assert data.startswith(b"\xff\xd8")
    assert not any(data[len(data) // 3 : len(data) - kept])
    assert data.endswith(b"\xff\xd9") == bool(kept)


def test_one_pixel_is_a_good_png_of_one_pixel() -> None:
    assert decode(first("one pixel")).size == (1, 1)


def test_a_duplicate_is_another_file_byte_for_byte() -> None:
    duplicate = first("duplicate")
    original = painting.plan(duplicate.number - len(MANNERS))
    assert painting.content(duplicate) == painting.content(original)
    assert Path(duplicate.name).parent == Path(original.name).parent


def test_a_turned_jpeg_comes_upright_once_its_exif_note_is_followed() -> None:
    turned = next(f for f in plans() if f.number and f.number % painting.TURNED_EVERY == 0 and f.kind == "jpg")
    upright = ImageOps.exif_transpose(decode(turned))
    painted = paint_canvas(turned.manner, 0, turned.number)
    assert decode(turned).size == upright.size[::-1] == painted.size[::-1]
    assert np.abs(np.asarray(upright, float) - np.asarray(painted, float)).mean() < 8


@pytest.mark.parametrize("wrong", [{"count": 0}, {"workers": -1}])
def test_nothing_to_paint_is_said_in_one_sentence(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="give numbers from 1 up"):
        painting.paint(tmp_path, **wrong)


def test_a_script_without_a_guard_paints(tmp_path: Path) -> None:
    """Processes that import the caller's script again would start processes again."""
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from lienzo.painter import painting\n"
        f"print(list(painting.steps(Path({str(tmp_path / 'pictures')!r}), 40, workers=2))[-1])\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "40\n"), ended.stderr


def test_an_error_of_a_process_is_that_of_the_painter(tmp_path: Path) -> None:
    (tmp_path / "blots").write_text("no folder")
    for manner in painting.MANNERS:
        (tmp_path / manner).write_text("no folder")
    with pytest.raises(OSError):  # noqa: PT011
        painting.paint(tmp_path, 40, workers=2)
