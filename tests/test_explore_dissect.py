"""Dissection: units are found by what they do, held at values, and switched against a control."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Command
from PIL import Image
from torch import Tensor, nn

import lienzo
from lienzo.errors import InputError
from lienzo.explore import agreement, causes, concepts, dissection_page, segmentation
from lienzo.explore.causes import Effect
from lienzo.explore.dissecting import layers_of
from lienzo.explore.dissection import ARRAYS, PICTURES, Dissection
from lienzo.explore.dissection_page import page
from lienzo.generation import units
from lienzo.generation.generation import Generator, save_generator
from lienzo.metrics.estimate import Estimate
from lienzo.networks.configurations import NETS, grown
from lienzo.networks.fading import set_alpha
from lienzo.networks.shape import Shape
from lienzo.painter.manners import PARTS
from lienzo.storage import tensors

SHAPE = Shape(16, 16, 3)
SMALL = {"dcgan": {"width": 8, "self_modulation": True}, "mlp": {"width": 32}, "residual": {"width": 16}}


def wrapped(module: nn.Module, name: str, *, labels: bool = False) -> Generator:
    known = {"labels": {"kind": "style", "counts": {"calm": 3, "wild": 1}, "unlabelled": 0}} if labels else {}
    header = {"fingerprint": name, "network": {"name": "mlp", "latents": 8}, "shape": [16, 16, 3], **known}
    return Generator(module.eval().requires_grad_(False), header)


@pytest.fixture(params=[*NETS, "grown"])
def generator(request: pytest.FixtureRequest) -> Generator:
    """Give an untrained generator of each network that knows two labels, and one amid its growth."""
    torch.manual_seed(0)
    if request.param == "grown":
        module = grown(NETS["dcgan"](latents=8, width=8)).generator(SHAPE, 2)
        set_alpha(module, 0.5)
    else:
        module = NETS[request.param](latents=8, **SMALL[request.param]).generator(SHAPE, 2)
    return wrapped(module, request.param, labels=True)


# --- units ------------------------------------------------------------------------------------------------------------


def test_layers_are_named_from_latents_to_pictures(generator: Generator) -> None:
    layers = layers_of(generator)
    assert [layer.name for layer in layers] == [f"layer{number + 1}" for number in range(len(layers))]
    assert list(layers) == sorted(layers, key=lambda layer: layer.height)
    assert all(isinstance(generator.module.get_submodule(layer.module), units.ACTIVATIONS) for layer in layers)
    assert len(layers) >= 2


def test_a_grown_network_keeps_the_names_of_its_layers() -> None:
    small = NETS["dcgan"](latents=8, width=8)
    before = units.layers(small.generator(SHAPE).eval(), 8)
    after = units.layers(grown(small).generator(Shape(32, 32, 3)).eval(), 8)
    assert after[: len(before)] == before
    assert (len(after), after[-1].height) == (len(before) + 1, 2 * before[-1].height)


def test_held_units_give_their_value_and_are_let_go(generator: Generator) -> None:
    layers, z = layers_of(generator), generator.drawn(range(16))
    before = generator.paint(*z)
    for layer in layers:
        held = units.parse([f"{layer.name}:1=2.5,{layer.name}:3+0=0"], layers)
        with units.holding(generator.module, layers, held), units.watching(generator.module, layer) as seen:
            generator.paint(*z)
        assert [float(seen[0][:, unit].unique()) for unit in (0, 1, 3)] == [0, 2.5, 0]
        assert len(seen[0][:, [2, *range(4, layer.units)]].unique()) > 1
        assert np.array_equal(generator.paint(*z), before)
    with pytest.raises(KeyError), units.holding(generator.module, layers, held):
        raise KeyError
    assert np.array_equal(generator.paint(*z), before)


def test_units_are_held_in_a_region() -> None:
    generator = wrapped(Blobs(), "blobs")
    [layer] = layers_of(generator)
    held = units.Held("layer1", (2,), (7.0,), (0.0, 0.5, 0.25, 1.0))
    with units.holding(generator.module, [layer], [held]), units.watching(generator.module, layer) as seen:
        generator.paint(*generator.drawn([0]))
    assert torch.equal(seen[0][0, 2] == 7, torch.arange(8)[:, None].ge(4) & torch.arange(8).lt(2))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layer1", "write layer, unit and value"),
        ("layer1:3", "write layer, unit and value"),
        ("layer1:-1=0", "write layer, unit and value"),
        ("layer1:3=nan", "write layer, unit and value"),
        pytest.param(f"layer1:{'9' * 5_000}=0", "write layer, unit and value", id="thousands of digits"),
        ("layer2:3=0", "unknown layer 'layer2': did you mean 'layer1'"),
        ("layer1:6=0", "no unit 6: it has 6, which are numbered from 0 to 5"),
        ("layer1:3=0,layer1:2+3=1", "unit 3 of layer1 is held twice"),
    ],
)
def test_units_that_are_not_there_are_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        units.parse([text], layers_of(wrapped(Blobs(), "blobs")))


def test_generate_holds_units(tmp_path: Path) -> None:
    generator = wrapped(Blobs(), "blobs")
    plain = lienzo.generate(generator, seeds=[0, 1], out=None).images
    held = lienzo.generate(generator, seeds=[0, 1], units=["layer1:3=0"], out=tmp_path / "held.png")
    assert held.images[..., 0].max() < plain[..., 0].max() / 2
    assert held.to_json()["units"] == ["layer1:3=0"]
    assert np.array_equal(lienzo.generate(generator, seeds=[0, 1], out=None).images, plain)
    with pytest.raises(InputError, match="did you mean 'layer1'"):
        lienzo.generate(generator, seeds=[0], units="layer7:3=0", out=None)
    for value in ("1e39", "-1e39", "1e999"):
        with pytest.raises(InputError, match="the values that units are held at have to be finite numbers"):
            lienzo.generate(generator, seeds=[0], units=f"layer1:3={value}", out=None)


# --- agreement --------------------------------------------------------------------------------------------------------


def test_overlaps_are_intersections_over_unions() -> None:
    chance = np.random.default_rng(0)
    maps = torch.from_numpy(chance.random((70, 3, 8, 8)).astype(np.float32))
    masks = chance.random((70, 2, 8, 8)) < 0.3
    found = agreement.overlaps(maps, torch.from_numpy(masks), torch.tensor([[0.5] * 3, [0.9] * 3]))
    for top, threshold in enumerate((0.5, 0.9)):
        for unit in range(3):
            for concept in range(2):
                active, shown = maps[:, unit].numpy() > threshold, masks[:, concept]
                assert found[top, unit, concept] == pytest.approx((active & shown).sum() / (active | shown).sum())


def test_auc_is_the_chance_of_the_larger_value() -> None:
    values = np.array([[0, 5], [0, 5], [1, 5], [2, 0]], np.float32)
    shows = np.array([[False, True], [True, True], [True, True], [True, True]])
    assert agreement.auc(values, shows).tolist() == [[pytest.approx(2.5 / 3), 0.5], [pytest.approx(1 / 3), 0.5]]


@pytest.mark.parametrize("name", concepts.MEASURED)
def test_measured_concepts_find_what_they_are_called(name: str) -> None:
    plain = {
        "dark": (0.1, 0.1, 0.1),
        "light": (1, 1, 1),
        "smooth": (0.5, 0.5, 0.5),
        "saturated": (1, 0.2, 0.1),
        "grey": (0.5, 0.5, 0.52),
        "red": (0.9, 0.1, 0.1),
        "yellow": (0.9, 0.8, 0.1),
        "green": (0.1, 0.8, 0.2),
        "blue": (0.1, 0.2, 0.9),
        "sky-like": (0.5, 0.7, 0.9),
    }
    picture = np.zeros((1, 8, 8, 3))
    picture[:] = plain.get(name, (0, 0, 0))
    if name == "edge":
        picture[:, :, 4:] = 1
    found = concepts.MEASURED[name](picture)[0]
    expected = np.ones((8, 8), bool)
    if name == "sky-like":
        expected[4:] = False
    if name == "edge":
        expected = np.isin(np.arange(8), (3, 4))[None].repeat(8, 0)
    assert np.array_equal(found, expected)
    for other, colour in plain.items():
        if {name, other} <= {"red", "yellow", "green", "blue"} and other != name:
            assert not concepts.MEASURED[name](np.full((1, 8, 8, 3), colour)).any()


# --- the whole --------------------------------------------------------------------------------------------------------


class Blobs(nn.Module):
    """A generator of which each of six units paints a blob where its latents say; that of unit 3 is red."""

    def __init__(self) -> None:
        super().__init__()
        self.bend, self.larger = nn.ReLU(), nn.Upsample(scale_factor=2, mode="nearest")
        self.colours = nn.Conv2d(6, 3, 1)
        with torch.no_grad():
            self.colours.bias.fill_(-0.9)
            self.colours.weight.fill_(0.25)
            self.colours.weight[:, 3] = torch.tensor([1.8, 0.0, 0.0])[:, None, None]

    def forward(self, z: Tensor) -> Tensor:
        place = torch.linspace(-1, 1, 8)
        centres = torch.stack([z.roll(unit, 1)[:, :2] for unit in range(6)], 1) * 0.5  # (N, 6, 2)
        across = (place - centres[..., :1]).square()[:, :, None]
        down = (place - centres[..., 1:]).square()[:, :, :, None]
        maps = self.bend(1 - (across + down) / 0.16)
        images: Tensor = self.colours(self.larger(maps))
        return images.clamp(-1, 1)


def test_the_unit_that_paints_something_is_found_and_takes_it_away() -> None:
    found = lienzo.explore.dissect(wrapped(Blobs(), "blobs"), concept=["red"], count=128)
    (layer, unit, iou), (_, _, second), *_ = found.best_units("red")
    assert (layer, unit) == ("layer1", 3)
    assert iou > 0.6 > 2 * second
    single = next(effect for effect in found.effects if effect.how == "off")
    assert single.units == (3,)
    assert single.relative(single.change).value < -0.95
    assert abs(single.relative(single.control).value) < 0.1
    assert single.relative_seen(single.seen_change).value < -0.95
    assert 0 < single.change.error < 0.05
    on = found.effects[-1]
    assert (on.how, on.units) == ("on", (3,))
    assert on.change.value > 0.5
    assert abs(on.control.value) < 0.1
    [example] = found.examples
    assert example.held == "layer1:3=0"
    assert (example.off[..., 0].astype(int) - example.control[..., 0]).min() < -100
    assert example.active.any((1, 2)).all()
    assert not (example.active & ~example.mask).any()


def test_off_at_the_mean_holds_the_mean() -> None:
    generator = wrapped(Blobs(), "blobs")
    found = lienzo.explore.dissect(generator, concept=["red"], count=64, off="mean")
    [ties] = found.layers
    with units.watching(generator.module, ties.layer) as seen:
        generator.paint(*generator.drawn(range(64)))
    mean = float(seen[0][:, 3].mean())
    assert found.examples[0].held == f"layer1:3={mean:.4g}"


def test_dissection_of_every_network(tmp_path: Path, generator: Generator) -> None:
    found = lienzo.explore.dissect(generator, concept=["dark"], count=32)
    assert found.labels == ("calm", "wild")
    for ties in found.layers:
        assert ties.iou.shape == (ties.layer.units, len(concepts.MEASURED))
        assert ties.auc.shape == (ties.layer.units, 2)
        assert ((ties.iou >= 0) & (ties.iou <= 1)).all()
    opened = Dissection.open(found.save(tmp_path / "d.safetensors"))
    assert opened.to_json() == found.to_json()
    for here, there in zip((*found.layers, *found.examples), (*opened.layers, *opened.examples), strict=True):
        for name in ARRAYS if isinstance(here, agreement.Agreement) else PICTURES:
            assert np.array_equal(getattr(here, name), getattr(there, name))
    written = page(found)
    assert written.count("<img") == 6
    assert f"--units {found.examples[0].held}" in written


@pytest.mark.parametrize("wrong", [{"count": -1}, {"labels": ["calm"]}, {"effects": [{}]}, {"layers": []}])
def test_a_file_that_holds_no_dissection_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    found = lienzo.explore.dissect(wrapped(Blobs(), "blobs"), concept=["dark"], count=32)
    path = found.save(tmp_path / "d.safetensors")
    state, header = tensors.load(path, "dissection", InputError)
    if wrong == {"layers": []}:
        del state["layer1.iou"]
        wrong = {}
    tensors.save(path, state, {key: header[key] for key in header if key not in ("fingerprint", "format")} | wrong)
    with pytest.raises(InputError, match="holds no dissection that this lienzo knows"):
        Dissection.open(path)


def test_labels_of_a_collection_are_told_by_units(tmp_path: Path) -> None:
    generator = wrapped(Blobs(), "blobs")
    pictures = generator.paint(*generator.drawn(range(64)))
    redness = pictures[..., 0].astype(float).mean((1, 2)) - pictures[..., 1].mean((1, 2))
    for number, (picture, red) in enumerate(zip(pictures, redness > np.median(redness), strict=True)):
        path = tmp_path / "pictures" / ("red" if red else "other") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    collection = lienzo.prepare(tmp_path / "pictures", tmp_path / "c", size=16, workers=1)
    found = lienzo.explore.dissect(generator, collection, concept=["dark"], count=64, detector="pixels")
    assert found.labels == ("other", "red")
    assert found.layers[0].auc[3].tolist() == [pytest.approx(0, abs=0.1), pytest.approx(1, abs=0.1)]
    assert found.to_json()["labels"]["red"]["unit"] == "layer1:3"


def test_controls_are_other_units_of_equal_activation() -> None:
    level = np.array([0, 1, 2, 3, 100, 101, 102, 103, 104, 105, 106, 107, 108], np.float32)
    draws = [causes.alike(level, (4, 5), draw) for draw in range(9)]
    assert all(len(set(drawn)) == 2 and set(drawn) <= set(range(6, 13)) for drawn in draws)
    assert len(set(draws)) > 2


def test_no_share_of_nothing_is_told() -> None:
    """Units that are switched off may bring about a concept that no picture showed."""
    change = Estimate(0.01, 0.002)
    nothing = Effect("dark", "layer1", (3,), "off", 0.0, change, change, 0.0, change, change)
    assert nothing.relative(change) is nothing.relative_seen(change) is None
    told = f"{dissection_page._sentence([nothing])} {dissection_page._row(nothing)} {dissection_page._chart([nothing])}"
    assert "covers 0 % of their area" in told
    assert "000000" not in told.partition("<svg")[0]


def test_the_command_lists_dissects_and_holds_units(tmp_path: Path, command: Command) -> None:
    network = NETS["dcgan"](latents=8, width=8)
    torch.manual_seed(0)
    file = tmp_path / "g.safetensors"
    save_generator(file, network.generator(SHAPE), network, SHAPE, {})
    status, said, _ = command("explore", "dissect", file, "--list")
    assert (status, said.split()) == (0, ["layer1", "16", "units", "4×4", "layer2", "8", "units", "8×8"])
    for idle in (["--layer", "layer1"], ["--count", 64], ["--out", tmp_path / "d.html"], ["--device", "auto"]):
        status, _, said = command("explore", "dissect", file, "--list", *idle)
        assert (status, f"{idle[0]} says nothing beside --list: leave it out" in said) == (2, True)
    status, _, said = command("explore", "dissect", file, "--list", tmp_path)
    assert (status, "a collection says nothing beside --list" in said) == (2, True)
    words = ("--concept", "edge", "--count", "32", "--out", tmp_path / "d.html", "--json")
    status, said, _ = command("explore", "dissect", file, *words)
    about = json.loads(said)
    assert status == 0
    assert (tmp_path / "d.html").read_text(encoding="utf-8") == page(Dissection.open(about["file"]))
    assert Path(about["file"]) == tmp_path / "g-dissection.safetensors"
    assert {effect["concept"] for effect in about["effects"]} == {"edge"}
    (tmp_path / "h.safetensors").write_bytes(file.read_bytes())
    (tmp_path / "h-dissection.safetensors").write_bytes(b"foreign")
    for other, out, wrong in ((tmp_path / "h.safetensors", "d.html", "holds no dissection"), (file, "", "is a folder")):
        status, _, said = command("explore", "dissect", other, *words[:4], "--out", tmp_path / out)
        assert (status, wrong in said, "dissecting" in said) == (2, True, False)
    held = ("--units", "layer1:3=0,layer2:1=2.5")
    assert command("generate", file, "--count", "2", *held, "--out", tmp_path / "held.png")[0] == 0
    with Image.open(tmp_path / "held.png") as picture:
        assert picture.info["units"] == "layer1:3=0,layer2:1=2.5"
    status, _, said = command("generate", file, "--units", "layer2:8=0", "--out", tmp_path / "none.png")
    assert (status, said) == (2, "lienzo: layer2 has no unit 8: it has 8, which are numbered from 0 to 7.\n")


# --- the segmenter ----------------------------------------------------------------------------------------------------


def test_examples_of_the_painter_come_with_the_truth() -> None:
    pictures, parts = segmentation.examples([0], 16, 16)
    assert (pictures.shape, parts.shape) == ((6, 16, 16, 3), (6, len(PARTS), 16, 16))
    assert np.allclose(parts.sum(1), 1, atol=0.02)
    sun = parts[4, PARTS.index("sun")] > 0.8  # the fifth manner in their order: seascapes
    assert pictures[4][sun].min() > 0.6


@pytest.mark.slow
def test_a_segmenter_finds_the_parts_of_pictures_that_it_has_not_seen() -> None:
    *_, found = followed(segmentation.trained(32, 32))
    quality = dict(zip(found.names, found.quality, strict=True))
    assert min(quality[part] for part in ("sky", "sun", "sea", "ring", "backdrop", "red plane")) > 0.6
    assert np.mean(found.quality) > 0.5


def followed(steps: object) -> list[segmentation.Segmentation]:
    while True:
        try:
            next(steps)  # type: ignore[call-overload]
        except StopIteration as ended:
            return [ended.value]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"layer": ["layer9"]}, "unknown layer 'layer9': did you mean 'layer1'"),
        ({"concept": ["sun"]}, "unknown concept 'sun'"),
        ({"labels": "style"}, "'style' is a kind of a collection's labels, and there is no collection"),
        ({"masks": "photographs"}, "unknown kind of masks"),
        ({"count": 3}, "at least 32"),
        ({"off": "half"}, "unknown value of units that are off 'half'"),
        ({"detector": "pixels"}, "--detector says nothing without a collection: leave it out"),
    ],
)
def test_what_cannot_be_dissected_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        lienzo.explore.dissect(wrapped(Blobs(), "blobs"), **wrong)


def test_a_generator_without_hidden_layers_has_no_units() -> None:
    with pytest.raises(InputError, match="no hidden layers"):
        layers_of(wrapped(NETS["mlp"](latents=8, depth=0).generator(SHAPE), "linear"))
