"""The residual networks: the paper's sizes, how they begin, and their two operations."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d, interpolate, pad

from lienzo.errors import RecipeError
from lienzo.networks.configurations import SIZES, Residual
from lienzo.networks.kernels import grouped, resampling
from lienzo.networks.kernels.grouped import GroupedConv2d, convolve
from lienzo.networks.kernels.resampling import downsample, upsample
from lienzo.networks.residual import Block, Modulated, Pooled
from lienzo.networks.shape import Shape

M = Residual(size="M")
IMAGENET = Residual(size="M", width=1536, wide_to=64, group_width=32)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# Sizes


@pytest.mark.parametrize(
    ("network", "side", "classes", "generator", "discriminator"),
    [
        (M, 32, 0, 20.73, 20.68),  # Stacked MNIST
        (M, 32, 10, 20.78, 21.28),  # CIFAR-10
        (M, 256, 0, 23.06, 23.01),  # FFHQ
        (M, 64, 0, 22.43, 22.38),
        (IMAGENET, 32, 1000, 82.91, 86.55),
        (IMAGENET, 64, 1000, 103.57, 107.21),
    ],
)
def test_the_networks_have_as_many_parameters_as_in_the_paper(
    network: Residual, side: int, classes: int, generator: float, discriminator: float
) -> None:
    """Millions in table 9. What its conditional networks have beside ours stands in its section "Class conditioning".

    There the embedding of the label is appended to z, so that twice as many numbers modulate the smallest features; the
    discriminator's last layer has as many outputs as inputs, to be multiplied with an embedding of that length.
    """
    shape = Shape(side, side, 3)
    with torch.device("meta"):
        ours = parameters(network.generator(shape)), parameters(network.discriminator(shape))
    width = network.width or SIZES["M"].width
    appended = network.latents * (width + classes) if classes else 0
    multiplied = (width - 1) * width + classes * width if classes else 0
    assert (ours[0] + appended) / 1e6 == pytest.approx(generator, abs=0.005)
    assert (ours[1] + multiplied) / 1e6 == pytest.approx(discriminator, abs=0.005)


def test_the_networks_of_the_roadmap_have_as_many_parameters_as_in_the_paper() -> None:
    """Config E in table 2, to a thousand; and exactly, counted by hand from the table's channels and blocks."""
    shape = Shape(256, 256, 3)
    with torch.device("meta"):
        ours = parameters(M.generator(shape)), parameters(M.discriminator(shape))
    assert [round(number / 1e3) for number in ours] == [23_058, 23_010]
    widths = [768, 768, 768, 768, 384, 192, 96]
    inner = sum(2 * (2 * w * 2 * w + 9 * 16 * 2 * w + 2 * 2 * w) for w in widths)  # two blocks: 1×1 twice, 3×3, biases
    between = 768 * 384 + 384 * 192 + 192 * 96
    assert ours == (inner + between + 16 * 768 + 64 * 768 + 96 * 3, inner + between + 16 * 768 + 768 + 96 * 3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [Shape(64, 64, 3), Shape(96, 64, 1)], ids=str)
def test_multiply_adds_follow_from_the_channels_at_each_side(size: str, shape: Shape) -> None:
    """As hooks count them: outputs times weights of each, in linear layers, convolutions and the two bases."""
    network = Residual(size=size)  # type: ignore[arg-type]
    counted = [0]

    def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            counted[0] += output.numel() * layer.weight[0].numel()
        elif isinstance(layer, Modulated | Pooled):
            counted[0] += layer.basis.numel()

    width, wide_to, blocks, group_width = SIZES[size]
    widths = [min(width, width * wide_to // side) for side in (4, 8, 16, 32, 64)]
    expected = shape.channels * widths[-1] * shape.height * shape.width
    for i, w in enumerate(widths):
        pixels = shape.height * shape.width // 4 ** (4 - i)
        expected += blocks * pixels * (2 * w * 2 * w + 2 * w * 9 * min(group_width, 2 * w))
        if i and w != widths[i - 1]:
            expected += pixels // 4 * widths[i - 1] * w  # on the smaller features, in both players
    expected += shape.height * shape.width // 4**4 * width
    z = torch.empty(1, 64, device="meta")
    images = torch.empty(1, shape.channels, shape.height, shape.width, device="meta")
    with torch.device("meta"):
        players = [(network.generator(shape), z, 64 * width), (network.discriminator(shape), images, width)]
    for player, inputs, ends in players:
        counted[0] = 0
        for layer in player.modules():
            layer.register_forward_hook(count)
        player(inputs)
        assert counted[0] == expected + ends


def test_a_number_that_is_given_takes_the_place_of_the_sizes_own() -> None:
    with torch.device("meta"):
        given = Residual(size="XS", **SIZES["S"]._asdict()).generator(Shape(64, 64, 3))
        named = Residual(size="S").generator(Shape(64, 64, 3))
    assert [p.shape for p in given.parameters()] == [p.shape for p in named.parameters()]


@pytest.mark.parametrize("numbers", [{"latents": 0}, {"width": 0}, {"wide_to": 0}, {"blocks": 0}, {"group_width": -1}])
def test_numbers_out_of_range_are_refused(numbers: dict[str, int]) -> None:
    ((name, number),) = numbers.items()
    with pytest.raises(RecipeError, match=rf"network\.{name} is {number}, but has to be at least {number + 1}\."):
        Residual(**numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(("channels", "group_width", "groups"), [(32, 16, 4), (24, 16, 3), (4, 16, 1), (32, 0, 1)])
def test_groups_are_as_wide_as_the_channels_allow(channels: int, group_width: int, groups: int) -> None:
    mix = Block(channels, group_width, depth=1).mix
    assert mix.weight.shape == (2 * channels, 2 * channels // groups, 3, 3)


# The beginning


def test_blocks_begin_as_the_identity() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 8, 8, 32, requires_grad=True)
    block = Block(32, 16, depth=10)
    assert torch.equal(block(features), features)
    block(features).sum().backward()
    assert torch.equal(features.grad, torch.ones_like(features))
    assert block.narrow.weight.grad is not None
    assert block.narrow.weight.grad.any()  # what leads away from there


@pytest.mark.parametrize("size", ["XS", pytest.param("S", marks=pytest.mark.slow)])
def test_pictures_and_logits_begin_with_a_variance_of_the_order_of_one(size: str) -> None:
    torch.manual_seed(0)
    network = Residual(size=size)  # type: ignore[arg-type]
    pictures = network.generator(Shape(32, 32, 3))(torch.randn(64, 64))
    assert 0.2 < pictures.var() < 2  # interpolated noise varies less than noise
    assert 0.02 < network.discriminator(Shape(32, 32, 3))(pictures).var() < 2


@pytest.mark.parametrize("blocks", [1, 8, 32])
def test_variance_and_gradients_neither_fade_nor_explode_with_depth(blocks: int) -> None:
    """Even where every block adds all it can: a share of 1 / depth, so that the whole grows by less than e."""
    torch.manual_seed(0)
    stack = nn.Sequential(*(Block(64, 16, depth=blocks) for _ in range(blocks)))
    for block in stack:
        assert isinstance(block, Block)
        nn.init.normal_(block.narrow.weight, 0.0, math.sqrt(1 / 128))
    features = torch.randn(4, 16, 16, 64, requires_grad=True)
    output = stack(features)
    assert 1 < output.var() < 1.3 * math.e
    torch.autograd.backward(output, torch.randn_like(output))
    assert features.grad is not None
    assert 1 < features.grad.var() < 1.3 * math.e


def test_pictures_are_cut_off_in_evaluation_mode_only() -> None:
    torch.manual_seed(0)
    generator, z = Residual(latents=5, width=16).generator(Shape(16, 16, 3)), 10 * torch.randn(8, 5)
    learning = generator(z)
    assert learning.abs().max() > 1
    torch.testing.assert_close(generator.eval()(z), learning.clamp(-1, 1), rtol=0, atol=0)


# Operations


@pytest.mark.parametrize("size", [(4, 4), (6, 10), (2, 8)], ids=str)
def test_resampling_is_a_pair_of_adjoints_that_keep_constants(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    small, large = torch.randn(2, *size, 3).double(), torch.randn(2, 2 * size[0], 2 * size[1], 3).double()
    torch.testing.assert_close((upsample(small) * large).sum(), 4 * (small * downsample(large)).sum())
    assert torch.equal(upsample(torch.ones_like(small)), torch.ones_like(large))
    assert torch.equal(downsample(torch.ones_like(large)), torch.ones_like(small))
    bilinear = interpolate(small.permute(0, 3, 1, 2), scale_factor=2, mode="bilinear").permute(0, 2, 3, 1)
    torch.testing.assert_close(upsample(small), bilinear)


@pytest.mark.parametrize("groups", [1, 3])
def test_the_grouped_convolution_is_the_plain_one(groups: int) -> None:
    torch.manual_seed(0)
    features, weight, bias = torch.randn(2, 6, 5, 7), torch.randn(6, 6 // groups, 3, 3), torch.randn(6)
    torch.testing.assert_close(
        convolve(features, weight, bias, groups), conv2d(features, weight, bias, padding=1, groups=groups)
    )


@pytest.mark.parametrize("groups", [1, 2])
def test_all_operations_can_be_differentiated_twice(groups: int) -> None:
    torch.manual_seed(0)

    def draw(*size: int) -> Tensor:
        return torch.randn(size, dtype=torch.float64, requires_grad=True)

    inputs = draw(2, 4, 4, 6), draw(4, 4 // groups, 3, 3), draw(4)
    for function, drawn in (
        (lambda *given: convolve(*given, groups), inputs),
        (upsample, (draw(2, 4, 6, 3),)),
        (downsample, (draw(2, 4, 6, 3),)),
    ):
        assert gradcheck(function, drawn, fast_mode=True)
        assert gradgradcheck(function, drawn, fast_mode=True)


def test_the_gradient_of_a_penalty_is_that_of_plain_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the whole discriminator, whose blocks are not the identity any more."""
    torch.manual_seed(0)
    discriminator = Residual(width=8).discriminator(Shape(16, 16, 3)).double()
    for parameter in discriminator.parameters():
        nn.init.normal_(parameter, 0.0, 0.3)
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64, requires_grad=True)

    def gradients() -> list[Tensor]:
        (slope,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
        found = torch.autograd.grad(slope.square().sum(), [*discriminator.parameters()], materialize_grads=True)
        assert sum(bool(gradient.any()) for gradient in found) > len(found) / 2
        return [*found]

    def plainly_halved(features: Tensor) -> Tensor:
        filled = pad(features.permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate")
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]).double() / 8
        kernel = torch.outer(row, row).expand(filled.shape[1], 1, 4, 4)
        return conv2d(filled, kernel, stride=2, groups=filled.shape[1]).permute(0, 2, 3, 1)

    ours = gradients()
    monkeypatch.setattr(grouped, "convolve", lambda x, weight, bias, n: conv2d(x, weight, bias, padding=1, groups=n))
    monkeypatch.setattr(resampling, "downsample", plainly_halved)
    torch.testing.assert_close(ours, gradients())


def test_in_bfloat16_features_stay_in_bfloat16_and_gradients_come_in_float32() -> None:
    torch.manual_seed(0)
    layer, features = GroupedConv2d(32, 2), torch.randn(2, 32, 8, 8, requires_grad=True)
    generator = Residual(width=32).generator(Shape(32, 32, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(features)
        assert generator(torch.randn(2, 64)).dtype == output.dtype == torch.bfloat16
    (slope,) = torch.autograd.grad(output.float().sum(), features, create_graph=True)
    gradients = torch.autograd.grad(slope.square().sum() + output.float().sum(), [*layer.parameters()])
    assert {slope.dtype, *(gradient.dtype for gradient in gradients)} == {torch.float32}
    exact = conv2d(features, layer.weight, layer.bias, padding=1, groups=2)
    assert (output - exact).abs().max() < 0.02 * exact.abs().max()
