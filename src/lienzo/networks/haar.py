"""The Haar domain: pictures as four times the channels at half the size, by a fixed transform that loses nothing.

One level of the transform replaces each 2×2 pixels of a channel, from left to right a b above c d, by four numbers:
their sum, the left ones less the right ones, the upper less the lower, and one diagonal less the other, each over two.

    (a + b + c + d)/2    (a − b + c − d)/2    (a + b − c − d)/2    (a − b − c + d)/2

The four vectors are orthonormal, so that the inverse is the transposed map, pictures have the norm of their bands, and
a gradient has the same norm in both domains: the penalty R1 means the same. A second level transforms all bands once
more, which gives 48 channels at a quarter of the size (wavelet packets).

Networks that paint in this domain have no layer at the picture's own size (Gal et al. 2021, SWAGAN, arXiv 2102.06108).

Pictures are (N, C, H, W) with sides that 2^levels divides. Their bands are (N, 4^levels · C, H/2^levels, W/2^levels),
the C channels of sums first.
"""

from typing import Any

import torch
from torch import Tensor, nn


class HaarTransform(nn.Module):
    """From pictures (N, C, H, W) to their bands (N, 4^levels · C, H/2^levels, W/2^levels)."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, images: Tensor) -> Tensor:
        """Return the bands."""
        for _ in range(self.levels):
            images = transform(images)
        return images

    def extra_repr(self) -> str:
        """Return the number of levels, for the tables of a network's layers."""
        return f"levels={self.levels}"


class InverseHaarTransform(nn.Module):
    """From bands (N, 4^levels · C, H/2^levels, W/2^levels) to the pictures (N, C, H, W)."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, bands: Tensor) -> Tensor:
        """Return the pictures."""
        for _ in range(self.levels):
            bands = invert(bands)
        return bands

    def extra_repr(self) -> str:
        """Return the number of levels, for the tables of a network's layers."""
        return f"levels={self.levels}"


def transform(images: Tensor) -> Tensor:
    """Return the bands (N, 4C, H/2, W/2) of one level, of pictures (N, C, H, W) with even sides.

    Four groups of C channels follow one another: sums, and differences across columns, across rows and across both.
    They have at least float32: in bfloat16 the differences of neighbours would be mostly rounding.
    """
    bands: Tensor = _Transform.apply(_precise(images))  # type: ignore[no-untyped-call]
    return bands


def invert(bands: Tensor) -> Tensor:
    """Return the pictures (N, C, H, W) of bands (N, 4C, H/2, W/2) of one level, in at least float32."""
    if torch.compiler.is_exporting():
        return _inverted(_precise(bands))
    images: Tensor = _Inverse.apply(_precise(bands))  # type: ignore[no-untyped-call]
    return images


class _Transform(torch.autograd.Function):
    """The transform, whose gradient is the inverse."""

    @staticmethod
    def forward(_context: Any, images: Tensor) -> Tensor:
        return _transformed(images)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return invert(*gradients)


class _Inverse(torch.autograd.Function):
    """The inverse, whose gradient is the transform."""

    @staticmethod
    def forward(_context: Any, bands: Tensor) -> Tensor:
        return _inverted(bands)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return transform(*gradients)


def _precise(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _transformed(images: Tensor) -> Tensor:
    left, right = images[..., ::2], images[..., 1::2]
    pairs = [(one[..., ::2, :], one[..., 1::2, :]) for one in (left + right, left - right)]
    return torch.cat([*(above + below for above, below in pairs), *(above - below for above, below in pairs)], 1) / 2


def _inverted(bands: Tensor) -> Tensor:
    """Return the pictures, channels-last in memory."""
    sums, across_columns, across_rows, across_both = (bands / 2).permute(0, 2, 3, 1).chunk(4, -1)
    rows = []
    for sum_of_row, difference in (
        (sums + across_rows, across_columns + across_both),
        (sums - across_rows, across_columns - across_both),
    ):
        rows.append(torch.stack([sum_of_row + difference, sum_of_row - difference], 3).flatten(2, 3))
    return torch.stack(rows, 2).flatten(1, 2).permute(0, 3, 1, 2)
