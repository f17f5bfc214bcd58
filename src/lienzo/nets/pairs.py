"""The convolutions beside the picture, on pairs of neighbouring pixels, as tensor cores like them.

A convolution 4×4 with stride 2 and padding 1 of C channels is one of 4×2 with stride (2, 1) of the 2C channels of two
pixels side by side, of the same numbers in the same products. Three channels fill a tensor core badly, and cuDNN pads
and transposes them in every call. With a fourth of zeros, pairs have eight, as many as it takes; and where channels
stand last, a row of pixels is a row of pairs as it lies in memory, in pictures as in weights.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

MULTIPLE = 4
"""Of a pixel's channels, so that tensor cores take those of a pair without padding."""


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
    return conv2d(_paired(images, 1), _paired(weight), stride=(2, 1))


def double(features: Tensor, weight: Tensor) -> Tensor:
    """Return ``conv_transpose2d(features, weight, stride=2, padding=1)``: to (N, C, H, W), weights (O, C, 4, 4)."""
    pairs = conv_transpose2d(features, _paired(weight), stride=(2, 1)).permute(0, 2, 3, 1)
    images = pairs.reshape(*pairs.shape[:2], 2 * pairs.shape[2], -1)
    return images[:, 1:-1, 1:-1, : weight.shape[1]].permute(0, 3, 1, 2)


def _paired(pixels: Tensor, border: int = 0) -> Tensor:
    """Return pixels (N, C, H, W) as pairs (N, 2 · (C and zeros), H, W/2), with a border of zeros around them."""
    filled = pad(pixels.permute(0, 2, 3, 1), (0, -pixels.shape[1] % MULTIPLE, *[border] * 4))
    return filled.reshape(*filled.shape[:2], filled.shape[2] // 2, -1).permute(0, 3, 1, 2)


def _pays(tensor: Tensor) -> bool:
    """Return whether pairs are faster here: in half precision on a GPU."""
    return tensor.is_cuda and torch.is_autocast_enabled("cuda")
