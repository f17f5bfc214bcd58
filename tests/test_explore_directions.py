"""Directions: found where they were planted, measured, named and kept."""

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Command
from generators_for_tests import Brightness, wrapped
from PIL import Image
from torch import Tensor

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError
from lienzo.explore.entrances import matrices
from lienzo.explore.steering import METHODS, keep
from lienzo.generation.directions import Directions
from lienzo.generation.generation import Generator
from lienzo.networks.configurations import NETS
from lienzo.networks.shape import Shape


@pytest.mark.parametrize("method", METHODS)
def test_a_planted_direction_is_found(planted: tuple[Generator, Tensor], method: str) -> None:
    generator, direction = planted
    found = lienzo.explore.directions(generator, method=method, count=3, detector="pixels")
    assert abs(float(torch.from_numpy(found.directions.vectors[0]) @ direction)) > 0.95
    assert found.effects[0].size > 2 * found.effects[2].size
    assert np.allclose(np.linalg.norm(found.directions.vectors, axis=1), 1, atol=1e-5)


def test_directions_that_change_nothing_have_no_effect(generator: Generator) -> None:
    collapsed = copy.deepcopy(generator.module)
    with torch.no_grad():
        for parameter in collapsed.parameters():
            parameter.zero_()
    found = lienzo.explore.directions(wrapped(collapsed, "collapsed", labels=True), count=2, detector="pixels")
    assert [(effect.size, effect.repeatability) for effect in found.effects] == [(0, 0), (0, 0)]


@pytest.mark.parametrize("method", METHODS)
def test_directions_of_every_network(generator: Generator, method: str) -> None:
    found = lienzo.explore.directions(generator, method=method, count=4, detector="pixels")
    vectors = found.directions.vectors
    assert vectors.shape == (4, 8)
    assert np.allclose(vectors @ vectors.T, np.eye(4), atol=1e-4)
    assert found.strips.shape == (4, 4, 7, 16, 16, 3)
    assert all(-1 <= effect.repeatability <= 1 for effect in found.effects)


def test_a_direction_is_named_by_what_it_changes() -> None:
    found = lienzo.explore.directions(wrapped(Brightness(), "light"), count=2, detector="pixels")
    assert found.directions.names[0] in ("brighter", "darker")
    assert abs(found.effects[0].correlations["brightness"]) > 0.9
    assert found.effects[0].repeatability > 0.9


def test_directions_are_kept_named_and_gone_along(tmp_path: Path, planted: tuple[Generator, Tensor]) -> None:
    generator, _ = planted
    found = lienzo.explore.directions(generator, count=3, detector="pixels").directions.named({1: "storm"})
    opened = Directions.open(found.save(tmp_path / "d.safetensors"), generator.fingerprint, 20)
    assert opened.names == found.names
    assert np.array_equal(opened.vectors, found.vectors)
    assert opened.effects == found.effects
    assert len(opened.effects) == 3
    with pytest.raises(InputError, match="holds no directions"):
        Directions.found(replace(found, effects=found.effects[:2]).save(tmp_path / "fewer.safetensors"))
    earlier = Directions.found(replace(found, effects=()).save(tmp_path / "earlier.safetensors"))
    assert (earlier.names, earlier.effects) == (found.names, ())  # as it was written before effects were kept
    assert np.allclose(opened.along(["storm=2", "storm=-0.5"]), 1.5 * opened.vectors[1], atol=1e-6)
    with pytest.raises(InputError, match="another generator"):
        Directions.open(tmp_path / "d.safetensors", "other", 20)
    fewer = replace(opened, vectors=opened.vectors[:, :5])
    for wrong in (replace(opened, generator="0" * 64), fewer):
        with pytest.raises(InputError, match="these are the directions of another generator"):
            lienzo.generate(generator, seeds=[1], along=["storm=1"], directions=wrong, out=None)
    for step, said in (("strom=1", "storm"), ("storm", "brighter=2.5")):
        with pytest.raises(InputError, match=said):
            opened.along([step])
    unwritten = tmp_path / "far.safetensors"
    with pytest.raises(InputError, match="moved latents have to be finite numbers"):
        lienzo.generate(generator, seeds=[1], along=["storm=1e39"], directions=opened, save_latents=unwritten, out=None)
    assert not unwritten.exists()
    with pytest.raises(InputError, match="numbered from 0 to 2"):
        found.named({3: "calm"})
    with pytest.raises(InputError, match="no directions"):
        Directions.open(tmp_path / "none.safetensors", "g", 20)


def test_z_enters_a_modulated_network_by_every_modulation_too() -> None:
    network = NETS["dcgan"](latents=8, width=8, self_modulation=True, noise=True)
    found = matrices(network.generator(Shape(16, 16, 3)).eval(), 8)
    assert [tuple(matrix.shape) for matrix in found] == [(8, 4 * 4 * 16), (8, 2 * 16), (8, 2 * 8)]


def test_a_name_that_was_given_is_kept_and_a_suggested_one_makes_way(planted: tuple[Generator, Tensor]) -> None:
    generator, _ = planted
    found = lienzo.explore.directions(generator, count=3, detector="pixels", name=["1=storm"]).directions
    again = replace(found, names=("storm", "1", "2"), given=frozenset()).inheriting(found)
    assert again.names == ("storm (0)", "storm", "2")
    given = replace(found, names=("storm", "1", "2"), given=frozenset({0}))
    assert given.inheriting(found).names == ("storm", "1", "2")  # the name is that of another direction now
    mistakes = {
        "storm": "0=storm",
        "9=storm": "numbered from 0 to 2",
        f"{'9' * 5_000}=storm": "0=storm",
        "0=a=b": "without =",
    }
    for name, said in mistakes.items():
        with pytest.raises(InputError, match=said):
            lienzo.explore.directions(generator, count=3, detector="pixels", name=[name])


def test_a_direction_with_a_name_is_kept_where_it_is_not_found_again(
    planted: tuple[Generator, Tensor], tmp_path: Path
) -> None:
    generator, _ = planted
    place = tmp_path / "d.safetensors"
    first, _ = keep(lienzo.explore.directions(generator, count=4, detector="pixels", name=["3=storm"]), "", place)
    again, _ = keep(lienzo.explore.directions(generator, count=2, detector="pixels"), "", place)
    kept = Directions.found(place)
    assert len(again.directions.names) == 2
    assert kept.names == (*again.directions.names, "storm")
    assert np.array_equal(kept.vectors[2], first.directions.vectors[3])
    assert kept.effects[2] == first.directions.effects[3]
    assert kept.given == {2}
    keep(lienzo.explore.directions(generator, count=2, detector="pixels", name=["0=storm"]), "", place)
    assert Directions.found(place).names[0] == "storm"
    assert len(Directions.found(place).names) == 2
    with pytest.raises(InputError, match="a kind of a collection's labels"):
        lienzo.explore.directions(generator, count=2, detector="pixels", labels="style")


def test_a_collection_of_another_shape_is_refused(planted: tuple[Generator, Tensor], collection: Collection) -> None:
    generator, _ = planted
    larger = replace(generator, header=generator.header | {"shape": [32, 32, 3]})
    with pytest.raises(InputError, match=r"paints pictures of 32×32.*16×16.*take a collection of its shape"):
        lienzo.explore.directions(larger, collection, count=2, detector="pixels")


def test_directions_of_another_generator_are_not_replaced(
    planted: tuple[Generator, Tensor],
    tmp_path: Path,
    command: Command,
    run: lienzo.Run,
    caplog: pytest.LogCaptureFixture,
) -> None:
    generator, _ = planted
    found = lienzo.explore.directions(generator, count=2, detector="pixels", name=["1=storm"])
    place = tmp_path / "mine.safetensors"
    keep(found, "", place)
    before = place.read_bytes()
    other = replace(found, directions=replace(found.directions, generator="0" * 64))
    with pytest.raises(InputError, match="is of another generator"):
        keep(other, "", place)
    status, _, said = command("explore", "directions", run.path, "--save", place, "--out", tmp_path / "d.html")
    assert (status, "mine.safetensors is there and is of another generator" in said) == (2, True)
    assert "directions: " not in said  # nothing was computed
    assert place.read_bytes() == before
    beside = tmp_path / "g-directions.safetensors"
    keep(found, tmp_path / "g.safetensors")
    with caplog.at_level("WARNING", "lienzo"):
        keep(other, tmp_path / "g.safetensors")  # the same file after more training
    assert "the names given to them are gone: storm" in caplog.text
    assert Directions.found(beside).generator == "0" * 64


def test_the_command_finds_names_and_generates_along(command: Command, run: lienzo.Run, tmp_path: Path) -> None:
    copy, page = shutil.copytree(run.path, tmp_path / "run"), tmp_path / "d.html"
    words = (
        "explore",
        "directions",
        copy,
        "--count",
        3,
        "--detector",
        "pixels",
        "--out",
        tmp_path / "d.html",
        "--json",
    )
    status, out, said = command(*words, "--name", "1=storm")
    assert status == 0, said
    found = json.loads(out)
    assert found["directions"][1]["name"] == "storm"
    assert found["file"] == str(copy / "generator-directions.safetensors")
    assert "storm" in page.read_text(encoding="utf-8")
    assert json.loads(command(*words)[1])["directions"][1]["name"] == "storm"  # found again, it keeps its name
    status, out, said = command("generate", copy, "--seeds", "3", "--along", "storm=2.5", "--out", tmp_path / "one.png")
    assert status == 0, said
    vector = Directions.found(found["file"]).vectors[1]
    generator = lienzo.load(copy)
    with Image.open(tmp_path / "one.png") as image:
        expected = generator.paint(generator.drawn([3])[0] + np.float32(2.5) * vector)[0]
        assert np.array_equal(np.asarray(image)[2:-2, 2:-2], expected)
        assert image.info["along"] == "storm=2.5"
