"""Exploring a generator: what each verb finds, on generators whose answer is known."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Command
from PIL import Image
from torch import Tensor, nn

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError, ScoreError
from lienzo.explore.film import Film
from lienzo.explore.inversion import inverted
from lienzo.explore.paths import Path as WalkPath
from lienzo.explore.steering import METHODS
from lienzo.explore.walking import save
from lienzo.generation.directions import Directions
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents, joined, truncated
from lienzo.networks.configurations import NETS
from lienzo.networks.shape import Shape

SHAPE = Shape(16, 16, 3)


@pytest.fixture(params=NETS)
def generator(request: pytest.FixtureRequest) -> Generator:
    """Give an untrained generator of each network, which knows two labels."""
    torch.manual_seed(0)
    small = {"dcgan": {"latents": 8, "width": 8, "self_modulation": True}, "mlp": {"latents": 8, "width": 32}}
    network = NETS[request.param](**small.get(request.param, {"latents": 8, "width": 16}))
    return wrapped(network.generator(SHAPE, 2), request.param, labels=True)


def wrapped(module: nn.Module, name: str, *, latents: int = 8, labels: bool = False) -> Generator:
    known = {"labels": {"kind": "style", "counts": {"calm": 3, "wild": 1}, "unlabelled": 0}} if labels else {}
    header = {"fingerprint": name, "network": {"name": "mlp", "latents": latents}, "shape": [16, 16, 3], **known}
    return Generator(module.eval().requires_grad_(False), header)


class Planted(nn.Module):
    """A generator of which one direction changes much more than all others."""

    def __init__(self, direction: Tensor) -> None:
        super().__init__()
        latents = len(direction)
        self.enter = nn.Linear(latents, 64)
        with torch.no_grad():
            self.enter.weight += 4 * torch.outer(torch.randn(64) / 8, direction)
        self.rest = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(64, 16 * 16 * 3))

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.rest(self.enter(z)).tanh().view(-1, 3, 16, 16)
        return images


@pytest.fixture
def planted() -> tuple[Generator, Tensor]:
    torch.manual_seed(1)
    direction = nn.functional.normalize(torch.randn(20), dim=0)
    return wrapped(Planted(direction), "planted", latents=20), direction


@pytest.mark.parametrize("method", METHODS)
def test_a_planted_direction_is_found(planted: tuple[Generator, Tensor], method: str) -> None:
    generator, direction = planted
    found = lienzo.explore.directions(generator, method=method, count=3, detector="pixels")
    assert abs(float(torch.from_numpy(found.directions.vectors[0]) @ direction)) > 0.95
    assert found.effects[0].size > 2 * found.effects[2].size
    assert np.allclose(np.linalg.norm(found.directions.vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_directions_of_every_network(generator: Generator, method: str) -> None:
    found = lienzo.explore.directions(generator, method=method, count=4, detector="pixels")
    vectors = found.directions.vectors
    assert vectors.shape == (4, 8)
    assert np.allclose(vectors @ vectors.T, np.eye(4), atol=1e-4)
    assert found.strips.shape == (4, 4, 7, 16, 16, 3)
    assert all(-1 <= effect.repeatability <= 1 for effect in found.effects)


class Brightness(nn.Module):
    """A generator whose first latent is its brightness."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(8, 2, bias=False)
        with torch.no_grad():
            self.enter.weight.zero_()
            self.enter.weight[0, 0] = 0.2
            self.enter.weight[1, 1] = 0.02
        self.bend = nn.Tanh()

    def forward(self, z: Tensor) -> Tensor:
        light, other = self.bend(self.enter(z)).unbind(1)
        images = light[:, None, None, None].expand(-1, 3, 16, 16).clone()
        images[:, 0, :8] += other[:, None, None]
        return images


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
    assert np.allclose(opened.along(["storm=2", "storm=-0.5"]), 1.5 * opened.vectors[1], atol=1e-6)
    with pytest.raises(InputError, match="another generator"):
        Directions.open(tmp_path / "d.safetensors", "other", 20)
    for step, said in (("strom=1", "storm"), ("storm", "brighter=2.5")):
        with pytest.raises(InputError, match=said):
            opened.along([step])
    with pytest.raises(InputError, match="numbered from 0 to 2"):
        found.named({3: "calm"})
    with pytest.raises(InputError, match="no directions"):
        Directions.open(tmp_path / "none.safetensors", "g", 20)


# --- latents ----------------------------------------------------------------------------------------------------------


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


# --- walks ------------------------------------------------------------------------------------------------------------


def test_a_path_is_replayed_to_the_same_pictures(tmp_path: Path, generator: Generator) -> None:
    film = Film(frames=9, walks=2, closed=True, curve="spline")
    walked = lienzo.explore.walk(generator, seeds=[0, 1, 2], film=film)
    again = lienzo.explore.walk(generator, path=walked.path.save(tmp_path / "walk.json"))
    assert len(again.frames) == 9
    assert all(np.array_equal(one, other) for one, other in zip(walked.frames, again.frames, strict=True))
    assert walked.path.walks[1].keyframes[0].seed == 3


def test_a_walk_begins_and_ends_with_its_seeds(generator: Generator) -> None:
    frames = lienzo.explore.walk(generator, seeds=[5, 6], film=Film(frames=4)).frames
    assert np.array_equal(np.stack([frames[0], frames[-1]]), generator.generate([5, 6]).images)


def test_a_walk_through_labels_keeps_the_seed(generator: Generator) -> None:
    frames = lienzo.explore.walk(generator, seeds=[5], label=["calm", "wild"], film=Film(frames=3)).frames
    wanted = generator.generate([5, 5, 5], ["calm", "calm=1,wild=1", "wild"]).images
    assert np.abs(np.stack(frames).astype(int) - wanted).max() <= 1


def test_a_walk_through_saved_latents(tmp_path: Path, generator: Generator) -> None:
    z, y = generator.drawn([3, 4])
    kept = Latents(z, y, generator.fingerprint).save(tmp_path / "kept.safetensors")
    frames = lienzo.explore.walk(generator, latents=kept, film=Film(frames=2)).frames
    assert np.array_equal(np.stack(frames), generator.generate([3, 4]).images)


def test_an_even_walk_goes_more_evenly(planted: tuple[Generator, Tensor]) -> None:
    generator, _ = planted
    film = Film(frames=24, even=True, curve="spline")
    walked = lienzo.explore.walk(generator, seeds=[0, 1, 2, 3], film=film, detector="pixels")
    assert walked.speed is not None
    assert walked.speed_before is not None
    assert walked.speed.variation < 0.5 * walked.speed_before.variation


@pytest.mark.parametrize("ending", [".avif", ".webp", ".gif", ".mp4", ""])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_films(tmp_path: Path, ending: str, channels: int) -> None:
    if ending == ".mp4":
        pytest.importorskip("av")
    frames = [np.full((17, 19, channels), value, np.uint8) for value in (0, 120, 250)]
    path = save(frames, str(tmp_path / f"film{ending}"), 10)
    if not ending:
        assert [file.name for file in sorted(path.iterdir())] == [f"frame-{i:05}.png" for i in range(3)]
    elif ending != ".mp4":
        with Image.open(path) as image:
            assert (image.n_frames, image.size) == (3, (19, 17))  # type: ignore[attr-defined]
    else:
        import av

        with av.open(path) as film:
            [video] = film.streams.video
            assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert len(list(film.decode(video))) == 3


def test_a_film_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.avif"):
        save([np.zeros((16, 16, 3), np.uint8)], tmp_path / "film.avi", 10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{}", "holds no path"),
        (b"\xff", "holds no path"),
        (b'{"generator":"g","latents":8,"walks":[{"keyframes":[{}],"times":[0]}]}', "no seed and no latents"),
        (b'{"generator":"g","latents":8,"walks":[{"keyframes":[{"z":[1]}],"times":[0]}]}', "dimension"),
        (b'{"generator":"g","latents":8,"walks":[{"keyframes":[{"seed":-1}],"times":[0]}]}', "holds no path"),
        (b'{"generator":"g","latents":8,"walks":[],"more":1}', "holds no path"),
    ],
)
def test_a_path_that_is_none_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "p.json").write_bytes(text)
    with pytest.raises(InputError, match=said):
        WalkPath.open(tmp_path / "p.json")


def test_what_does_not_fit_a_walk_is_refused(generator: Generator) -> None:
    for wrong, said in (
        ({"seeds": [0], "latents": Latents(*generator.drawn([0]), generator.fingerprint)}, "give one of the two"),
        ({"seeds": [0], "label": "cubism"}, "calm"),
        ({"seeds": [0], "film": Film(frames=2), "path": "p.json"}, "leave seeds"),
    ):
        with pytest.raises(InputError, match=said):
            lienzo.explore.walk(generator, **wrong)
    walked = lienzo.explore.walk(generator, seeds=[0], film=Film(frames=1))
    with pytest.raises(InputError, match="give it to its own generator"):
        lienzo.explore.walk(wrapped(generator.module, "other", labels=True), path=walked.path)
    with pytest.raises(InputError, match="leave one of the two out"):
        Film(even=True, easing="smooth")


# --- arithmetic -------------------------------------------------------------------------------------------------------


def test_arithmetic_shows_its_parts_and_its_result(generator: Generator) -> None:
    done = lienzo.explore.arithmetic(generator, "mean(1,7,9) - mean(2,4,8) + 3 + label('wild')").computed
    z, _ = generator.drawn([1, 7, 9, 2, 4, 8, 3])
    expected = z[:3].mean(0) - z[3:6].mean(0) + z[6]
    assert np.allclose(done.latents.z[0], expected, atol=1e-6)
    assert done.latents.y[0].tolist() == [0, 1]
    assert [len(parts) for parts in done.parts] == [3, 3, 1, 1]
    assert np.array_equal(done.parts[0], generator.paint(z[:3]))
    assert np.array_equal(done.result[4], generator.paint(done.latents.z, done.latents.y)[0])
    assert done.control.shape == done.result.shape == (9, 16, 16, 3)
    assert not np.array_equal(done.control[4], done.result[4])


class Halves(nn.Module):
    """A generator whose picture is bright above or bright below by the sign of its first latent."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(8, 1, bias=False)
        with torch.no_grad():
            self.enter.weight.zero_()
            self.enter.weight[0, 0] = 3
        self.bend = nn.Tanh()

    def forward(self, z: Tensor) -> Tensor:
        high = self.bend(self.enter(z))[:, :, None, None].expand(-1, 3, 8, 16)
        return torch.cat([high, -high], 2)


@pytest.fixture
def halves(tmp_path: Path) -> Collection:
    """Give a collection of pictures that are bright above, or below, in folders that say so."""
    chance = np.random.default_rng(0)
    for number in range(24):
        label = ("above", "below")[number % 2]
        pixels = chance.integers(0, 60, (16, 16, 3), np.uint8)
        pixels[slice(8) if label == "above" else slice(8, None)] += 180
        (tmp_path / "pictures" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "pictures" / label / f"{number}.png")
    return lienzo.prepare(tmp_path / "pictures", tmp_path / "halves", size=16, workers=1)


def test_arithmetic_gains_over_its_control(halves: Collection) -> None:
    found = lienzo.explore.arithmetic(wrapped(Halves(), "halves"), "1 - 2 + 3", halves, detector="pixels", trials=60)
    assert {(gain.wanted, gain.taken) for gain in found.gains} == {("above", "below"), ("below", "above")}
    assert found.gain is not None
    assert found.gain.value > 2 * found.gain.error > 0


# --- inversion and neighbours ---------------------------------------------------------------------------------------


def test_generated_pictures_are_inverted(generator: Generator) -> None:
    pictures = generator.generate([100, 101], "wild").images
    contrast = pictures.astype(float).std() / 255
    found = list(inverted(generator, pictures, generator.rows(["wild", "wild"]), steps=150))
    assert all(one.error < max(0.05, 0.2 * contrast) for one in found)
    assert np.array_equal(generator.paint(found[0].z[None], found[0].y[None])[0], found[0].picture)


def test_reach_is_measured_on_each_part_of_a_collection(halves: Collection) -> None:
    found = lienzo.explore.invert(wrapped(Halves(), "h"), (), halves, samples=3, steps=20, starts=2, detector="pixels")
    reached = {reach.name: reach for reach in found}
    assert list(reached) == ["training", "generated"]  # nothing was held out
    assert reached["generated"].error.value < reached["training"].error.value
    assert (reached["training"].features > 0).all()


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
        ({}, "one of the two"),
        ({"seeds": [1]}, "give one"),
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


def test_the_command_walks_and_replays(command: Command, run: lienzo.Run, tmp_path: Path) -> None:
    film = tmp_path / "walk.webp"
    words = ("explore", "walk", run.path, "--seeds", "3-5", "--frames", 5, "--closed", "--out", film)
    status, out, said = command(*words)
    assert (status, out) == (0, f"{film}\n"), said
    assert "frames: 5 of 5" in said
    again = tmp_path / "again"
    status, out, _ = command("--json", "explore", "--out", again, "walk", run.path, "--path", tmp_path / "walk.json")
    assert status == 0
    about = json.loads(out)
    assert (about["frames"], about["path"]) == (5, str(again / "path.json"))
    assert (again / "path.json").read_bytes() == (tmp_path / "walk.json").read_bytes()
    with Image.open(again / "frame-00000.png") as first:
        assert np.array_equal(np.asarray(first), lienzo.load(run).generate([3]).images[0])
    status, _, said = command("explore", "walk", run.path, "--path", film.with_suffix(".json"), "--frames", 7)
    assert (status, said.count("\n")) == (2, 1)
    assert "leave seeds, labels, latents and the film's settings out" in said
