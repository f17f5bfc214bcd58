"""Pictures as bytes, the way collections and PNG hold them, and as numbers, the way networks see them.

Bytes are (N, H, W, C) uint8. Numbers are (N, C, H, W) float in [−1, 1]: byte 0 is −1, byte 255 is 1.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.compute.devices import memory_format


def from_bytes(pixels: Tensor) -> Tensor:
    """Return bytes (..., H, W, C) as numbers (..., C, H, W), float32, in the device's memory format."""
    images = pixels.float().div_(127.5).sub_(1).movedim(-1, -3)
    return images if memory_format(pixels.device) == torch.channels_last else images.contiguous()


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Return numbers (N, C, H, W) as bytes (N, H, W, C) on the CPU, rounded; beyond [−1, 1] they are clipped."""
    pixels = images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).cpu().numpy()
