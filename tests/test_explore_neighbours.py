"""Neighbours of seeds in a collection, and seeds near a picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Command
from generators_for_tests import Brightness, Halves, wrapped
from PIL import Image

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError, ScoreError
from lienzo.explore.film import Film
from lienzo.explore.proximity import steps


def test_neighbours_of_seeds_and_of_pictures(tmp_path: Path, halves: Collection) -> None:
    generator = wrapped(Halves(), "halves")
    found = lienzo.explore.neighbours(generator, halves, seeds=[0, 1], count=3, detector="pixels")
    assert found.neighbours.shape == (2, 3, 16, 16, 3)
    assert np.array_equal(found.neighbours[0, 0], halves.take(found.numbers[0, :1])[0])
    assert (np.diff(found.distances, axis=1) >= 0).all()
    Image.fromarray(generator.generate([17]).images[0]).save(tmp_path / "p.png")
    among = lienzo.explore.neighbours(generator, pictures=[tmp_path / "p.png"], count=1, among=40, detector="pixels")
    assert among.distances[0, 0] == pytest.approx(0, abs=1e-4)
    assert np.array_equal(among.neighbours[0, 0], generator.generate([among.numbers[0, 0]]).images[0])


def test_what_cannot_be_explored_is_refused(tmp_path: Path, halves: Collection, collection: Collection) -> None:
    generator = wrapped(Halves(), "halves")
    for wrong, said in (
        ({}, "give a collection"),
        ({"seeds": [1]}, "give a collection"),
        ({"pictures": ["none.png"], "collection": halves}, "or pictures"),
        ({"pictures": ["none.png"]}, "no picture"),
    ):
        with pytest.raises(InputError, match=said):
            lienzo.explore.neighbours(generator, detector="pixels", **wrong)
    larger = lienzo.prepare(halves.path.parent / "pictures", tmp_path / "larger", size=16, channels=1, workers=1)
    with pytest.raises(InputError, match="collection of its shape"):
        lienzo.explore.neighbours(generator, larger, seeds=[1], detector="pixels")
    with pytest.raises(InputError, match="nothing to invert"):
        lienzo.explore.invert(generator)
    with pytest.raises(InputError, match="fewer"):
        lienzo.explore.directions(generator, count=9)
    with pytest.raises(ScoreError, match="too few"):
        lienzo.explore.arithmetic(wrapped(Brightness(), "b"), "1", collection, detector="pixels", trials=5)


def test_settings_that_would_change_nothing_are_refused(tmp_path: Path, halves: Collection) -> None:
    generator = wrapped(Halves(), "halves")
    picture = generator.generate([17]).images
    Image.fromarray(picture[0]).save(tmp_path / "p.png")
    two, even = Film(frames=2), Film(frames=2, even=True)
    walked = lienzo.explore.walk(generator, seeds=[0, 1], film=even, detector="pixels")
    for explore, given, said in (
        (lienzo.explore.arithmetic, {"expression": "1", "trials": 7}, "--trials says nothing without a collection"),
        (lienzo.explore.arithmetic, {"expression": "1", "detector": "pixels"}, "--detector says nothing without a col"),
        (lienzo.explore.walk, {"film": two, "detector": "pixels"}, "--detector says nothing of a walk that is not"),
        (lienzo.explore.walk, {"path": walked.path, "detector": "pixels"}, "--detector says nothing of a path"),
        (lienzo.explore.invert, {"pictures": picture, "samples": 2}, "--samples says nothing without a collection"),
        (lienzo.explore.neighbours, {"collection": halves, "among": 40}, "--among says nothing with a collection"),
    ):
        with pytest.raises(InputError, match=f"{said}.*: leave it out"):
            explore(generator, **given)
    with pytest.raises(InputError, match="--columns says nothing of one walk"):
        Film(columns=7)


def test_more_neighbours_than_there_are_pictures_are_refused_before_any_is_painted(
    monkeypatch: pytest.MonkeyPatch, command: Command, run: lienzo.Run, collection: Collection, tmp_path: Path
) -> None:
    monkeypatch.setattr("lienzo.metrics.detectors.features", None)
    Image.new("RGB", (16, 16)).save(tmp_path / "one.png")
    words = "explore", "neighbours", run.path, "--out", tmp_path / "n.html", "--count"
    status, _, said = command(*words, 5000, tmp_path / "one.png")
    assert (status, "lower --count, or raise --among" in said, said.count("\n")) == (2, True, 1)
    status, _, said = command(*words, 4, tmp_path / "one.png", "--among", 3)
    assert (status, "lower --count, or raise --among" in said) == (2, True)
    status, _, said = command(*words, 25, collection.path)
    assert (status, "has 24 training pictures, fewer than 25: lower --count" in said) == (2, True)


def test_features_of_seeds_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "cache"))
    generator = wrapped(Halves(), "kept")
    Image.fromarray(generator.generate([17]).images[0]).save(tmp_path / "p.png")

    def found() -> list[str]:
        going = steps(generator, pictures=[tmp_path / "p.png"], among=40, detector="pixels")
        return [step.stage for step in going]

    assert found() == ["pixels of seeds"] * 2
    assert found() == []


def test_the_command_looks_for_neighbours(
    command: Command, run: lienzo.Run, collection: Collection, tmp_path: Path
) -> None:
    page, words = tmp_path / "n.html", ("--detector", "pixels", "--count", 2, "--json")
    status, out, said = command("explore", "neighbours", run.path, collection.path, "--out", page, *words)
    assert status == 0, said
    assert np.shape(json.loads(out)["rows"]) == (8, 2)
    assert "training picture (row of the collection)" in page.read_text(encoding="utf-8")
    lienzo.generate(run, seeds=[7], out=tmp_path / "seven")
    picture = tmp_path / "seven" / "seed-000007.png"
    status, out, said = command("explore", "neighbours", run.path, picture, "--among", 20, "--out", page, *words)
    assert status == 0, said
    assert json.loads(out)["seeds"][0][0] == 7
