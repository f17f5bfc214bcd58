"""Batch normalisation that latents steer, and noise that they draw."""

import torch
from torch import Tensor, nn

from lienzo.networks.statistics import BatchNorm2d


class Modulation(nn.Module):
    """Batch normalisation of (N, channels, H, W) whose scale and shift are functions of z (Chen et al. 2019, eq. 1).

    The functions are linear: the paper's hidden layer is left out. They begin near a scale of 1 and a shift of 0.
    """

    def __init__(self, channels: int, latents: int, noise: tuple[int, int] | None = None) -> None:
        """Make one that adds :class:`Noise` of this height and width too, if they are given."""
        super().__init__()
        self.norm = BatchNorm2d(channels, affine=False)
        self.style = nn.Linear(latents, 2 * channels)
        self.noise = Noise(channels, latents, *noise) if noise else None

    def forward(self, features: Tensor, z: Tensor) -> Tensor:
        """Return (N, channels, H, W)."""
        weight = self.style.weight.T.contiguous()  # its gradient's sums are then the same for any number of threads
        scale, shift = torch.addmm(self.style.bias, z, weight)[..., None, None].chunk(2, 1)
        modulated: Tensor = torch.addcmul(shift, self.norm(features), 1 + scale)
        return modulated if self.noise is None else self.noise.added(modulated, z)


class Noise(nn.Module):
    """Noise from N(0, 1) for each pixel, added to all channels, at a strength that each learns (Karras et al. 2019).

    The paper draws new noise for each picture. Here z draws it, by a fixed random projection (the buffer ``pattern``):
    one z is still one picture, of similar latents the noise is similar, and a gradient finds its way back to z. No two
    pixels have the same noise: over all z, the correlation of two is about 1/√latents.
    """

    pattern: Tensor

    def __init__(self, channels: int, latents: int, height: int, width: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(channels))
        self.register_buffer("pattern", torch.randn(latents, height * width) / latents**0.5)

    def added(self, features: Tensor, z: Tensor) -> Tensor:
        """Return features (N, channels, H, W) with the noise of latents (N, latents)."""
        images, channels, height, width = features.shape
        pixels = features.permute(0, 2, 3, 1).reshape(images, height * width, channels)
        noise = (z @ self.pattern).to(features.dtype)[..., None]
        strength = self.strength.to(features.dtype).expand(images, 1, channels)
        noisy = torch.baddbmm(pixels, noise, strength)  # its gradient's sums too do not depend on threads
        return noisy.view(images, height, width, channels).permute(0, 3, 1, 2)
