"""Fading new layers in: a grown network takes its old way beside its new one (Karras et al. 2018, section 2, figure 2).

How much the new way counts, α, is a buffer: a number on the device, so that a captured step sees it change, and part of
the network's file, so that a generator from the middle of a fade paints as it did.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

ALPHA = "fade.alpha"
"""Name of α among a grown network's tensors."""


class Fade(nn.Module):
    """(1 − α) · old + α · new: exactly the old at α = 0, exactly the new at α = 1, where a network begins."""

    alpha: Tensor
    """A scalar in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("alpha", torch.ones(()))

    def forward(self, old: Tensor, new: Tensor) -> Tensor:
        """Return the mixture of two tensors of one shape, in float32 or better: bfloat16 has 256 steps of α only."""
        old, new = (part.to(torch.promote_types(part.dtype, torch.float32)) for part in (old, new))
        return torch.lerp(old, new, self.alpha.to(new.dtype))


def set_alpha(module: nn.Module, alpha: float | Tensor) -> None:
    """Set how much the new ways of a network count; nothing where it has none."""
    for part in module.modules():
        if isinstance(part, Fade):
            part.alpha.fill_(alpha)


def enlarged(images: Tensor) -> Tensor:
    """Return pictures (N, C, H, W) as (N, C, 2H, 2W), each pixel four times."""
    return interpolate(images, scale_factor=2.0, mode="nearest")


def shrunk(images: Tensor) -> Tensor:
    """Return pictures (N, C, H, W) as (N, C, H/2, W/2), each pixel the mean of four."""
    return avg_pool2d(images, 2)
