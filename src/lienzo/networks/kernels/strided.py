"""The convolutions of the DCGAN, 4×4 with stride 2 and padding 1, in the way that is fastest where they run.

On a processor the deep layers, of many channels and few pixels, are faster as products of matrices than as PyTorch's
convolutions: in float32 with fewer multiplications (`filtered`), in bfloat16 with matrix tiles (`columns`). Elsewhere,
and in all other layers, they are PyTorch's.

A convolution is linear in its pictures and in its weights: the three functions here are one another's derivatives, of
any order. Pictures are (N, C, H, W), fastest channels-last; features (N, O, H/2, W/2); weights (O, C, 4, 4).
"""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from lienzo.compute.devices import has_tiles, in_autocast
from lienzo.networks.kernels import im2col, winograd


class Halving(nn.Conv2d):
    """The convolution 4×4 with stride 2 and padding 1, from (N, C, H, W) to (N, O, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int, bias: bool) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, O, H/2, W/2)."""
        weight = self.weight
        number, _, height, width = images.shape
        way = _way(images, weight, number, height, width)
        if way is None:
            features: Tensor = self._conv_forward(images, weight, self.bias)
            return features
        features = halve(images, weight, way)
        return features if self.bias is None else features + self.bias[:, None, None].to(features.dtype)


class Doubling(nn.ConvTranspose2d):
    """The transposed convolution 4×4 with stride 2 and padding 1, from (N, O, H/2, W/2) to (N, C, H, W), no bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=False)

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return (N, C, H, W)."""
        number, _, height, width = features.shape
        way = _way(features, self.weight, number, 2 * height, 2 * width)
        if way is None or output_size is not None:
            return super().forward(features, output_size)
        return double(features, self.weight, way)


def _way(inputs: Tensor, weight: Tensor, number: int, height: int, width: int) -> ModuleType | None:
    """Return what is faster than PyTorch's convolution here, for pictures of this number, height and width, or none.

    The sums and differences of ``winograd`` cost as much for few channels as for many, and those of the weights as much
    for few pictures as for many; `docs/log.md` has the measurements.
    """
    if inputs.device.type != "cpu" or height % 2 or width % 2:
        return None
    if torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16:
        return im2col if has_tiles() and height * width <= im2col.WEIGHT_PLANE else None
    many = len(weight) >= 512 and number * height * width >= 16 * len(weight)
    single = inputs.dtype == weight.dtype == torch.float32
    return winograd if single and many and torch.is_grad_enabled() and height % 4 == width % 4 == 0 else None


class _Features(torch.autograd.Function):
    """Pictures and weights to features: the convolution."""

    @staticmethod
    def forward(context: Any, images: Tensor, weight: Tensor, way: ModuleType) -> Tensor:
        context.save_for_backward(images, weight)
        context.way = way
        features: Tensor = way.features(images, weight)
        return features

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (images, weight), way = gradients, context.saved_tensors, context.way
        return (
            double(gradient, weight, way) if context.needs_input_grad[0] else None,
            _correlate(images, gradient, way) if context.needs_input_grad[1] else None,
            None,
        )


class _Images(torch.autograd.Function):
    """Features and weights to pictures: the transposed convolution."""

    @staticmethod
    def forward(context: Any, features: Tensor, weight: Tensor, way: ModuleType) -> Tensor:
        context.save_for_backward(features, weight)
        context.way = way
        images: Tensor = way.images(features, weight)
        return images

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (features, weight), way = gradients, context.saved_tensors, context.way
        return (
            halve(gradient, weight, way) if context.needs_input_grad[0] else None,
            _correlate(gradient, features, way) if context.needs_input_grad[1] else None,
            None,
        )


class _Weight(torch.autograd.Function):
    """Pictures and features to weights: the gradient of either by its weights."""

    @staticmethod
    def forward(context: Any, images: Tensor, features: Tensor, way: ModuleType) -> Tensor:
        context.save_for_backward(images, features)
        context.way = way
        weight: Tensor = way.weight(images, features)
        return weight

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (images, features), way = gradients, context.saved_tensors, context.way
        return (
            double(features, gradient, way) if context.needs_input_grad[0] else None,
            halve(images, gradient, way) if context.needs_input_grad[1] else None,
            None,
        )


def halve(images: Tensor, weight: Tensor, way: ModuleType) -> Tensor:
    """Return ``conv2d(images, weight, stride=2, padding=1)``, computed in one of the two ways."""
    features: Tensor = _Features.apply(*in_autocast(images, weight), way)  # type: ignore[no-untyped-call]
    return features


def double(features: Tensor, weight: Tensor, way: ModuleType) -> Tensor:
    """Return ``conv_transpose2d(features, weight, stride=2, padding=1)``, computed in one of the two ways."""
    images: Tensor = _Images.apply(*in_autocast(features, weight), way)  # type: ignore[no-untyped-call]
    return images


def _correlate(images: Tensor, features: Tensor, way: ModuleType) -> Tensor:
    weight: Tensor = _Weight.apply(*in_autocast(images, features), way)  # type: ignore[no-untyped-call]
    return weight
