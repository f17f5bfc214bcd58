"""Residual networks without normalisation, in the manner of R3GAN (Huang et al. 2024, arXiv 2501.05441, config E).

Generator and discriminator are built alike, in opposite directions: residual blocks at every resolution and bilinear
resampling between two resolutions. Where the number of channels changes, a 1×1 convolution changes it. A residual block
has three convolutions: 1×1 to more channels, 3×3 in groups of channels, and 1×1 back. Nothing is normalised. Instead
every block begins as the identity ("fix-up", Zhang et al. 2019), so that variance neither grows nor shrinks with depth.

Three things differ from the paper:

- Resampling repeats the pixels of the border instead of filling in zeros.
- Labels enter as in all of lienzo's networks: the generator adds their embedding to z instead of appending it, and the
  discriminator adds a product to its logit instead of returning that product alone.
- In evaluation mode pictures are clamped to [−1, 1]. In training mode they are not, as in the paper.

Inside, feature maps are (N, H, W, C), the order in memory of channels-last tensors. A 1×1 convolution is then
``nn.Linear``.
"""

import itertools
import math

import torch
from torch import Tensor, nn

from lienzo.networks.conditions import LabelEmbedding, LabelProjection
from lienzo.networks.configurations import Residual, Size
from lienzo.networks.kernels.grouped import GroupedConv2d
from lienzo.networks.kernels.resampling import Downsample, Upsample
from lienzo.networks.shape import Shape
from lienzo.networks.vae import Encoder

SLOPE = 0.2
"""Slope of the leaky ReLU below 0."""

GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Factor of the weights before a leaky ReLU that keeps the variance of what passes through (He et al. 2015, eq. 15)."""

EXPANSION = 2
"""Channels inside a block for each channel of its input."""


class Generator(nn.Module):
    """From latents (N, latents) to pictures (N, C, H, W), which are in [−1, 1] in evaluation mode."""

    def __init__(self, network: Residual, shape: Shape, classes: int = 0) -> None:
        super().__init__()
        self.latents, size = network.latents, network.numbers()
        base_height, base_width, doublings = shape.doublings()
        widths = _widths(size, doublings)
        depth = size.blocks * len(widths)
        layers: list[nn.Module] = [Modulated(network.latents, widths[0], base_height, base_width)]
        layers += [Block(widths[0], size.group_width, depth) for _ in range(size.blocks)]
        for inside, outside in itertools.pairwise(widths):
            layers += [*_matched(inside, outside), Upsample()]
            layers += [Block(outside, size.group_width, depth) for _ in range(size.blocks)]
        self.layers = nn.Sequential(*layers, _linear(widths[-1], shape.channels))
        self.embedding = LabelEmbedding(classes, network.latents) if classes else None

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the pictures (N, C, H, W) of latents ``z`` (N, latents) and labels ``y`` (N, classes)."""
        if self.embedding is not None and y is not None:
            z = self.embedding(z, y)
        images: Tensor = self.layers(z).permute(0, 3, 1, 2)
        return images if self.training else images.clamp(-1, 1)


class Discriminator(nn.Module):
    """From pictures (N, C, H, W) in [−1, 1] to logits (N,)."""

    def __init__(self, network: Residual, shape: Shape, classes: int = 0, *, outputs: int = 1) -> None:
        super().__init__()
        size = network.numbers()
        base_height, base_width, doublings = shape.doublings()
        widths = _widths(size, doublings)[::-1]
        depth = size.blocks * len(widths)
        layers: list[nn.Module] = [ChannelsLast(), _linear(shape.channels, widths[0])]
        layers += [Block(widths[0], size.group_width, depth) for _ in range(size.blocks)]
        for outside, inside in itertools.pairwise(widths):
            layers += [Downsample(), *_matched(outside, inside)]
            layers += [Block(inside, size.group_width, depth) for _ in range(size.blocks)]
        self.layers = nn.Sequential(*layers, Pooled(widths[-1], base_height, base_width))
        self.readout = _linear(widths[-1], outputs)
        self.projection = LabelProjection(classes, widths[-1]) if classes else None

    def forward(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the logits (N,) of pictures (N, C, H, W) in [−1, 1] with labels ``y`` (N, classes).

        Of several labels for each picture, (K, N, classes), the logits are (K, N).
        """
        features: Tensor = self.layers(images)  # (N, width)
        logits: Tensor = self.readout(features).flatten()
        if self.projection is not None and y is not None:
            logits = logits + self.projection(features, y)
        return logits


def encoder(network: Residual, shape: Shape) -> Encoder:
    """Return the discriminator's layers as an encoder, with the mean and the log variance of each latent as outputs."""
    discriminator = Discriminator(network, shape, outputs=2 * network.latents)
    return Encoder(nn.Sequential(discriminator.layers, discriminator.readout))


class Block(nn.Module):
    """A residual block: features (N, H, W, channels) plus what three convolutions make of them, at the beginning 0."""

    def __init__(self, channels: int, group_width: int, depth: int) -> None:
        """Make one of ``depth`` blocks. The more there are, the smaller their first weights (Zhang et al. 2019)."""
        super().__init__()
        inner = EXPANSION * channels
        self.widen = nn.Linear(channels, inner)
        self.mix = GroupedConv2d(inner, inner // math.gcd(inner, group_width))
        self.narrow = nn.Linear(inner, channels, bias=False)
        self.after_widen, self.after_mix = nn.LeakyReLU(SLOPE), nn.LeakyReLU(SLOPE, inplace=True)
        _draw(self.widen, GAIN * depth**-0.25)
        _draw(self.mix, GAIN * depth**-0.25)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, H, W, channels)."""
        wide = self.after_widen(self.widen(features).permute(0, 3, 1, 2))  # (N, 2 · channels, H, W)
        mixed = self.after_mix(self.mix(wide))  # (N, 2 · channels, H, W)
        added: Tensor = features + self.narrow(mixed.permute(0, 2, 3, 1))
        return added


class Modulated(nn.Module):
    """The smallest feature maps, learnt, times a linear function of z: from (N, latents) to (N, height, width, C)."""

    def __init__(self, latents: int, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(height, width, channels))
        self.strength = _linear(latents, channels)

    def forward(self, z: Tensor) -> Tensor:
        """Return (N, height, width, C)."""
        strength: Tensor = self.strength(z)
        return self.basis.to(strength.dtype) * strength[:, None, None]


class Pooled(nn.Module):
    """The sum of each of the smallest feature maps, with learnt weights: from (N, height, width, C) to (N, C)."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(height, width, channels) / math.sqrt(height * width))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C)."""
        return (features * self.basis.to(features.dtype)).sum((1, 2))


class ChannelsLast(nn.Module):
    """The transposition from pictures (N, C, H, W) to feature maps (N, H, W, C)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, H, W, C)."""
        return images.permute(0, 2, 3, 1)


def _widths(size: Size, doublings: int) -> list[int]:
    """Return the channels at each resolution, the smallest first."""
    return [max(1, min(size.width, size.width * size.wide_to // (4 * 2**i))) for i in range(doublings + 1)]


def _matched(inputs: int, outputs: int) -> list[nn.Module]:
    """Return the layer that changes the number of channels, or nothing where the number stays."""
    return [_linear(inputs, outputs)] if inputs != outputs else []


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    _draw(layer)
    return layer


def _draw(layer: nn.Linear | nn.Conv2d, gain: float = 1.0) -> None:
    """Draw weights from a normal law under which the output has the variance of the input times gain²; biases are 0."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
