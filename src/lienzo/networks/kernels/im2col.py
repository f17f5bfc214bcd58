"""The 4×4 convolution with stride 2 and padding 1 as one matrix product, for processors with matrix tiles (AMX).

The 4×4 pixels that each output sees become a row of 16C numbers ("im2col"; Chellapilla, Puri and Simard 2006). With
many channels and few pixels, the convolution is then the product of two large matrices, which AMX is made for. With
many pixels, writing these rows (sixteen numbers for every four of the picture) costs more than it saves, and PyTorch's
convolution is used. benchmarks/convolutions.py measures the two limits below.

Pictures are (N, C, H, W), channels-last, with even H and W; features (N, O, H/2, W/2); weights (O, C, 4, 4).
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, pad
from torch.nn.grad import conv2d_weight

LARGEST = 8 * 8
"""Pixels (height × width) of the largest pictures that are convolved by im2col."""

LARGEST_FOR_WEIGHTS = 16 * 16
"""The same for the gradient by the weights, in which PyTorch is slower."""


def convolution(images: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution (N, O, H/2, W/2)."""
    number, _, height, width = images.shape
    if height * width > LARGEST:
        return conv2d(images, weight, stride=2, padding=1)
    product = _im2col(images) @ _matrix(weight).T
    return product.view(number, height // 2, width // 2, -1).permute(0, 3, 1, 2)


def transposed_convolution(features: Tensor, weight: Tensor) -> Tensor:
    """Return the transposed convolution (N, C, H, W)."""
    number, _, height, width = features.shape
    if 4 * height * width > LARGEST:
        return conv_transpose2d(features, weight, stride=2, padding=1)
    blocks = (_rows(features) @ _matrix(weight)).view(number, height, width, 2, 2, 2, 2, -1).transpose(4, 5)
    padded = blocks.new_zeros(number, height + 1, width + 1, 2, 2, blocks.shape[-1])
    for down in (0, 1):
        for right in (0, 1):
            padded[:, down : down + height, right : right + width] += blocks[:, :, :, down, right]
    pixels = padded.transpose(2, 3).reshape(number, 2 * height + 2, 2 * width + 2, -1)
    return pixels[:, 1:-1, 1:-1].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def weight_gradient(images: Tensor, features: Tensor) -> Tensor:
    """Return the gradient of the sum of ``features`` · convolved ``images`` by the weights, (O, C, 4, 4)."""
    channels, height, width = images.shape[1:]
    if height * width > LARGEST_FOR_WEIGHTS:
        shape = (features.shape[1], channels, 4, 4)
        gradient: Tensor = conv2d_weight(images, shape, features, stride=2, padding=1)  # type: ignore[no-untyped-call]
        return gradient
    product = _rows(features).T.contiguous() @ _im2col(images)
    return product.view(-1, 4, 4, channels).permute(0, 3, 1, 2)


def _im2col(images: Tensor) -> Tensor:
    """Return the pixels that each feature sees, (N · H/2 · W/2, 16C), in the order of :func:`_matrix`."""
    padded = pad(images.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    windows = padded.unfold(1, 4, 2).unfold(2, 4, 2)  # N, H/2, W/2, C, row, column
    return windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, 16 * images.shape[1])


def _rows(features: Tensor) -> Tensor:
    """Return features as (N · H/2 · W/2, O)."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _matrix(weight: Tensor) -> Tensor:
    """Return weights as (O, 16C)."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)
