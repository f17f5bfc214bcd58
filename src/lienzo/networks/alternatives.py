"""Layers that DCGAN's authors advise against (Radford et al. 2016, section 3), to see what their advice is worth.

Pooling and upsampling stand where a DCGAN has strides, a fully connected layer where it has none.
"""

from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d

from lienzo.networks.kernels.grouped import FlatConv2d


class PooledConv2d(FlatConv2d):
    """A 3×3 convolution and the largest of each 2×2 pixels, from (N, C, H, W) to (N, O, H/2, W/2)."""

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, O, H/2, W/2)."""
        return max_pool2d(super().forward(features), 2)


class UpsampledConv2d(FlatConv2d):
    """A 3×3 convolution of features of which each pixel stands 2×2 times, from (N, C, H, W) to (N, O, 2H, 2W)."""

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, O, 2H, 2W)."""
        return super().forward(interpolate(features, scale_factor=2, mode="nearest"))


class FullyConnected(nn.Linear):
    """A layer whose units see all features, from (N, C, H, W) to (N, units, 1, 1)."""

    def __init__(self, channels: int, height: int, width: int, units: int) -> None:
        super().__init__(channels * height * width, units)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, units, 1, 1)."""
        return super().forward(features.permute(0, 2, 3, 1).flatten(1))[..., None, None]


class ClampedAfterTraining(nn.Module):
    """Pictures as they are in training mode, and clamped to [−1, 1] in evaluation mode."""

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, C, H, W)."""
        return images if self.training else images.clamp(-1, 1)
