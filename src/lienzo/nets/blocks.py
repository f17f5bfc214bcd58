"""The convolutions beside the picture, on blocks of 2×2 pixels, as tensor cores like them.

A convolution 4×4 with stride 2 and padding 1 of C channels is one of 2×2 with stride 1 of the 4C channels of such
blocks, of the same numbers in the same products. Three channels fill a tensor core badly, and cuDNN pads and transposes
them in every call; twelve, filled up to sixteen with zeros, it takes as they are.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad, pixel_shuffle, pixel_unshuffle

MULTIPLE = 8
"""Of the channels that tensor cores take without padding."""


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
    blocks = pixel_unshuffle(pad(images, (1, 1, 1, 1)), 2)
    missing = -blocks.shape[1] % MULTIPLE
    blocks = pad(blocks, (0, 0, 0, 0, 0, missing)).contiguous(memory_format=torch.channels_last)
    return conv2d(blocks, pad(_on_blocks(weight), (0, 0, 0, 0, 0, missing)))


def double(features: Tensor, weight: Tensor) -> Tensor:
    """Return ``conv_transpose2d(features, weight, stride=2, padding=1)``: to (N, C, H, W), weights (O, C, 4, 4)."""
    missing = -4 * weight.shape[1] % MULTIPLE
    blocks = conv_transpose2d(features, pad(_on_blocks(weight), (0, 0, 0, 0, 0, missing)))
    return pixel_shuffle(blocks[:, : 4 * weight.shape[1]], 2)[:, :, 1:-1, 1:-1]


def _on_blocks(weight: Tensor) -> Tensor:
    """Return weights (O, C, 4, 4) as they stand on blocks, (O, 4C, 2, 2)."""
    outputs, channels = weight.shape[:2]
    split = weight.reshape(outputs, channels, 2, 2, 2, 2)  # row of blocks, row in it, column of blocks, column in it
    return split.permute(0, 1, 3, 5, 2, 4).reshape(outputs, 4 * channels, 2, 2)


def _pays(tensor: Tensor) -> bool:
    """Return whether blocks are faster here: in half precision on a GPU."""
    return tensor.is_cuda and torch.is_autocast_enabled("cuda")
