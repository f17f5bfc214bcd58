"""The convolutions beside the picture, on blocks of 2×2 pixels, as tensor cores like them.

A convolution 4×4 with stride 2 and padding 1 of C channels is one of 2×2 with stride 1 of the 4C channels of such
blocks, of the same numbers in the same products. Three channels fill a tensor core badly, and cuDNN pads and transposes
them in every call. With a fourth of zeros, blocks have sixteen, which it takes as they are.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

MULTIPLE = 4
"""Of a pixel's channels, so that tensor cores take those of a block without padding."""


class Entrance(nn.Conv2d):
    """The convolution 4×4 with stride 2 and padding 1 of a picture, from (N, C, H, W) to (N, O, H/2, W/2), no bias."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__(channels, outputs, 4, stride=2, padding=1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, O, H/2, W/2)."""
        return halve(images, self.weight) if _pays(images) else super().forward(images)


class Exit(nn.ConvTranspose2d):
    """The transposed one, that makes a picture: from (N, O, H/2, W/2) to (N, C, H, W), no bias."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__(inputs, channels, 4, stride=2, padding=1, bias=False)

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return (N, C, H, W)."""
        if output_size is None and _pays(features):
            return double(features, self.weight)
        return super().forward(features, output_size)


def halve(images: Tensor, weight: Tensor) -> Tensor:
    """Return ``conv2d(images, weight, stride=2, padding=1)``: (N, C, H, W) and (O, C, 4, 4) to (N, O, H/2, W/2)."""
    return conv2d(_blocks(images, 1), _blocks(weight))


def double(features: Tensor, weight: Tensor) -> Tensor:
    """Return ``conv_transpose2d(features, weight, stride=2, padding=1)``: to (N, C, H, W), weights (O, C, 4, 4)."""
    blocks = conv_transpose2d(features, _blocks(weight)).permute(0, 2, 3, 1)
    number, height, width, channels = blocks.shape
    rows = blocks.reshape(number, height, width, 2, channels // 2).transpose(2, 3)
    pixels = rows.reshape(number, 2 * height, 2 * width, channels // 4)
    return pixels[:, 1:-1, 1:-1, : weight.shape[1]].permute(0, 3, 1, 2)


def _blocks(images: Tensor, border: int = 0) -> Tensor:
    """Return pictures (N, C, H, W) as blocks (N, 4 · (C and zeros), H/2, W/2), with a border of zeros around them.

    The four pixels of a block stand one behind the other, each with all of its channels, which stand last in memory.
    """
    pixels = pad(images.permute(0, 2, 3, 1), (0, -images.shape[1] % MULTIPLE, *[border] * 4))
    number, height, width, channels = pixels.shape
    rows = pixels.reshape(number, height // 2, 2, width // 2, 2 * channels).transpose(2, 3)
    return rows.reshape(number, height // 2, width // 2, 4 * channels).permute(0, 3, 1, 2)


def _pays(tensor: Tensor) -> bool:
    """Return whether blocks are faster here: in half precision on a GPU."""
    return tensor.is_cuda and torch.is_autocast_enabled("cuda")
