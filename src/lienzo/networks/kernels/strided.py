"""The DCGAN's convolutions, 4×4 with stride 2 and padding 1, computed in the way that is fastest where they run.

On a CPU some layers of many channels and few pixels are faster as matrix products than as PyTorch's convolutions: in
float32 by Winograd's algorithm (``winograd``), in bfloat16 on processors with AMX by im2col (``im2col``). On other
devices, and in all other layers, PyTorch's convolutions are used.

A convolution is linear in its pictures and in its weights. The convolution, the transposed convolution and the gradient
by the weights are therefore one another's derivatives, of any order, as gradient penalties need.

Pictures are (N, C, H, W), fastest channels-last; features (N, O, H/2, W/2); weights (O, C, 4, 4).
"""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from lienzo.compute.devices import has_tiles, in_autocast
from lienzo.networks.kernels import im2col, winograd


class StridedConv2d(nn.Conv2d):
    """The 4×4 convolution with stride 2 and padding 1, from (N, C, H, W) to (N, O, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int, bias: bool) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, O, H/2, W/2)."""
        weight = self.weight
        number, _, height, width = images.shape
        algorithm = _algorithm(images, weight, number, height, width)
        plain = self._conv_forward(images, weight, None) if algorithm is None else convolve(images, weight, algorithm)
        return _biased(plain, self.bias)


class StridedConvTranspose2d(nn.ConvTranspose2d):
    """The 4×4 transposed convolution with stride 2 and padding 1, from (N, O, H/2, W/2) to (N, C, H, W).

    One that is smooth is followed by the filter [1, 2, 1] / 4 along both axes (Karras et al. 2019, section 2). It is a
    transposed convolution whose kernel is :func:`smoothed`, 6×6, with padding 2.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = False, smooth: bool = False) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=bias)
        self.smooth = smooth

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return (N, C, H, W)."""
        if output_size is not None:
            return super().forward(features, output_size)
        if self.smooth:
            whole = conv_transpose2d(features, self.weight, None, stride=2)  # one more pixel on each side
            channels = whole.shape[1]
            filters = smoothed(whole.new_ones(channels, 1, 1, 1))
            return _biased(conv2d(whole, filters, groups=channels), self.bias)
        number, _, height, width = features.shape
        algorithm = _algorithm(features, self.weight, number, 2 * height, 2 * width)
        if algorithm is None:
            plain = conv_transpose2d(features, self.weight, None, stride=2, padding=1)
        else:
            plain = convolve_transposed(features, self.weight, algorithm)
        return _biased(plain, self.bias)

    def extra_repr(self) -> str:
        """Return the settings as PyTorch prints them."""
        plain: str = super().extra_repr()  # type: ignore[no-untyped-call]
        return plain + ", smooth" * self.smooth


def smoothed(kernels: Tensor) -> Tensor:
    """Return kernels (O, C, H, W) with the filter [1, 2, 1] / 4 applied along both axes: (O, C, H + 2, W + 2)."""
    rows = (pad(kernels, (0, 0, 0, 2)) + 2 * pad(kernels, (0, 0, 1, 1)) + pad(kernels, (0, 0, 2, 0))) / 4
    return (pad(rows, (0, 2)) + 2 * pad(rows, (1, 1)) + pad(rows, (2, 0))) / 4


def _biased(planes: Tensor, bias: Tensor | None) -> Tensor:
    """Return planes (N, C, H, W) plus biases (C).

    By itself: where oneDNN adds them within a convolution, their gradients depend on the number of threads.
    """
    return planes if bias is None else planes + bias[:, None, None].to(planes.dtype)


def _algorithm(inputs: Tensor, weight: Tensor, number: int, height: int, width: int) -> ModuleType | None:
    """Return the module that is faster here than PyTorch's convolution, or None where PyTorch's is the fastest.

    Winograd's sums and differences of the pictures cost as much for few output channels as for many, and those of the
    weights as much for few pictures as for many. It is therefore used for many of both (docs/log.md has the numbers).

    Args:
        inputs: what goes into the layer.
        weight: (O, C, 4, 4).
        number: of pictures.
        height: of the larger side of the layer, in pixels.
        width: of the larger side of the layer, in pixels.
    """
    if inputs.device.type != "cpu" or height % 2 or width % 2:
        return None
    if torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16:
        return im2col if has_tiles() and height * width <= im2col.LARGEST_FOR_WEIGHTS else None
    many = len(weight) >= 512 and number * height * width >= 16 * len(weight)
    single = inputs.dtype == weight.dtype == torch.float32
    return winograd if single and many and torch.is_grad_enabled() and height % 4 == width % 4 == 0 else None


class _Convolution(torch.autograd.Function):
    """The convolution, from pictures and weights to features."""

    @staticmethod
    def forward(context: Any, images: Tensor, weight: Tensor, algorithm: ModuleType) -> Tensor:
        context.save_for_backward(images, weight)
        context.algorithm = algorithm
        features: Tensor = algorithm.convolution(images, weight)
        return features

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (images, weight), algorithm = gradients, context.saved_tensors, context.algorithm
        return (
            convolve_transposed(gradient, weight, algorithm) if context.needs_input_grad[0] else None,
            _correlate(images, gradient, algorithm) if context.needs_input_grad[1] else None,
            None,
        )


class _TransposedConvolution(torch.autograd.Function):
    """The transposed convolution, from features and weights to pictures."""

    @staticmethod
    def forward(context: Any, features: Tensor, weight: Tensor, algorithm: ModuleType) -> Tensor:
        context.save_for_backward(features, weight)
        context.algorithm = algorithm
        images: Tensor = algorithm.transposed_convolution(features, weight)
        return images

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (features, weight), algorithm = gradients, context.saved_tensors, context.algorithm
        return (
            convolve(gradient, weight, algorithm) if context.needs_input_grad[0] else None,
            _correlate(gradient, features, algorithm) if context.needs_input_grad[1] else None,
            None,
        )


class _WeightGradient(torch.autograd.Function):
    """The gradient of the product of features and convolved pictures by the weights, from pictures and features."""

    @staticmethod
    def forward(context: Any, images: Tensor, features: Tensor, algorithm: ModuleType) -> Tensor:
        context.save_for_backward(images, features)
        context.algorithm = algorithm
        weight: Tensor = algorithm.weight_gradient(images, features)
        return weight

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (images, features), algorithm = gradients, context.saved_tensors, context.algorithm
        return (
            convolve_transposed(features, gradient, algorithm) if context.needs_input_grad[0] else None,
            convolve(images, gradient, algorithm) if context.needs_input_grad[1] else None,
            None,
        )


def convolve(images: Tensor, weight: Tensor, algorithm: ModuleType) -> Tensor:
    """Return ``conv2d(images, weight, stride=2, padding=1)``, computed by ``winograd`` or ``im2col``."""
    features: Tensor = _Convolution.apply(*in_autocast(images, weight), algorithm)  # type: ignore[no-untyped-call]
    return features


def convolve_transposed(features: Tensor, weight: Tensor, algorithm: ModuleType) -> Tensor:
    """Return ``conv_transpose2d(features, weight, stride=2, padding=1)``, computed by ``winograd`` or ``im2col``."""
    images: Tensor = _TransposedConvolution.apply(*in_autocast(features, weight), algorithm)  # type: ignore[no-untyped-call]
    return images


def _correlate(images: Tensor, features: Tensor, algorithm: ModuleType) -> Tensor:
    weight: Tensor = _WeightGradient.apply(*in_autocast(images, features), algorithm)  # type: ignore[no-untyped-call]
    return weight
