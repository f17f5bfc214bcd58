"""The sliced Wasserstein distance: how far apart two sets of points lie, seen from many directions.

Rabin et al., Wasserstein Barycenter and its Application to Texture Mixing, 2011. Of pictures it is taken on small
patches, one scale at a time, as in Karras et al., Progressive Growing of GANs, 2018
(https://arxiv.org/abs/1710.10196), section 5: large scales show the layout, small ones the brushwork. No
trained network is needed.
"""

import functools

import numpy as np
import torch
from torch import Tensor

from lienzo import seeds

FLAT = 0.01
"""Standard deviation, of values up to 255, up to which a channel of a level counts as constant."""

PATCH = 7
"""Height and width of a patch, in pixels of its scale."""

SMALLEST = 16
"""No scale is made whose shorter side is below this."""

PER_PICTURE = 8
"""Patches taken from a picture at each scale."""


def sliced_wasserstein(real: Tensor, fake: Tensor, *, directions: int = 128, seed: int = 0) -> float:
    """Return the mean over random directions of the 1-Wasserstein distance of the two sets' projections.

    Exact along each direction, for equal and unequal counts alike: the integral of |F⁻¹ − G⁻¹|.

    Args:
        real: (n, d).
        fake: (m, d).
        directions: drawn uniformly on the sphere.
        seed: of the directions.
    """
    drawn = seeds.numpy_generator(seed, "directions").standard_normal((real.shape[1], directions))
    unit = torch.from_numpy(drawn / np.linalg.norm(drawn, axis=0)).to(real.device, torch.float32)
    n, m = len(real), len(fake)
    # Both quantile functions are steps: at multiples of 1/n and of 1/m. In units of 1/(n m) all the steps are integers.
    ends = torch.unique(torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n])).to(real.device)
    widths = torch.diff(ends, prepend=ends.new_zeros(1)).double() / (n * m)
    total = 0.0
    for start in range(0, directions, 8):
        some = unit[:, start : start + 8]
        ours = (real.float() @ some).sort(0).values[(ends - 1) // m]
        theirs = (fake.float() @ some).sort(0).values[(ends - 1) // n]
        total += (widths @ (ours - theirs).abs().double()).sum().item()
    return total / directions


def patches(images: Tensor, *, seed: int = 0, position: int = 0) -> dict[int, Tensor]:
    """Cut random patches out of every level of the pictures' Laplacian pyramid.

    Args:
        images: (n, c, h, w) float.
        seed: of the patches' positions.
        position: of the first picture in its set, so that positions do not depend on batches.

    Returns:
        From the height of each level in pixels to (n, PER_PICTURE, c · PATCH²) float32. The coarsest level is the
        blurred picture itself, the others what the next coarser one leaves out.
    """
    levels = []
    while min(images.shape[2:]) // 2 >= SMALLEST:
        rows, columns = (_blur(size).to(images) for size in images.shape[2:])
        smaller = rows[::2] @ images @ columns[::2].T
        levels.append(images - 4 * rows[:, ::2] @ smaller @ columns[:, ::2].T)
        images = smaller
    levels.append(images)
    return {level.shape[2]: _cut(level, seed, position) for level in levels}


def patch_distance(real: dict[int, Tensor], fake: dict[int, Tensor], *, seed: int = 0) -> dict[int, float]:
    """Return the sliced Wasserstein distance of patches at every level, from its height in pixels.

    Every colour is shifted and scaled so that the *real* patches of the level have mean 0 and standard deviation 1. A
    channel that is the same all over, such as the alpha of opaque pictures, is only shifted.
    (Karras et al. do so to either set by itself, and so do not see wrong colours.)

    Args:
        real: what `patches` returned, put together over pictures.
        fake: the same of the generated pictures.
        seed: of the directions.
    """
    distances = {}
    for level, ours in real.items():
        n, count, values = ours.shape
        by_colour = ours.reshape(n * count, values // PATCH**2, PATCH**2)
        spread, middle = torch.std_mean(by_colour, (0, 2), keepdim=True)
        spread = spread.where(spread > FLAT, 1.0)
        scaled = [
            ((side.reshape(-1, *by_colour.shape[1:]) - middle) / spread).flatten(1) for side in (ours, fake[level])
        ]
        distances[level] = sliced_wasserstein(*scaled, seed=seed)
    return distances


@functools.cache
def _blur(size: int) -> Tensor:
    """Return the matrix (size, size) that blurs one side of a picture with 1 4 6 4 1, its edges mirrored.

    Every second of its rows halves the side, every second of its columns doubles it again.
    """
    matrix = torch.zeros(size, size)
    for pixel in range(size):
        for offset, weight in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
            matrix[pixel, size - 1 - abs(size - 1 - abs(pixel + offset))] += weight / 16
    return matrix


def _cut(level: Tensor, seed: int, position: int) -> Tensor:
    """Return PER_PICTURE patches of every picture: (n, c, h, w) → (n, PER_PICTURE, c · PATCH²)."""
    n, channels, height, width = level.shape
    corners = np.stack(
        [
            seeds.numpy_generator(seed, f"patches {height}", position + i).integers(
                (height - PATCH + 1, width - PATCH + 1), size=(PER_PICTURE, 2)
            )
            for i in range(n)
        ]
    )
    top, left = torch.from_numpy(corners).to(level.device).unbind(-1)  # (n, PER_PICTURE)
    step = torch.arange(PATCH, device=level.device)
    rows = (top[:, :, None] + step)[:, :, None, :, None]
    columns = (left[:, :, None] + step)[:, :, None, None, :]
    pictures = torch.arange(n, device=level.device)[:, None, None, None, None]
    colours = torch.arange(channels, device=level.device)[None, None, :, None, None]
    return level[pictures, colours, rows, columns].flatten(2)
