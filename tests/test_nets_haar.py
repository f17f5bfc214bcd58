"""Networks in the Haar domain: the transform is what its formulas say, loses nothing, and leaves no checkerboard."""

import itertools
from typing import Literal

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from lienzo.errors import RecipeError
from lienzo.networks.configurations import DCGAN, grown
from lienzo.networks.haar import HaarTransform, InverseHaarTransform, invert, transform
from lienzo.networks.layers import players
from lienzo.networks.shape import Shape


def test_one_level_is_its_formula() -> None:
    a, b, c, d = 1.0, 2.0, 5.0, 11.0
    grey = torch.tensor([[a, b], [c, d]]).expand(1, 1, 2, 2)
    images = torch.cat([grey, 10 * grey], 1)  # two channels
    bands = [(a + b + c + d) / 2, (a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2]
    expected = torch.tensor([factor * band for band in bands for factor in (1, 10)]).view(1, 8, 1, 1)
    torch.testing.assert_close(transform(images), expected)
    torch.testing.assert_close(invert(expected), images)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_transform_is_orthonormal_and_its_inverse_exact(levels: int) -> None:
    side = 2**levels
    pixels = torch.eye(2 * side**2, dtype=torch.float64).view(-1, 2, side, side)
    matrix = HaarTransform(levels)(pixels).flatten(1)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(len(matrix), dtype=torch.float64))
    torch.testing.assert_close(matrix.abs(), torch.where(matrix == 0, 0.0, torch.full_like(matrix, 0.5**levels)))
    images = torch.randn(3, 2, 3 * side, 5 * side).contiguous(memory_format=torch.channels_last)
    bands = HaarTransform(levels)(images)
    assert bands.shape == (3, 2 * 4**levels, 3, 5)
    torch.testing.assert_close(bands[:, :2], 2**levels * torch.nn.functional.avg_pool2d(images, side))
    again = InverseHaarTransform(levels)(bands)
    torch.testing.assert_close(again, images)
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in (bands, again))


def test_bands_of_half_precision_are_summed_in_full() -> None:
    bands = torch.randn(2, 12, 4, 4).bfloat16()
    torch.testing.assert_close(invert(bands), invert(bands.float()), rtol=0, atol=0)
    assert transform(torch.randn(1, 1, 2, 2).bfloat16()).dtype == torch.float32


def test_the_transform_can_be_differentiated_twice() -> None:
    images = torch.randn(1, 2, 4, 6, dtype=torch.float64, requires_grad=True)
    for function, given in ((transform, images), (invert, transform(images).detach().requires_grad_())):
        assert gradcheck(function, given)
        assert gradgradcheck(function, given)


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("stem", [0, 8])
def test_networks_paint_and_see_the_bands_of_their_pictures(levels: int, stem: int) -> None:
    shape = Shape(32, 64, 3)
    network = DCGAN(5, 8, minibatch_deviation=True, self_modulation=True, stem=stem, wavelet_levels=levels)
    inside = DCGAN(5, 8, minibatch_deviation=True, self_modulation=True, stem=stem)
    smaller = Shape(32 >> levels, 64 >> levels, 3 * 4**levels)
    found, expected = players(network, shape, 2), players(inside, smaller, 2)
    for player, transforms in (("generator", "InverseHaarTransform"), ("discriminator", "HaarTransform")):
        layers = [layer for layer in found[player] if layer.name != transforms]
        assert len(layers) == len(found[player]) - 1
        # parameters and multiply-adds are those of networks for the bands
        assert [(layer.name, layer.parameters, layer.multiply_adds) for layer in layers] == [
            (layer.name, layer.parameters, layer.multiply_adds) for layer in expected[player]
        ]
    torch.manual_seed(0)
    images = network.generator(shape, 2)(torch.randn(3, 5), torch.eye(2)[[0, 1, 0]])
    assert images.shape == (3, 3, 32, 64)
    logits = network.discriminator(shape, 2)(images, torch.eye(2)[[0, 1, 0]])
    assert logits.shape == (3,)
    logits.sum().backward()


@pytest.mark.parametrize("weights", ["normal", "uniform"])
@pytest.mark.parametrize(("levels", "stem", "tied"), [*itertools.product((1, 2), (0, 8), (False, True))])
def test_an_untrained_generator_paints_no_details_and_so_no_checkerboard(
    levels: int, stem: int, tied: bool, weights: Literal["normal", "uniform"]
) -> None:
    torch.manual_seed(0)
    network = DCGAN(
        20, 8, self_modulation=True, stem=stem, wavelet_levels=levels, tied_kernels=tied, initial_weights=weights
    )
    images = network.generator(Shape(64, 64, 3))(torch.randn(16, 20)).detach()
    assert images.std() > 1e-4
    blocks = torch.nn.functional.avg_pool2d(images, 2**levels)
    torch.testing.assert_close(torch.nn.functional.interpolate(blocks, scale_factor=2**levels), images)
    power = torch.fft.fft2(images).abs().square().mean((0, 1))
    assert power[32, 32] <= 2 * power[24:41, 24:41].median()


def test_without_levels_the_networks_are_as_before() -> None:
    names = DCGAN(5, 8, stem=4).discriminator(Shape(16, 16, 3)).state_dict().keys()
    assert {"layers.0.weight", "layers.0.bias", "layers.2.weight"} <= names


def test_networks_in_the_haar_domain_grow() -> None:
    torch.manual_seed(0)
    small, z = DCGAN(5, 8, stem=4, wavelet_levels=1), torch.randn(4, 5)
    before, after = small.generator(Shape(16, 16, 3)).eval(), grown(small).generator(Shape(32, 32, 3)).eval()
    after.load_state_dict(before.state_dict(), strict=False)
    assert before.state_dict().keys() < after.state_dict().keys()
    assert after.fade is not None
    after.fade.alpha.fill_(0)
    torch.testing.assert_close(after(z), torch.nn.functional.interpolate(before(z), scale_factor=2))
    assert grown(small).discriminator(Shape(32, 32, 3))(after(z)).shape == (4,)


def test_levels_beyond_the_smallest_features_are_refused() -> None:
    with pytest.raises(RecipeError, match="16×16×3 are too small for 2 levels of the Haar transform: set"):
        DCGAN(5, 8, wavelet_levels=2).generator(Shape(16, 16, 3))
    with pytest.raises(RecipeError, match="too small for 1 levels of the Haar transform in a network that has grown 2"):
        DCGAN(5, 8, wavelet_levels=1, grown=2).discriminator(Shape(32, 32, 3))
    with pytest.raises(RecipeError, match=r"network\.wavelet_levels is -1"):
        DCGAN(wavelet_levels=-1)
