"""The convolution 3×3 in groups of channels, made to be differentiated twice.

PyTorch differentiates its convolution a second time by convolutions with kernels as large as the planes, several times
as slow as the first time (docs/log.md has the numbers). But a convolution is linear in its planes and in its weights:
its gradient by the planes is a convolution with turned weights, and its gradient by the weights, a correlation, has two
convolutions as gradients. So the two functions here are one another's derivatives, of any order.

Planes are (N, C, H, W), fastest channels-last, and weights (C, C / groups, 3, 3).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.nn.grad import conv2d_weight

from lienzo.compute.devices import in_autocast


class Grouped(nn.Conv2d):
    """The convolution 3×3 with stride 1 and padding 1 in groups of channels, from (N, C, H, W) to (N, C, H, W)."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(channels, channels, 3, padding=1, groups=groups)

    def forward(self, planes: Tensor) -> Tensor:
        """Return (N, C, H, W)."""
        assert self.bias is not None
        planes, weight, bias = in_autocast(planes, self.weight, self.bias)
        return convolve(planes, weight, bias, self.groups)


def convolve(planes: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    """Return ``conv2d(planes, weight, bias, padding=1, groups=groups)``, (N, C, H, W)."""
    convolved: Tensor = _Convolution.apply(planes, weight, bias, groups)  # type: ignore[no-untyped-call]
    return convolved


class _Convolution(torch.autograd.Function):
    """Planes, weights and biases to planes."""

    @staticmethod
    def forward(context: Any, planes: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        context.save_for_backward(planes, weight)
        context.groups = groups
        return conv2d(planes, weight, bias, padding=1, groups=groups)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (planes, weight), groups = gradients, context.saved_tensors, context.groups
        by_planes, by_weight, by_bias, _ = context.needs_input_grad
        return (
            convolve(gradient, _turned(weight, groups), None, groups) if by_planes else None,
            _Correlation.apply(planes, gradient, groups) if by_weight else None,  # type: ignore[no-untyped-call]
            gradient.sum((0, 2, 3)) if by_bias else None,
            None,
        )


class _Correlation(torch.autograd.Function):
    """Planes and the gradient of what they were convolved to, to the gradient of the weights."""

    @staticmethod
    def forward(context: Any, planes: Tensor, gradient: Tensor, groups: int) -> Tensor:
        context.save_for_backward(planes, gradient)
        context.groups = groups
        shape = (gradient.shape[1], planes.shape[1] // groups, 3, 3)
        weight: Tensor = conv2d_weight(planes, shape, gradient, padding=1, groups=groups)  # type: ignore[no-untyped-call]
        return weight

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (weight,), (planes, gradient), groups = gradients, context.saved_tensors, context.groups
        return (
            convolve(gradient, _turned(weight, groups), None, groups) if context.needs_input_grad[0] else None,
            convolve(planes, weight, None, groups) if context.needs_input_grad[1] else None,
            None,
        )


def _turned(weight: Tensor, groups: int) -> Tensor:
    """Return the weights of the transposed convolution: in each group, inputs for outputs and kernels half turned."""
    outputs, inputs = weight.shape[:2]
    return weight.view(groups, outputs // groups, inputs, 3, 3).transpose(1, 2).flatten(0, 1).flip(2, 3)
