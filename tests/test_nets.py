"""The networks: sizes, shapes, how they begin."""

import copy
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from lienzo.errors import RecipeError
from lienzo.networks.configurations import DCGAN, NETS, grown
from lienzo.networks.modulation import Noise
from lienzo.networks.shape import Shape
from lienzo.networks.statistics import batches
from lienzo.recipe.catalogue import find, thesis
from lienzo.training.averaging import Average


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_networks_of_the_thesis_have_as_many_parameters_as_in_the_thesis() -> None:
    network = thesis().network
    assert parameters(network.generator(Shape(64, 64, 3))) == 3_576_704
    assert parameters(network.discriminator(Shape(64, 64, 3))) == 2_765_568


@pytest.mark.parametrize(("deviation", "classes"), [(False, 0), (True, 0), (True, 2)])
def test_batches_that_are_seen_in_one_pass_are_normalised_each_by_itself(deviation: bool, classes: int) -> None:
    torch.manual_seed(0)
    apart = DCGAN(10, 8, minibatch_deviation=deviation).discriminator(Shape(16, 16, 3), classes)
    together = copy.deepcopy(apart)
    real, fake = torch.randn(8, 3, 16, 16), 0.3 * torch.randn(8, 3, 16, 16)
    labels = [torch.eye(2).repeat(4, 1)] if classes else []
    logits = torch.cat([apart(real, *labels), apart(fake, *labels)])
    with batches(2), ThreadPoolExecutor(1) as elsewhere:
        torch.testing.assert_close(together(torch.cat([real, fake]), *(y.repeat(2, 1) for y in labels)), logits)
        other = elsewhere.submit(copy.deepcopy(apart), real, *labels)
        torch.testing.assert_close(other.result(), logits[:8])  # another thread was not asked to
    for (name, one), other in zip(apart.named_buffers(), together.buffers(), strict=True):
        torch.testing.assert_close(one, other, msg=name)
    assert not torch.allclose(together(torch.cat([real, fake]), *(y.repeat(2, 1) for y in labels)), logits, atol=1e-3)


def test_the_networks_of_the_thesis_begin_as_in_the_thesis() -> None:
    torch.manual_seed(0)
    network, shape = thesis().network, Shape(64, 64, 3)
    kernels, scales, shifts = [], [], []
    for module in (network.generator(shape), network.discriminator(shape)):
        normalised = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
        assert all((layer.eps, layer.momentum) == (1e-5, 0.1) for layer in normalised)
        scales += [layer.weight.detach() for layer in normalised]
        shifts += [layer.bias.detach() for layer in normalised]
        kernels += [parameter.detach() for parameter in module.parameters() if parameter.dim() > 1]
        assert parameters(module) == sum(p.numel() for p in kernels[-5:]) + 2 * sum(len(p.weight) for p in normalised)
    assert (len(kernels), len(scales)) == (10, 4 + 3)
    assert not any(shift.any() for shift in shifts)
    for values, mean in [*((kernel, 0.0) for kernel in kernels), *((scale, 1.0) for scale in scales)]:
        count = values.numel()
        assert abs(values.mean().item() - mean) < 5 * 0.02 / count**0.5  # five standard deviations
        assert values.std().item() == pytest.approx(0.02, rel=5 / (2 * count) ** 0.5)


SHAPES = [(side, side, 3) for side in (16, 24, 32, 48, 64, 96, 128, 256)]
SHAPES += [(96, 64, 3), (64, 160, 3), (32, 32, 1), (32, 32, 4)]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("size", SHAPES, ids=str)
def test_every_network_takes_every_shape(name: str, size: tuple[int, int, int]) -> None:
    height, width, channels = size
    network = NETS[name](width=4, latents=5)  # type: ignore[call-arg]
    assert network.latents == 5
    torch.manual_seed(0)
    images = network.generator(Shape(*size)).eval()(torch.randn(2, 5))
    assert images.shape == (2, channels, height, width)
    assert images.abs().max() <= 1
    logits = network.discriminator(Shape(*size))(images)
    assert logits.shape == (2,)


@pytest.mark.parametrize("name", NETS)
def test_every_network_learns_with_every_weight(name: str) -> None:
    network = NETS[name](width=4)  # type: ignore[call-arg]
    generator, discriminator = network.generator(Shape(32, 32, 3)), network.discriminator(Shape(32, 32, 3))
    discriminator(generator(torch.randn(4, network.latents))).square().sum().backward()
    for parameter in [*generator.parameters(), *discriminator.parameters()]:
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


@pytest.mark.parametrize("name", NETS)
def test_a_networks_beginning_follows_from_the_seed(name: str) -> None:
    network = NETS[name](width=4)  # type: ignore[call-arg]
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        states.append([*network.generator(Shape(16, 16, 3)).parameters()])
    assert all(torch.equal(a, b) for a, b in zip(states[0], states[1], strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(states[0], states[2], strict=True))


@pytest.mark.parametrize("size", [(64, 64, 3), (24, 16, 1)], ids=str)
def test_a_stem_is_one_more_layer_at_the_pictures_own_size(size: tuple[int, int, int]) -> None:
    height, width, channels = size
    plain, stemmed = DCGAN(5, 8), DCGAN(5, 8, stem=6)
    seen: list[torch.Size] = []
    discriminator = stemmed.discriminator(Shape(*size))
    for layer in discriminator.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _layer, _inputs, features: seen.append(features.shape[1:]))
    images = stemmed.generator(Shape(*size))(torch.randn(2, 5))
    assert images.shape == (2, channels, height, width)
    assert discriminator(images).shape == (2,)
    assert seen[:2] == [(6, height, width), (8, height // 2, width // 2)]
    wider = 8 * 6 * 16 - 8 * channels * 16  # the layer of stride 2 has the stem beside it, not the picture
    norms = {"generator": 2 * 6, "discriminator": 2 * 8}  # of the generator's new layer; of the one behind the stem
    biases = {"generator": channels, "discriminator": 6}
    for player in ("generator", "discriminator"):
        before, after = (parameters(getattr(network, player)(Shape(*size))) for network in (plain, stemmed))
        assert after - before == wider + 6 * channels * 9 + norms[player] + biases[player]


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_a_stem_may_have_several_layers(norm: Literal["batch", "none"]) -> None:
    shape, one, three = Shape(16, 24, 3), DCGAN(5, 8, norm, stem=6), DCGAN(5, 8, norm, stem=6, stem_layers=3)
    seen: list[torch.Size] = []
    discriminator = three.discriminator(shape)
    for layer in discriminator.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _layer, _inputs, features: seen.append(features.shape[1:]))
    images = three.generator(shape)(torch.randn(2, 5))
    assert images.shape == (2, 3, 16, 24)
    assert discriminator(images).shape == (2,)
    assert seen[:4] == [(6, 16, 24)] * 3 + [(8, 8, 12)]
    added = {"generator": 6 + 6, "discriminator": 6 + 6 if norm == "batch" else 6}  # scale and shift, or a bias
    for player, more in added.items():
        before, after = (parameters(getattr(network, player)(shape)) for network in (one, three))
        assert after - before == 2 * (6 * 6 * 9 + more)
    larger = grown(three).generator(Shape(32, 48, 3)).state_dict()
    assert three.generator(shape).state_dict().keys() < larger.keys()


def test_noise_begins_at_nothing_and_is_a_function_of_latents() -> None:
    shape, network = Shape(16, 24, 3), DCGAN(5, 8, self_modulation=True, stem=6, noise=True)
    torch.manual_seed(0)
    generator, z = network.generator(shape).eval(), torch.randn(4, 5)
    noises = [layer for layer in generator.modules() if isinstance(layer, Noise)]
    assert [tuple(noise.pattern.shape) for noise in noises] == [(5, 8 * 12), (5, 16 * 24)]  # none at the smallest size
    plain = dataclasses.replace(network, noise=False).generator(shape).eval()
    plain.load_state_dict(generator.state_dict(), strict=False)
    with torch.no_grad():
        assert torch.equal(generator(z), plain(z))
        for noise in noises:
            noise.strength.fill_(0.5)
        assert not torch.equal(generator(z), plain(z))
        assert torch.equal(generator(z), generator(z))
    larger = grown(network).generator(Shape(32, 48, 3)).state_dict()
    assert larger["growth.0.1.noise.pattern"].shape == (5, 32 * 48)
    assert generator.state_dict().keys() < larger.keys()
    with pytest.raises(RecipeError, match=r"network\.noise .* set network\.self_modulation=true too"):
        DCGAN(noise=True)
    wavelets = DCGAN(5, 8, self_modulation=True, noise=True, wavelet_levels=1)
    with pytest.raises(
        RecipeError, match=r"for pictures of 16×16×3 no such layer is left before the last: set network\.stem"
    ):
        wavelets.generator(Shape(16, 16, 3))


def test_noise_is_white_and_scaled_by_each_channel() -> None:
    torch.manual_seed(0)
    noise = Noise(3, 100, 16, 16)
    noise.strength.data = torch.tensor([0.0, 1.0, -2.0])
    z = torch.randn(500, 100, requires_grad=True)
    added = noise.added(torch.zeros(500, 3, 16, 16), z)
    assert torch.equal(added[:, 2], -2 * added[:, 1])
    assert torch.equal(added[:, 0], torch.zeros_like(added[:, 0]))
    pixels = added[:, 1].detach().flatten(1)
    assert pixels.std().item() == pytest.approx(1, abs=0.05)
    neighbours = torch.corrcoef(pixels.T) - torch.eye(256)
    assert neighbours.square().mean().sqrt().item() == pytest.approx((1 / 100 + 1 / 500) ** 0.5, rel=0.1)
    power = torch.fft.fft2(added[:, 1].detach()).abs().square().mean(0)
    assert power.flatten()[1:].std() < 0.25 * power.mean()  # as much at every frequency
    added.square().sum().backward()
    assert z.grad is not None
    assert bool(z.grad.any())


def test_layers_of_no_stem_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"network\.stem_layers is 2, but layers of 0 channels are none"):
        DCGAN(stem_layers=2)
    with pytest.raises(RecipeError, match=r"network\.stem_layers is 0"):
        DCGAN(stem=4, stem_layers=0)


@pytest.mark.parametrize(
    ("network", "checkerboard"),
    [
        pytest.param(DCGAN(20, 8, self_modulation=True, stem=8), True, id="4×4"),
        pytest.param(DCGAN(20, 8, self_modulation=True, stem=8, tied_kernels=True), False, id="tied"),
        *(
            pytest.param(find(name).network, False, id=name)
            for name in ("fast", "few", "modern-plain", "modern-plain-128")
        ),
    ],
)
def test_untrained_generators_with_tied_kernels_paint_no_checkerboard(network: DCGAN, checkerboard: bool) -> None:
    torch.manual_seed(0)
    images = network.generator(Shape(64, 64, 3))(torch.randn(32, network.latents)).detach()
    power = torch.fft.fft2(images).abs().square().mean((0, 1))
    corner, around = power[32, 32], power[24:41, 24:41].median()
    assert bool(corner > 10 * around) is checkerboard


def test_both_players_with_tied_kernels_have_fewer_parameters_and_grow() -> None:
    plain, tied = DCGAN(5, 8, stem=4), DCGAN(5, 8, "spectral", stem=4, tied_kernels=True, tied_discriminator=True)
    for player in ("generator", "discriminator"):
        module = getattr(tied, player)(Shape(32, 32, 3))
        assert parameters(module) < parameters(getattr(plain, player)(Shape(32, 32, 3)))
    larger = grown(tied).generator(Shape(64, 64, 3)).state_dict()
    smaller = tied.generator(Shape(32, 32, 3)).state_dict()
    assert smaller.keys() < larger.keys()
    assert all(larger[name].shape == tensor.shape for name, tensor in smaller.items())


def test_a_discriminator_may_be_narrower_than_the_generator() -> None:
    shape, wide, narrow = Shape(64, 64, 3), DCGAN(5, 16, stem=8), DCGAN(5, 8, stem=4)
    mixed = DCGAN(5, 16, stem=8, discriminator_width=8)
    assert parameters(mixed.generator(shape)) == parameters(wide.generator(shape))
    for build in (lambda network: network.discriminator(shape), lambda network: network.encoder(shape)):
        assert parameters(build(mixed)) == parameters(build(narrow)) < parameters(build(wide))
    with pytest.raises(RecipeError, match="no whole number"):
        DCGAN(5, 16, stem=8, discriminator_width=7)
    with pytest.raises(RecipeError, match=r"the discriminator's stem is 1, which cannot be halved 1 time"):
        DCGAN(5, 16, stem=2, discriminator_width=8, grown=1)


def test_batch_normalisation_hides_contrast_from_a_discriminator_without_a_stem() -> None:
    torch.manual_seed(0)
    images = torch.randn(8, 3, 32, 32)
    for stem in (0, 8):
        discriminator = DCGAN(5, 8, minibatch_deviation=True, stem=stem).discriminator(Shape(32, 32, 3))
        if stem:  # what it learns soon
            discriminator.layers[0].bias.data.normal_(0, 0.1)
        difference = (discriminator(images) - discriminator(0.5 * images)).abs().max()
        assert difference > 0.05 if stem else difference < 0.005


@pytest.mark.parametrize("size", [(17, 17), (20, 18), (64, 66), (6, 64), (100, 64), (7, 7)])
def test_shapes_that_cannot_be_doubled_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(RecipeError, match=f"{size[0]}×{size[1]}.*prepare them with sides that are 4 to 7 times"):
        DCGAN().generator(Shape(*size, 3))


def test_spectral_normalisation_keeps_every_layer_at_norm_one() -> None:
    torch.manual_seed(0)
    discriminator = DCGAN(width=8, discriminator_norm="spectral").discriminator(Shape(32, 32, 3))
    for _ in range(50):  # the power iteration goes one step further in every forward pass
        discriminator(torch.randn(4, 3, 32, 32))
    weights = [layer.weight for layer in discriminator.modules() if is_parametrized(layer, "weight")]
    assert len(weights) == 4
    for weight in weights:
        assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in discriminator.modules())


def test_without_normalisation_pictures_of_a_batch_do_not_see_one_another() -> None:
    discriminator = DCGAN(width=8, discriminator_norm="none").discriminator(Shape(16, 16, 3))
    images = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))


@pytest.mark.parametrize("cls", NETS.values())
def test_configurations_are_frozen(cls: type) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        cls().width = 3


def test_the_average_of_a_generator_is_exponential() -> None:
    torch.manual_seed(0)
    module = nn.BatchNorm2d(3)
    average = Average(module)
    begun = {name: value.clone() for name, value in module.state_dict().items()}
    nn.init.normal_(module.weight)
    module(torch.randn(8, 3, 4, 4))
    average.update(0.25)
    for name, value in average.module.state_dict().items():
        new = module.state_dict()[name]
        torch.testing.assert_close(value, new if name == "num_batches_tracked" else 0.75 * begun[name] + 0.25 * new)
