"""Fading new layers in: a grown network mixes its pictures from before with those of the new layers.

This is the fade of progressive growing (Karras et al. 2018, section 2, figure 2). The weight α of the new layers is a
buffer of the network: a number on the device, so that a captured CUDA graph sees it change, and a tensor of its file,
so that a generator saved during a fade makes the same pictures when it is loaded.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

ALPHA = "fade.alpha"
"""Name of α among a grown network's tensors."""


class Fade(nn.Module):
    """The mixture (1 − α) · old + α · new, exactly old at α = 0 and exactly new at α = 1; α is 1 unless it is set."""

    alpha: Tensor
    """The weight of the new layers, a scalar in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("alpha", torch.ones(()))

    def forward(self, old: Tensor, new: Tensor) -> Tensor:
        """Return the mixture of two tensors of one shape in at least float32: bfloat16 would round α to 256 steps."""
        old, new = (part.to(torch.promote_types(part.dtype, torch.float32)) for part in (old, new))
        return torch.lerp(old, new, self.alpha.to(new.dtype))


def set_alpha(module: nn.Module, alpha: float | Tensor) -> None:
    """Set α in each :class:`Fade` of a network, if it has any."""
    for part in module.modules():
        if isinstance(part, Fade):
            part.alpha.fill_(alpha)


def enlarged(images: Tensor) -> Tensor:
    """Return pictures (N, C, H, W) at twice the size, (N, C, 2H, 2W), by repeating each pixel."""
    return interpolate(images, scale_factor=2.0, mode="nearest")


def shrunk(images: Tensor) -> Tensor:
    """Return pictures (N, C, H, W) at half the size, (N, C, H/2, W/2), by the mean of each 2×2 pixels."""
    return avg_pool2d(images, 2)
