"""Winograd's algorithm and im2col compute the plain convolution."""

from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate, pad, relu
from torch.nn.utils.parametrizations import spectral_norm

from lienzo.networks.kernels import im2col, strided, winograd
from lienzo.networks.kernels.strided import (
    StridedConv2d,
    StridedConvTranspose2d,
    convolve,
    convolve_transposed,
    smoothed,
)
from lienzo.networks.kernels.tied import SCALE, TiedKernel, tie

ALGORITHMS = [im2col, winograd]


def draw(*size: int) -> Tensor:
    return torch.randn(size, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda module: module.__name__.rpartition(".")[2])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(4, 4), (8, 12), (16, 20)], ids=str)
def test_values_and_derivatives_of_both_orders_are_those_of_the_plain_convolution(
    algorithm: ModuleType, channels: int, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    height, width = size
    images, features = draw(2, channels, height, width), draw(2, 5, height // 2, width // 2)
    weight = draw(5, channels, 4, 4)
    torch.testing.assert_close(convolve(images, weight, algorithm), conv2d(images, weight, stride=2, padding=1))
    torch.testing.assert_close(
        convolve_transposed(features, weight, algorithm), conv_transpose2d(features, weight, stride=2, padding=1)
    )
    for function, inputs in ((convolve, images), (convolve_transposed, features)):
        assert torch.autograd.gradcheck(function, (inputs, weight, algorithm), fast_mode=True)
        assert torch.autograd.gradgradcheck(function, (inputs, weight, algorithm), fast_mode=True)


def test_pictures_on_both_sides_of_both_limits_were_looked_at() -> None:
    assert 8 * 12 > im2col.LARGEST >= 4 * 4
    assert 16 * 20 > im2col.LARGEST_FOR_WEIGHTS >= 8 * 12


def test_the_layers_agree_with_the_plain_ones_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    for layer, inputs in (
        (StridedConv2d(4, 512, bias=True), torch.randn(32, 4, 16, 16)),
        (spectral_norm(StridedConv2d(4, 512, bias=True).eval()), torch.randn(32, 4, 16, 16)),
        (StridedConvTranspose2d(512, 4), torch.randn(32, 512, 8, 8)),
    ):
        layer.eval()  # the power iteration stands still
        fast = layer(inputs)
        assert "_Convolution" in str(graph(fast)) or "_TransposedConvolution" in str(graph(fast))
        with monkeypatch.context() as patch:
            patch.setattr(strided, "_algorithm", lambda *_: None)
            plain = layer(inputs)
        torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-4)
        assert not torch.equal(fast, plain)


@pytest.mark.parametrize("side", [8, 16])
@pytest.mark.parametrize("kind", ["strided", "transposed"])
def test_the_layers_agree_with_the_plain_ones_in_bfloat16(
    kind: str, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer, inputs = {
        "strided": (StridedConv2d(8, 32, bias=True), torch.randn(4, 8, side, side, requires_grad=True)),
        "transposed": (StridedConvTranspose2d(32, 8), torch.randn(4, 32, side // 2, side // 2, requires_grad=True)),
    }[kind]
    results = []
    for tiles in (True, False):
        monkeypatch.setattr(strided, "has_tiles", lambda tiles=tiles: tiles)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = layer(inputs)
        assert output.dtype == torch.bfloat16
        assert ("_Convolution" in str(graph(output)) or "_TransposedConvolution" in str(graph(output))) == tiles
        gradients = torch.autograd.grad(output.float().square().sum(), [inputs, *layer.parameters()])
        assert all(gradient.dtype == torch.float32 for gradient in gradients)
        results.append([output.float(), *gradients])
    for fast, plain in zip(*results, strict=True):
        assert (fast - plain).abs().max() < 0.02 * plain.abs().max()


def graph(output: Tensor) -> list[str]:
    """Return the names of the functions that made ``output``, two steps back."""
    node = output.grad_fn
    assert node is not None
    return [node.name(), *(parent.name() for parent, _ in node.next_functions if parent is not None)]


@pytest.mark.parametrize("size", [(10, 16), (16, 14)], ids=str)
def test_sides_that_are_no_multiple_of_four_take_the_plain_convolution(size: tuple[int, int]) -> None:
    layer, images = StridedConv2d(4, 512, bias=False), torch.randn(64, 4, *size)
    torch.testing.assert_close(layer(images), conv2d(images, layer.weight, stride=2, padding=1), rtol=0, atol=0)


def test_large_pictures_take_the_plain_convolution_in_lower_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strided, "has_tiles", lambda: True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert graph(StridedConv2d(4, 512, bias=False)(torch.randn(32, 4, 32, 32)))[0] == "ConvolutionBackward0"


def test_tied_kernels_are_a_plain_convolution_of_repeated_pixels_and_the_mean_of_one() -> None:
    weight, features = draw(5, 3, 3, 3), draw(2, 5, 6, 8)
    repeated = features.repeat_interleave(2, 2).repeat_interleave(2, 3)
    expected = conv2d(repeated, weight.transpose(0, 1).flip(2, 3), padding=1)
    kernel = TiedKernel()(weight) / SCALE
    torch.testing.assert_close(conv_transpose2d(features, kernel, stride=2, padding=1), expected)
    images = draw(2, 3, 8, 12)
    expected = avg_pool2d(conv2d(images, weight, padding=1), 2)
    torch.testing.assert_close(conv2d(images, kernel, stride=2, padding=1) / 4, expected)


def test_smooth_layers_with_tied_kernels_are_a_plain_convolution_of_bilinearly_enlarged_features() -> None:
    layer, features = StridedConvTranspose2d(5, 3, bias=True, smooth=True).double(), draw(2, 5, 6, 8)
    tie(layer)
    with torch.no_grad():
        weight = layer.parametrizations.weight.original
        framed = pad(features, (1, 1, 1, 1))  # features beyond the border are 0
        enlarged = interpolate(framed, scale_factor=2, mode="bilinear", align_corners=False)
        expected = conv2d(enlarged, SCALE * weight.transpose(0, 1).flip(2, 3), layer.bias, padding=1)
        torch.testing.assert_close(layer(features), expected[..., 2:-2, 2:-2])
        kernel = smoothed(layer.weight)
        torch.testing.assert_close(layer(features), conv_transpose2d(features, kernel, layer.bias, stride=2, padding=2))


def test_smooth_layers_make_no_checkerboard_of_texture() -> None:
    """Where features vary, ReLU has another mean at even pixels than at odd ones, though the kernels are tied."""
    torch.manual_seed(0)
    features, found = torch.randn(16, 8, 32, 32), {}
    for smooth in (False, True):
        layer = StridedConvTranspose2d(8, 64, smooth=smooth)
        tie(layer)
        with torch.no_grad():
            power = torch.fft.fft2(relu(layer(features))).abs().square().mean((0, 1))
        found[smooth] = (power[32, 32] / power[28:37, 28:37].median()).item()
    assert found[False] > 10
    assert found[True] < 3


def test_tied_kernels_have_the_mean_square_of_independent_ones() -> None:
    torch.manual_seed(0)
    kernel = TiedKernel()(torch.randn(200, 200, 3, 3))
    assert kernel.square().mean().item() == pytest.approx(1, abs=0.01)
