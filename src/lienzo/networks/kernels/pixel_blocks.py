"""The convolutions from and to the picture, on blocks of 2×2 pixels, for tensor cores.

A 4×4 convolution with stride 2 and padding 1 of C channels is the same as a 2×2 convolution with stride 1 of the 4C
channels of 2×2 blocks of pixels. Tensor cores want channels in multiples of eight; with three, cuDNN pads and
transposes them in every call. With a fourth channel of zeros blocks have sixteen, which cuDNN takes as they are.

Pictures are (N, C, H, W), features (N, O, H/2, W/2) and weights (O, C, 4, 4).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

MULTIPLE = 4
"""A pixel's channels are padded with zeros to a multiple of this."""


class PixelBlockConv2d(nn.Conv2d):
    """The 4×4 convolution of a picture with stride 2 and padding 1, (N, C, H, W) to (N, O, H/2, W/2), without bias."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__(channels, outputs, 4, stride=2, padding=1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, O, H/2, W/2)."""
        return convolve(images, self.weight) if _is_faster(images) else super().forward(images)


class PixelBlockConvTranspose2d(nn.ConvTranspose2d):
    """The transposed convolution that makes a picture, from (N, O, H/2, W/2) to (N, C, H, W), without bias."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__(inputs, channels, 4, stride=2, padding=1, bias=False)

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return (N, C, H, W)."""
        if output_size is None and _is_faster(features):
            return convolve_transposed(features, self.weight)
        return super().forward(features, output_size)


def convolve(images: Tensor, weight: Tensor) -> Tensor:
    """Return ``conv2d(images, weight, stride=2, padding=1)``, (N, O, H/2, W/2)."""
    return conv2d(_blocks(images, 1), _blocks(weight))


def convolve_transposed(features: Tensor, weight: Tensor) -> Tensor:
    """Return ``conv_transpose2d(features, weight, stride=2, padding=1)``, (N, C, H, W)."""
    blocks = conv_transpose2d(features, _blocks(weight)).permute(0, 2, 3, 1)
    number, height, width, channels = blocks.shape
    rows = blocks.reshape(number, height, width, 2, channels // 2).transpose(2, 3)
    pixels = rows.reshape(number, 2 * height, 2 * width, channels // 4)
    return pixels[:, 1:-1, 1:-1, : weight.shape[1]].permute(0, 3, 1, 2)


def _blocks(images: Tensor, border: int = 0) -> Tensor:
    """Return pictures (N, C, H, W) as blocks (N, 4 · channels, H/2, W/2), channels being C padded to ``MULTIPLE``.

    The four pixels of a block follow one another, each with all its channels; the result is channels-last in memory.

    Args:
        images: (N, C, H, W).
        border: pixels of zeros added on each side, which H and W then include.
    """
    pixels = pad(images.permute(0, 2, 3, 1), (0, -images.shape[1] % MULTIPLE, *[border] * 4))
    number, height, width, channels = pixels.shape
    rows = pixels.reshape(number, height // 2, 2, width // 2, 2 * channels).transpose(2, 3)
    return rows.reshape(number, height // 2, width // 2, 4 * channels).permute(0, 3, 1, 2)


def _is_faster(tensor: Tensor) -> bool:
    """Say whether blocks are faster for this tensor: in half precision on a GPU."""
    return tensor.is_cuda and torch.is_autocast_enabled("cuda")
