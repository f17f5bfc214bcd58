"""Latents as things: kept, truncated, moved along directions, mixed by layer, and painted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from generators_for_tests import wrapped
from PIL import Image

import lienzo
from lienzo.errors import InputError
from lienzo.generation.centres import SEEDS, clustered
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents, joined, truncated
from lienzo.networks.configurations import NETS
from lienzo.networks.shape import Shape


def test_latents_are_kept_with_their_generator(tmp_path: Path, generator: Generator) -> None:
    z, y = generator.drawn([3, 4])
    kept = Latents(z, y, generator.fingerprint, ("seed 3", "seed 4"))
    opened = Latents.open(kept.save(tmp_path / "kept.safetensors"))
    assert np.array_equal(opened.z, z)
    assert opened.names == kept.names
    assert np.array_equal(generator.paint(opened.z, opened.y), generator.generate([3, 4]).images)
    assert opened.check(generator.fingerprint, 8, 2) is opened
    with pytest.raises(InputError, match="saved for the generator"):
        opened.check("other", 8, 2)
    with pytest.raises(InputError, match="none has the number 2"):
        opened[2]
    assert len(joined([opened, opened[1]])) == 3


def test_truncation_draws_latents_to_the_nearest_centre() -> None:
    z = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    assert np.array_equal(truncated(z, 1.0), z)
    assert np.array_equal(truncated(z, 0.0), np.zeros_like(z))
    centres = np.array([[3, 0, 0, 0], [-3, 0, 0, 0]], np.float32)
    assert np.array_equal(truncated(z, 0.0, centres), np.where(z[:, :1] > 0, centres[:1], centres[1:]))
    assert np.allclose(truncated(z, 1.0, centres), z, atol=1e-6)


def test_latents_are_saved_and_painted_again(tmp_path: Path, generator: Generator) -> None:
    kept = tmp_path / "kept.safetensors"
    made = lienzo.generate(generator, seeds="3-5", truncation=0.5, save_latents=kept, out=None)
    again = lienzo.generate(generator, latents=kept, out=tmp_path / "again")
    assert np.array_equal(again.images, made.images)
    assert [path.name for path in again.paths] == [f"latents-00000{i}.png" for i in range(3)]
    assert Latents.open(kept).names == ("seed 3", "seed 4", "seed 5")
    z, y = generator.drawn([3, 4, 5])
    assert np.array_equal(made.images, generator.paint(z * np.float32(0.5), y))
    labelled = lienzo.generate(generator, latents=kept, label=["calm", "wild"], out=None)
    assert labelled.labels == ("calm",) * 3 + ("wild",) * 3


def test_a_truncated_picture_says_so_and_has_a_name_of_its_own(tmp_path: Path, generator: Generator) -> None:
    made = lienzo.generate(generator, seeds=[3], label="calm", truncation=0.5, out=tmp_path / "new")
    assert [path.name for path in made.paths] == ["seed-000003-calm-truncation=0.5.png"]
    with Image.open(made.paths[0]) as image:
        assert (image.info["seeds"], image.info["truncation"]) == ("3", "0.5")
    assert made.to_json()["truncation"] == "0.5"
    same = lienzo.generate(generator, seeds=[3], truncation=1.0, out=None).images
    assert np.array_equal(same, generator.generate([3]).images)


def test_truncation_to_saved_centres(tmp_path: Path, generator: Generator) -> None:
    centres = tmp_path / "centres.safetensors"
    lienzo.generate(generator, seeds=[10, 11], save_latents=centres, out=None)
    made = lienzo.generate(generator, seeds=range(6), label="calm", truncation=0.0, centres=centres, out=None)
    ends = generator.generate([10, 11], "calm").images
    assert all(any(np.array_equal(image, end) for end in ends) for image in made.images)


def test_truncation_to_clusters_of_pictures(generator: Generator) -> None:
    found = clustered(generator, 3)
    assert found.z.shape == (3, generator.latents)
    assert np.array_equal(found.z, clustered(generator, 3).z)
    sizes = np.linalg.norm(found.z, axis=1)
    assert sizes.min() > 2 * (8 / SEEDS) ** 0.5  # further from 0 than the mean of as many latents that were not divided
    made = lienzo.generate(generator, seeds=range(6), label="calm", truncation=0.0, centres="3", out=None)
    ends = generator.paint(found.z, generator.rows(["calm"] * 3))
    assert all(any(np.array_equal(image, end) for end in ends) for image in made.images)
    for number in ("0", "1", "65"):
        with pytest.raises(InputError, match="give 2 to 64"):
            lienzo.generate(generator, seeds=[1], truncation=0.5, centres=number, out=None)


def test_latents_are_mixed_by_layer(generator: Generator) -> None:
    entrances = generator.entrances
    if len(entrances) == 1:
        with pytest.raises(InputError, match="by one layer only"):
            lienzo.generate(generator, seeds=[1], mix=["2:0"], out=None)
        return
    assert len(entrances) == 3
    whole = lienzo.generate(generator, seeds=[1], label="calm", mix=["2:0-2"], out=None).images
    assert np.array_equal(whole, generator.generate([2], "calm").images)
    same = lienzo.generate(generator, seeds=[1], label="calm", mix=["1:1"], out=None).images
    assert np.array_equal(same, generator.generate([1], "calm").images)
    coarse, fine = (
        lienzo.generate(generator, seeds=[1], label="calm", mix=[f"2:{layer}"], out=None).images for layer in (0, 2)
    )
    assert not np.array_equal(coarse, fine)
    with pytest.raises(InputError, match="layers 0 to 2"):
        lienzo.generate(generator, seeds=[1], mix=["2:3"], out=None)


WRONG = {
    "--latents and seeds": {"seeds": [1], "latents": "kept.safetensors"},
    "give a truncation too": {"centres": "kept.safetensors"},
    "outside of −2 to 2": {"truncation": 7.0},
    "say how far": {"directions": "d.safetensors"},
    "has no directions beside it": {"along": ["storm=1"]},
    "mixes nothing": {"mix": ["2"]},
    "but has to be numbers such as 0,1 or 2-4": {"mix": ["2:x"]},
    "leave --save-latents out": {"mix": ["2:0"], "save_latents": "x.safetensors"},
}


@pytest.mark.parametrize("said", WRONG)
def test_what_cannot_be_done_to_latents_is_refused(said: str) -> None:
    torch.manual_seed(0)
    network = NETS["dcgan"](latents=8, width=8, self_modulation=True)
    with pytest.raises(InputError, match=said):
        lienzo.generate(wrapped(network.generator(Shape(16, 16, 3)), "modulated"), out=None, **WRONG[said])
