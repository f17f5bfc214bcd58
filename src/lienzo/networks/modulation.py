"""Batch normalisation that latents steer."""

import torch
from torch import Tensor, nn

from lienzo.networks.statistics import BatchNorm2d


class Modulation(nn.Module):
    """Batch normalisation of (N, channels, H, W) whose scale and shift are functions of z (Chen et al. 2019, eq. 1).

    The functions are linear: the paper's hidden layer is left out. They begin near a scale of 1 and a shift of 0.
    """

    def __init__(self, channels: int, latents: int) -> None:
        super().__init__()
        self.norm = BatchNorm2d(channels, affine=False)
        self.style = nn.Linear(latents, 2 * channels)

    def forward(self, features: Tensor, z: Tensor) -> Tensor:
        """Return (N, channels, H, W)."""
        weight = self.style.weight.T.contiguous()  # its gradient's sums are then the same for any number of threads
        scale, shift = torch.addmm(self.style.bias, z, weight)[..., None, None].chunk(2, 1)
        modulated: Tensor = torch.addcmul(shift, self.norm(features), 1 + scale)
        return modulated
