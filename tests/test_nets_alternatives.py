"""What DCGAN's authors advise against: the layers are what they say, and networks are built of them and learn."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from lienzo.errors import RecipeError
from lienzo.networks.alternatives import ClampedAfterTraining, FullyConnected, PooledConv2d, UpsampledConv2d
from lienzo.networks.configurations import DCGAN
from lienzo.networks.layers import players
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import thesis

SHAPE = Shape(16, 24, 3)

AGAINST = {
    "pooling": True,
    "upsampling": True,
    "generator_norm": "none",
    "discriminator_norm": "none",
    "hidden_units": 7,
    "generator_activation": "leaky-relu",
    "generator_output": "linear",
    "discriminator_activation": "relu",
    "initial_weights": "uniform",
}
"""Every option that goes against a recommendation."""


def kinds(network: DCGAN, player: str) -> list[str]:
    return [layer.name for layer in players(network, SHAPE)[player]]


def test_layers_are_their_formulas() -> None:
    features = torch.randn(2, 3, 4, 6)
    pooled = PooledConv2d(3, 5)
    whole = conv2d(features, pooled.weight, pooled.bias, padding=1)
    blocks = whole.unflatten(3, (3, 2)).unflatten(2, (2, 2))  # rows and columns of each 2×2 pixels
    torch.testing.assert_close(pooled(features), blocks.amax((3, 5)))
    upsampled = UpsampledConv2d(3, 5)
    twice = features.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(upsampled(features), conv2d(twice, upsampled.weight, upsampled.bias, padding=1))
    connected = FullyConnected(3, 4, 6, 8)(features)
    assert connected.shape == (2, 8, 1, 1)
    clamped = ClampedAfterTraining()
    assert clamped(features).abs().max() > 1
    torch.testing.assert_close(clamped.eval()(features), features.clamp(-1, 1))


@pytest.mark.parametrize("option", AGAINST)
def test_a_network_against_one_recommendation_learns_with_every_weight(option: str) -> None:
    network = dataclasses.replace(DCGAN(5, 8), **{option: AGAINST[option]})  # type: ignore[arg-type]
    assert thesis().with_settings([f"network.{option}={AGAINST[option]}".lower()]).network != thesis().network
    torch.manual_seed(0)
    generator, discriminator = network.generator(SHAPE, 2), network.discriminator(SHAPE, 2)
    labels = torch.eye(2)[[0, 1, 1, 0]]
    images = generator(torch.randn(4, 5), labels)
    assert images.shape == (4, 3, 16, 24)
    discriminator(images, labels).square().sum().backward()
    for parameter in [*generator.parameters(), *discriminator.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.any()


def test_each_option_changes_what_it_names() -> None:
    thesis, pooled = DCGAN(5, 8), DCGAN(5, 8, pooling=True)
    generator, discriminator = kinds(thesis, "generator"), kinds(thesis, "discriminator")
    assert kinds(pooled, "generator") == generator
    windows = [(layer.kernel, layer.outputs) for layer in players(pooled, SHAPE)["discriminator"] if layer.kernel]
    assert windows == [((3, 3), (8, 8, 12)), ((3, 3), (16, 4, 6)), ((4, 6), (1,))]
    upsampled = kinds(DCGAN(5, 8, upsampling=True), "generator")
    assert upsampled == [{"ConvTranspose2d": "Conv2d"}.get(name, name) for name in generator]
    unnormalised = DCGAN(5, 8, generator_norm="none")
    assert kinds(unnormalised, "generator") == [name for name in generator if name != "BatchNorm2d"]
    assert kinds(unnormalised, "discriminator") == discriminator
    connected = DCGAN(5, 8, hidden_units=7)
    assert kinds(connected, "generator") == ["Linear", "ReLU", *generator]
    assert kinds(connected, "discriminator") == [*discriminator[:-1], "Linear", "LeakyReLU", discriminator[-1]]
    leaky = kinds(DCGAN(5, 8, generator_activation="leaky-relu"), "generator")
    assert leaky == [{"ReLU": "LeakyReLU"}.get(name, name) for name in generator]
    rectified = kinds(DCGAN(5, 8, discriminator_activation="relu"), "discriminator")
    assert rectified == [{"LeakyReLU": "ReLU"}.get(name, name) for name in discriminator]
    assert kinds(DCGAN(5, 8, generator_output="linear"), "generator")[-1] == "ClampedAfterTraining"


def test_the_other_law_of_first_weights_is_pytorchs() -> None:
    torch.manual_seed(0)
    network = DCGAN(100, 16, initial_weights="uniform")
    generator, discriminator = network.generator(Shape(32, 32, 3)), network.discriminator(Shape(32, 32, 3))
    weights = [parameter for parameter in [*generator.parameters(), *discriminator.parameters()] if parameter.dim() > 1]
    assert len(weights) == 8
    for weight in weights:
        bound = weight[0].numel() ** -0.5
        assert 0.98 * bound < weight.abs().max() <= bound
    scales = [layer.weight for layer in generator.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert all((scale == 1).all() for scale in scales)


def test_by_the_law_of_he_features_keep_their_size_without_normalisation() -> None:
    """By N(0, 0.02²) a picture is nearly lost on its way to the logit."""
    images, sizes = 2 * torch.rand(8, 3, 64, 64) - 1, {}
    for law in ("same", "he"):
        network = DCGAN(5, 16, stem=8, stem_layers=2, discriminator_norm="none", discriminator_weights=law)
        torch.manual_seed(0)
        generator, discriminator = network.generator(Shape(64, 64, 3)), network.discriminator(Shape(64, 64, 3))
        last = discriminator.layers.body(discriminator.layers.entrance(images), None)
        sizes[law] = (last.square().mean() / images.square().mean()).sqrt().item()
        weights = [layer.weight for layer in generator.modules() if isinstance(layer, nn.ConvTranspose2d)]
        assert all(weight.std().item() == pytest.approx(0.02, rel=0.1) for weight in weights)  # the generator's stay
    assert sizes["same"] < 0.001
    assert 0.5 < sizes["he"] < 2


@pytest.mark.parametrize(
    "options",
    [{"tied_discriminator": True, "pooling": True}, {"tied_kernels": True, "upsampling": True},
     {"self_modulation": True, "generator_norm": "none"}, {"hidden_units": -1},
     {"stem": 4, "upsampling": True, "smooth": True}, {"smooth": True}],
)  # fmt: skip
def test_options_that_contradict_one_another_are_refused(options: dict[str, bool]) -> None:
    with pytest.raises(RecipeError, match=next(reversed(options))):
        DCGAN(**options)  # type: ignore[arg-type]


def test_a_grown_network_keeps_its_options() -> None:
    network = DCGAN(5, 8, pooling=True, upsampling=True, grown=1)
    images = network.generator(SHAPE)(torch.randn(2, 5))
    assert images.shape == (2, 3, 16, 24)
    assert network.discriminator(SHAPE)(images).shape == (2,)
