"""What can be measured of a picture without a network: attributes that directions are named by."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Attribute:
    """A number for each picture."""

    measure: Callable[[NDArray[np.float64]], Numbers]
    """Function from RGB (n, height, width, 3) in [0, 1] to the number (n,)."""
    more: str
    """Adjective of a picture that has more of it."""
    less: str
    """Adjective of a picture that has less of it."""


def luma(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the luma (n, height, width) of RGB (Rec. 601)."""
    return np.asarray(colours @ np.array([0.299, 0.587, 0.114]))


def roughness(colours: NDArray[np.float64]) -> Numbers:
    """Return the mean step of luma from a pixel to its neighbours on the right and below."""
    grey = luma(colours)
    across, down = np.abs(np.diff(grey, axis=2)), np.abs(np.diff(grey, axis=1))
    return np.asarray((across.mean((1, 2)) + down.mean((1, 2))) / 2)


ATTRIBUTES: dict[str, Attribute] = {
    "brightness": Attribute(lambda colours: luma(colours).mean((1, 2)), "brighter", "darker"),
    "warmth": Attribute(lambda colours: (colours[..., 0] - colours[..., 2]).mean((1, 2)), "warmer", "cooler"),
    "green": Attribute(
        lambda colours: (colours[..., 1] - (colours[..., 0] + colours[..., 2]) / 2).mean((1, 2)), "greener", "pinker"
    ),
    "saturation": Attribute(
        lambda colours: (colours.max(-1) - colours.min(-1)).mean((1, 2)), "more colourful", "greyer"
    ),
    "contrast": Attribute(lambda colours: luma(colours).std((1, 2)), "more contrast", "less contrast"),
    "roughness": Attribute(roughness, "rougher", "smoother"),
    "top-light": Attribute(
        lambda colours: _half(colours, 1, True) - _half(colours, 1, False), "lighter above", "lighter below"
    ),
    "left-light": Attribute(
        lambda colours: _half(colours, 2, True) - _half(colours, 2, False),
        "lighter on the left",
        "lighter on the right",
    ),
}
"""Every attribute by its name."""


def measure(pictures: Pixels) -> dict[str, Numbers]:
    """Return every attribute (n,) of pictures (n, height, width, 1, 3 or 4 channels); alpha is left out."""
    colours = pictures[..., :3].astype(np.float64) / 255
    colours = np.broadcast_to(colours, (*colours.shape[:3], 3))
    return {name: attribute.measure(colours) for name, attribute in ATTRIBUTES.items()}


def _half(colours: NDArray[np.float64], axis: int, first: bool) -> Numbers:
    grey = luma(colours)
    middle = grey.shape[axis] // 2
    part = np.take(grey, range(middle) if first else range(middle, grey.shape[axis]), axis)
    return np.asarray(part.mean((1, 2)))
