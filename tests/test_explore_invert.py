"""Inversion: the latents of pictures, and how near a generator comes to a collection."""

import json
from pathlib import Path

import numpy as np
from conftest import Command
from generators_for_tests import Halves, wrapped

import lienzo
from lienzo.collection.collection import Collection
from lienzo.explore.inversion import inverted
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
