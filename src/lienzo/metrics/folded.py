"""Trained networks as tables of convolutions, whose batch normalisation is folded into them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Convolution:
    """A convolution with its batch normalisation folded in, and what is done with its output."""

    weight: Tensor
    """(out, in / groups, k, k) float32."""

    bias: Tensor
    """(out,) float32."""

    stride: int = 1
    """Height and width of the output are those of the input over this, rounded up."""

    clamp: bool = True
    """Whether the output is clamped to [0, 6] (ReLU6)."""

    skip: int | None = None
    """Position in the table of the convolution whose *input* is added to this one's output."""

    symmetric: bool = False
    """Whether as many zeros are put before a side as after it, as PyTorch's networks have it; TensorFlow puts no more
    than are needed (padding "same")."""

    @property
    def groups(self) -> int:
        """Number of groups of channels: as many as channels where the convolution is depthwise, else one."""
        return len(self.weight) if self.weight.shape[1] == 1 else 1

    def padding(self, size: int) -> tuple[int, int]:
        """Return the zeros before and after a side of ``size`` pixels; where their sum is odd, one more after it."""
        kernel = self.weight.shape[2]
        if self.symmetric:
            return kernel // 2, kernel // 2
        outputs = -(-size // self.stride)
        zeros = max((outputs - 1) * self.stride + kernel - size, 0)
        return zeros // 2, zeros - zeros // 2


def fold(state: Mapping[str, Tensor], name: str, norm: str, epsilon: float) -> tuple[Tensor, Tensor]:
    """Return weight and bias, float32, of a convolution without a bias and the batch normalisation after it.

    Args:
        state: all weights of the network by name.
        name: that of the convolution.
        norm: that of the normalisation.
        epsilon: number that the normalisation adds to a variance.
    """
    gain, offset, mean, variance = (
        state[f"{norm}.{key}"].double() for key in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gain / (variance + epsilon).sqrt()
    weight = state[f"{name}.weight"].double() * gain[:, None, None, None]
    return weight.float(), (offset - mean * gain).float()


def outputs(table: list[Convolution], pictures: Tensor) -> list[Tensor]:
    """Return the output (n, out, h, w) of each convolution of a table, the first of which gets ``pictures``."""
    found, x = [pictures], pictures
    for convolution in table:
        (top, bottom), (left, right) = (convolution.padding(side) for side in x.shape[-2:])
        if (top, left) != (bottom, right):
            x, top, left = functional.pad(x, (left, right, top, bottom)), 0, 0
        x = _convolved(convolution, x, (top, left))
        if convolution.clamp:
            x = functional.relu6(x)
        if convolution.skip is not None:
            x = x + found[convolution.skip]
        found.append(x)
    return found[1:]


def _convolved(convolution: Convolution, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """Return the convolution of (n, in, h, w) with so many zeros around it.

    On a CPU, PyTorch's gradient of a depthwise convolution with stride 2 takes about twenty times as long in bfloat16
    as in float32, so there it is computed in float32.
    """
    weight, bias, stride, groups = convolution.weight, convolution.bias, convolution.stride, convolution.groups
    if x.dtype == torch.bfloat16 and x.device.type == "cpu" and x.requires_grad and groups > 1 and stride > 1:
        with torch.autocast("cpu", enabled=False):
            return functional.conv2d(x.float(), weight, bias, stride, padding, 1, groups).to(x.dtype)
    return functional.conv2d(x, weight, bias, stride, padding, 1, groups)
