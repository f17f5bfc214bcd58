"""Concepts: where in a picture something is, as a mask.

Measured ones need no network and hold for any pictures: each is a function in :data:`MEASURED`. Others come from a
segmenter that has learnt them, see :mod:`lienzo.explore.segmentation`. All are looked at in pictures of at most
:data:`SIDE` pixels a side.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from lienzo.explore.attributes import luma

Pixels = NDArray[np.uint8]
Colours = NDArray[np.float64]
Masks = NDArray[np.bool_]

SIDE = 32
"""Pictures and activations are compared at this size at most, in pixels of the longer side."""


TIED = 0.05
"""IoU from which on a unit goes with a concept."""


@dataclass(frozen=True)
class Concept:
    """Something that pictures show in some places."""

    name: str
    """Such as ``sun``."""
    source: str
    """What finds it: ``painter``, a segmenter trained on the painter's pictures, or ``measured``."""
    quality: float | None
    """IoU of the found masks with the exact ones, on pictures kept from training; None where the definition is all."""
    share: float
    """Share of the pixels of generated pictures that show it."""


def reduced_size(height: int, width: int) -> tuple[int, int]:
    """Return height and width, the longer of the two at most :data:`SIDE`."""
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def reduced(pictures: Pixels) -> Colours:
    """Return pictures (n, height, width, 1, 3 or 4 channels) as RGB in [0, 1] of reduced size; alpha is left out."""
    height, width = reduced_size(*pictures.shape[1:3])
    planes = torch.from_numpy(pictures[..., :3].copy()).permute(0, 3, 1, 2).float() / 255
    small = adaptive_avg_pool2d(planes, (height, width)).permute(0, 2, 3, 1).double().numpy()
    return np.broadcast_to(small, (*small.shape[:3], 3))


def hue(colours: Colours) -> Colours:
    """Return the hue of RGB (n, height, width, 3) in degrees: red is 0, green 120, blue 240; 0 where there is none."""
    red, green, blue = np.moveaxis(colours, -1, 0)
    return np.asarray(np.degrees(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)) % 360)


def saturation(colours: Colours) -> Colours:
    """Return the difference of the largest and the smallest channel (n, height, width), in [0, 1]."""
    return np.asarray(colours.max(-1) - colours.min(-1))


def slope(colours: Colours) -> Colours:
    """Return the length of the gradient of luma (n, height, width), by central differences, in units per pixel."""
    down, across = np.gradient(luma(colours), axis=(1, 2))
    return np.asarray(np.hypot(down, across))


def _coloured(first: float, last: float) -> Callable[[Colours], Masks]:
    """Return a function that finds saturated pixels whose hue lies between two angles, counted upwards."""
    return lambda colours: np.asarray(
        (saturation(colours) > 0.2) & ((hue(colours) - first) % 360 < (last - first) % 360)
    )


def sky(colours: Colours) -> Masks:
    """Find what is like a sky: in the upper half, bright, smooth and no warmer than grey."""
    upper = (np.arange(colours.shape[1]) < colours.shape[1] / 2)[:, None]
    cool = colours[..., 2] >= colours[..., 0]
    return np.asarray(upper & cool & (luma(colours) > 0.45) & (slope(colours) < 0.05))


MEASURED: dict[str, Callable[[Colours], Masks]] = {
    "dark": lambda colours: luma(colours) < 0.2,
    "light": lambda colours: luma(colours) > 0.8,
    "edge": lambda colours: slope(colours) > 0.12,
    "smooth": lambda colours: slope(colours) < 0.01,
    "saturated": lambda colours: saturation(colours) > 0.5,
    "grey": lambda colours: saturation(colours) < 0.08,
    "red": _coloured(340, 20),
    "yellow": _coloured(35, 70),
    "green": _coloured(80, 160),
    "blue": _coloured(190, 260),
    "sky-like": sky,
}
"""Every measured concept: from RGB (n, height, width, 3) in [0, 1] to a mask (n, height, width)."""


def measured(colours: Colours) -> Masks:
    """Return the masks (n, concepts, height, width) of every measured concept."""
    return np.stack([find(colours) for find in MEASURED.values()], 1)
