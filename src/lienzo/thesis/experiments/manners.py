"""Pictures of the procedural painter as tensors, with the manner of each: a small task whose answers are known."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lienzo.painter.manners import MANNERS, paint_canvas


def painted(count: int, side: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return pictures of all manners in turn, and which manner each has.

    Args:
        count: number of pictures.
        side: height and width in pixels.
        seed: of the painter; another one paints other pictures.

    Returns:
        Pictures (count, 3, side, side) in [−1, 1], and the numbers (count,) of their manners.
    """
    names = list(MANNERS)
    manners = [number % len(names) for number in range(count)]
    pixels = np.stack([_square(paint_canvas(names[manner], seed, i), side) for i, manner in enumerate(manners)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1, torch.tensor(manners)


def _square(picture: Image.Image, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the middle of a picture, brought to size, as (side, side, 3)."""
    short = min(picture.size)
    left, top = ((length - short) / 2 for length in picture.size)
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS, (left, top, left + short, top + short)))
