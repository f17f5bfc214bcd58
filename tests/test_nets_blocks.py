"""The convolutions beside the picture: on blocks as on pixels."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d, conv_transpose2d

from lienzo.networks.kernels import pixel_blocks


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 10)])
def test_blocks_are_the_plain_convolutions(channels: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    images = torch.randn(2, channels, height, width, dtype=torch.float64)
    features = torch.randn(2, 5, height // 2, width // 2, dtype=torch.float64)
    weight = torch.randn(5, channels, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(pixel_blocks.convolve(images, weight), conv2d(images, weight, stride=2, padding=1))
    torch.testing.assert_close(
        pixel_blocks.convolve_transposed(features, weight), conv_transpose2d(features, weight, stride=2, padding=1)
    )


def test_blocks_can_be_differentiated_twice() -> None:
    torch.manual_seed(0)
    images = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    features = torch.randn(1, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    for function, inputs in ((pixel_blocks.convolve, images), (pixel_blocks.convolve_transposed, features)):
        assert gradcheck(function, (inputs, weight))
        assert gradgradcheck(function, (inputs, weight))


def test_the_layers_are_those_of_pytorch() -> None:
    assert pixel_blocks.PixelBlockConv2d(3, 5).state_dict()["weight"].shape == (5, 3, 4, 4)
    assert pixel_blocks.PixelBlockConvTranspose2d(5, 3).state_dict()["weight"].shape == (5, 3, 4, 4)
