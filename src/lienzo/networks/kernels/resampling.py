"""Bilinear resampling by two: upsampling, and downsampling as its adjoint.

Along an axis, upsampling replaces each pixel by two, a quarter of the way towards either neighbour: ¾ of the pixel and
¼ of the neighbour. Beyond the border, the neighbour is the pixel itself. Downsampling is the transposed map over two, a
filter of [1, 3, 3, 1] / 8. Both leave a constant as it is, up to the border. Each is the other's gradient (times a
constant), so that both can be differentiated any number of times, and nothing is kept for the backward pass.

Feature maps are (N, H, W, C), the order in memory of channels-last tensors.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class Upsample(nn.Module):
    """Bilinear upsampling, from (N, H, W, C) to (N, 2H, 2W, C)."""

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, 2H, 2W, C)."""
        return upsample(features)


class Downsample(nn.Module):
    """Bilinear downsampling, from (N, H, W, C), with even H and W, to (N, H/2, W/2, C)."""

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, H/2, W/2, C)."""
        return downsample(features)


def upsample(features: Tensor) -> Tensor:
    """Return feature maps (N, H, W, C) at twice the size, (N, 2H, 2W, C)."""
    if torch.compiler.is_exporting():  # one node of ONNX instead of a hundred, and no gradients
        images = features.permute(0, 3, 1, 2)
        return interpolate(images, scale_factor=2.0, mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
    doubled: Tensor = _Upsample.apply(features)  # type: ignore[no-untyped-call]
    return doubled


def downsample(features: Tensor) -> Tensor:
    """Return feature maps (N, H, W, C), with even H and W, at half the size, (N, H/2, W/2, C).

    This is the adjoint of :func:`upsample` over four.
    """
    halved: Tensor = _Downsample.apply(features)  # type: ignore[no-untyped-call]
    return halved


class _Upsample(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, features: Tensor) -> Tensor:
        return _double(_double(features, 1), 2)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return 4 * downsample(*gradients)


class _Downsample(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, features: Tensor) -> Tensor:
        return _halve(_halve(features, 2), 1)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return upsample(*gradients) / 4


def _double(features: Tensor, axis: int) -> Tensor:
    others = features.shape[axis] - 1
    pairs = torch.stack([features, features], axis + 1)
    first, second = pairs.unbind(axis + 1)
    first.narrow(axis, 1, others).lerp_(features.narrow(axis, 0, others), 0.25)
    second.narrow(axis, 0, others).lerp_(features.narrow(axis, 1, others), 0.25)
    return pairs.flatten(axis, axis + 1)


def _halve(features: Tensor, axis: int) -> Tensor:
    sizes = features.shape
    first, second = features.reshape(*sizes[:axis], sizes[axis] // 2, 2, *sizes[axis + 1 :]).unbind(axis + 1)
    others = first.shape[axis] - 1
    one, other = first.clone(), second.clone()
    one.narrow(axis, 1, others).lerp_(second.narrow(axis, 0, others), 0.25)
    other.narrow(axis, 0, others).lerp_(first.narrow(axis, 1, others), 0.25)
    return one.lerp_(other, 0.5)
