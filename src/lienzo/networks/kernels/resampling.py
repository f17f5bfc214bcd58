"""Bilinear resampling by two: a map that doubles planes and its adjoint that halves them.

Along an axis, doubling puts two pixels in each one's place, a quarter of the way towards either neighbour: ¾ of the
pixel and ¼ of the neighbour, which beyond the border is the pixel itself. Halving is the transposed map over two, the
filter [1, 3, 3, 1] / 8. Both leave a constant as it is, up to the border. Each one's gradient is the other, so that
they can be differentiated as often as a gradient penalty asks, and no plane is kept for it.

Planes are (N, H, W, C), channels last, as they lie in memory.
"""

from typing import Any

import torch
from torch import Tensor, nn


class Up(nn.Module):
    """Planes of twice the sides, from (N, H, W, C) to (N, 2H, 2W, C)."""

    def forward(self, planes: Tensor) -> Tensor:
        """Return (N, 2H, 2W, C)."""
        return up(planes)


class Down(nn.Module):
    """Planes of half the sides, from (N, H, W, C), H and W even, to (N, H/2, W/2, C)."""

    def forward(self, planes: Tensor) -> Tensor:
        """Return (N, H/2, W/2, C)."""
        return down(planes)


def up(planes: Tensor) -> Tensor:
    """Return planes (N, H, W, C) doubled, (N, 2H, 2W, C)."""
    doubled: Tensor = _Up.apply(planes)  # type: ignore[no-untyped-call]
    return doubled


def down(planes: Tensor) -> Tensor:
    """Return planes (N, H, W, C), H and W even, halved, (N, H/2, W/2, C): the adjoint of :func:`up`, over four."""
    halved: Tensor = _Down.apply(planes)  # type: ignore[no-untyped-call]
    return halved


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, planes: Tensor) -> Tensor:
        return _double(_double(planes, 1), 2)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return 4 * down(*gradients)


class _Down(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, planes: Tensor) -> Tensor:
        return _halve(_halve(planes, 2), 1)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return up(*gradients) / 4


def _double(planes: Tensor, axis: int) -> Tensor:
    others = planes.shape[axis] - 1
    pairs = torch.stack([planes, planes], axis + 1)
    first, second = pairs.unbind(axis + 1)
    first.narrow(axis, 1, others).lerp_(planes.narrow(axis, 0, others), 0.25)
    second.narrow(axis, 0, others).lerp_(planes.narrow(axis, 1, others), 0.25)
    return pairs.flatten(axis, axis + 1)


def _halve(planes: Tensor, axis: int) -> Tensor:
    sizes = planes.shape
    first, second = planes.reshape(*sizes[:axis], sizes[axis] // 2, 2, *sizes[axis + 1 :]).unbind(axis + 1)
    others = first.shape[axis] - 1
    one, other = first.clone(), second.clone()
    one.narrow(axis, 1, others).lerp_(second.narrow(axis, 0, others), 0.25)
    other.narrow(axis, 0, others).lerp_(first.narrow(axis, 1, others), 0.25)
    return one.lerp_(other, 0.5)
