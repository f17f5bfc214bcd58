"""Inversion: the latents of pictures, and how near a generator comes to a collection."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Command
from generators_for_tests import Halves, wrapped
from PIL import Image

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.explore.inversion import inverted
from lienzo.explore.showing import inversions
from lienzo.explore.sources import read_picture
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents


def test_generated_pictures_are_inverted(generator: Generator) -> None:
    pictures = generator.generate([100, 101], "wild").images
    contrast = pictures.astype(float).std() / 255
    found = list(inverted(generator, pictures, generator.rows(["wild", "wild"]), iterations=150))
    assert all(one.error < max(0.05, 0.2 * contrast) for one in found)
    assert np.array_equal(generator.paint(found[0].z[None], found[0].y[None])[0], found[0].picture)


def test_reach_is_measured_on_each_part_of_a_collection(halves: Collection) -> None:
    found = lienzo.explore.invert(
        wrapped(Halves(), "h"), (), halves, samples=3, iterations=20, starts=2, detector="pixels"
    )
    reached = {reach.name: reach for reach in found}
    assert list(reached) == ["training", "generated"]  # nothing was held out
    assert reached["generated"].error.value < reached["training"].error.value
    assert (reached["training"].features > 0).all()


def test_pictures_are_read_as_preparation_reads_them(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 16 * 16).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    hidden = np.dstack([np.full((16, 16), 255, np.uint8), *np.zeros((3, 16, 16), np.uint8)])
    Image.fromarray(hidden, "RGBA").save(tmp_path / "hidden.png")
    generator = wrapped(Halves(), "h")
    assert np.abs(read_picture(tmp_path / "deep.png", generator)[:, :, 0] - ramp / 257).max() <= 1
    assert (read_picture(tmp_path / "hidden.png", generator) == 255).all()
    with pytest.raises(InputError, match="no picture"):
        read_picture(tmp_path / "none.png", generator)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=r"text\.png cannot be used as a picture"):
        read_picture(tmp_path / "text.png", generator)


@pytest.mark.parametrize("pictures", [
    np.zeros((2, 16, 16, 1), np.uint8), np.zeros((2, 32, 32, 3), np.uint8), np.zeros((16, 16, 3), np.uint8),
    np.zeros((2, 16, 16, 3), np.float32),
], ids=str)  # fmt: skip
def test_arrays_of_another_shape_or_type_are_refused(generator: Generator, pictures: Any) -> None:
    with pytest.raises(InputError, match=r"pictures are uint8 arrays \(n, 16, 16, 3\) for this generator"):
        lienzo.explore.invert(generator, pictures, detector="pixels")


def test_descent_begins_at_the_seeds_that_are_nearest_with_the_given_label(generator: Generator) -> None:
    z, y = generator.drawn(range(100))
    rows = generator.rows(["wild", "calm"])
    others = [int(np.flatnonzero((y != row).any(1))[0]) for row in rows]  # seeds that draw another label
    pictures = generator.paint(z[others], rows)
    found = list(inverted(generator, pictures, rows, starts=1, iterations=1))
    for one, seed, row in zip(found, others, rows, strict=True):
        assert np.abs(one.z - z[seed]).max() < 0.1  # a step away
        assert np.array_equal(one.y, row)


def test_candidates_are_painted_once_for_each_label(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[int] = []
    paint = Generator.paint

    def counted(self: Generator, z: Any, y: Any) -> Any:
        painted.append(len(z))
        return paint(self, z, y)

    pictures = generator.generate([1, 2, 3]).images
    monkeypatch.setattr(Generator, "paint", counted)
    list(inverted(generator, pictures, generator.rows(["wild", "calm", "wild"]), starts=1, iterations=1))
    assert painted.count(512) == 2


def test_the_page_says_how_near_each_given_picture_is_reached(generator: Generator, tmp_path: Path) -> None:
    files = [tmp_path / "<one>.png", tmp_path / "two.png"]
    for file, picture in zip(files, generator.generate([1, 2]).images, strict=True):
        Image.fromarray(picture).save(file)
    (reach,) = lienzo.explore.invert(generator, files, iterations=3, starts=1, detector="pixels")
    page = inversions([reach])
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    for name, one, apart in zip(("&lt;one&gt;.png", "two.png"), reach.found, reach.features, strict=True):
        (row,) = [row for row in rows if name in row]
        assert f"{one.error:.4g}" in row
        assert f"{float(apart):.4g}" in row
    assert "±" in page
    (alone,) = lienzo.explore.invert(generator, files[:1], iterations=3, starts=1, detector="pixels")
    assert "±" not in inversions([alone])
    assert alone.to_json()["files"] == ["<one>.png"]


def test_a_label_of_nothing_is_refused(generator: Generator) -> None:
    picture = generator.generate([1]).images
    for source, pictures in ((wrapped(Halves(), "h"), picture), (generator, ())):
        with pytest.raises(InputError, match="the label is that of the given pictures"):
            lienzo.explore.invert(source, pictures, label="wild", detector="pixels")


def test_the_command_inverts_and_the_latents_are_painted_again(
    command: Command, run: lienzo.Run, collection: Collection, tmp_path: Path
) -> None:
    lienzo.generate(run, seeds=[700], out=tmp_path / "one.png")
    kept, page = tmp_path / "found.safetensors", tmp_path / "inversion.html"
    words = (
        "--samples",
        2,
        "--iterations",
        20,
        "--detector",
        "pixels",
        "--save-latents",
        kept,
        "--out",
        page,
        "--json",
    )
    status, out, said = command("explore", "invert", run.path, collection.path, tmp_path / "one.png", *words, "--json")
    assert status == 0, said
    reached = {reach["pictures"]: reach for reach in json.loads(out)["reached"]}
    assert list(reached) == ["given", "training", "generated"]
    assert "Generated pictures" in page.read_text(encoding="utf-8")
    assert len(Latents.open(kept)) == 5
    again = lienzo.generate(run, latents=kept, out=None)
    assert again.images.shape == (5, 16, 16, 3)
    status, _, said = command("explore", "invert", run.path, tmp_path / "none.png")
    assert (status, said.count("\n")) == (2, 1)
    assert "there is no picture" in said
