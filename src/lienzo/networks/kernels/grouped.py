"""3×3 convolutions, plain and in groups of channels, that networks differentiate twice, as R1 does.

PyTorch computes the second derivative of its convolution by convolutions whose kernels are as large as the feature
maps, several times as slow as the first (docs/log.md has the numbers). But a convolution is linear in its features and
in its weights. Its gradient by the features is a convolution with transposed weights, and its gradient by the weights,
a correlation, has two convolutions as gradients. The two functions here are therefore each other's derivatives, of any
order.

Features are (N, C, H, W), fastest channels-last; weights are (C, C / groups, 3, 3).
"""

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from lienzo.compute.devices import in_autocast
from lienzo.compute.threads import one_thread


class GroupedConv2d(nn.Conv2d):
    """The 3×3 convolution in groups of channels, stride 1 and padding 1, from (N, C, H, W) to (N, C, H, W)."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(channels, channels, 3, padding=1, groups=groups)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C, H, W)."""
        assert self.bias is not None
        features, weight, bias = in_autocast(features, self.weight, self.bias)
        return convolve(features, weight, bias, self.groups)


class FlatConv2d(nn.Conv2d):
    """The 3×3 convolution with stride 1 and padding 1, from (N, C, H, W) to (N, O, H, W)."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, O, H, W)."""
        if features.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(features)
        features, weight, *bias = in_autocast(features, self.weight, *([] if self.bias is None else [self.bias]))
        return convolve(features, weight, bias[0] if bias else None, 1)


def convolve(features: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    """Return ``conv2d(features, weight, bias, padding=1, groups=groups)``, (N, C, H, W)."""
    convolved: Tensor = _Convolution.apply(features, weight, bias, groups)  # type: ignore[no-untyped-call]
    return convolved


class _Convolution(torch.autograd.Function):
    """The convolution of features (N, C, H, W) with weights, plus biases."""

    @staticmethod
    def forward(context: Any, features: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        context.save_for_backward(features, weight)
        context.groups = groups
        return conv2d(features, weight, bias, padding=1, groups=groups)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (features, weight), groups = gradients, context.saved_tensors, context.groups
        by_features, by_weight, by_bias, _ = context.needs_input_grad
        return (
            convolve(gradient, _transposed(weight, groups), None, groups) if by_features else None,
            _Correlation.apply(features, gradient, groups) if by_weight else None,  # type: ignore[no-untyped-call]
            gradient.sum((0, 2, 3)) if by_bias else None,
            None,
        )


class _Correlation(torch.autograd.Function):
    """The gradient by the weights, from the features and the gradient by the convolution's result."""

    @staticmethod
    def forward(context: Any, features: Tensor, gradient: Tensor, groups: int) -> Tensor:
        context.save_for_backward(features, gradient)
        context.groups = groups
        shape = (gradient.shape[1], features.shape[1] // groups, 3, 3)
        with one_thread() if _splits_sums(shape, groups) else nullcontext():
            like = torch.empty(shape, dtype=features.dtype, device=features.device, memory_format=torch.channels_last)
            one = [1, 1]
            _, weight, _ = torch.ops.aten.convolution_backward(
                gradient, features, like, None, one, one, one, False, [0, 0], groups, [False, True, False]
            )
        found: Tensor = weight
        return found

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (weight,), (features, gradient), groups = gradients, context.saved_tensors, context.groups
        return (
            convolve(gradient, _transposed(weight, groups), None, groups) if context.needs_input_grad[0] else None,
            convolve(features, weight, None, groups) if context.needs_input_grad[1] else None,
            None,
        )


def _splits_sums(shape: tuple[int, ...], groups: int) -> bool:
    """Return whether threads would share a sum over pictures: oneDNN gives each of them blocks of 8×8 weights first."""
    blocks = groups * -(-shape[0] // groups // 8) * -(-shape[1] // 8)
    return blocks < torch.get_num_threads()


def _transposed(weight: Tensor, groups: int) -> Tensor:
    """Return the weights of the transposed convolution: inputs and outputs of each group swapped, kernels flipped."""
    outputs, inputs = weight.shape[:2]
    swapped = weight.view(groups, outputs // groups, inputs, 3, 3).transpose(1, 2).flatten(0, 1).flip(2, 3)
    return swapped.contiguous(memory_format=torch.channels_last)  # and so is what they are convolved to
