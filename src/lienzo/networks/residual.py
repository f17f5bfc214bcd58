"""Residual networks without normalisation, in the manner of R3GAN (Huang et al. 2024, arXiv 2501.05441, config E).

Both players are one stack of planes, the generator's turned round: at every side some residual blocks, between two
sides bilinear resampling and, where the number of channels changes, a product with a matrix at every pixel. A block
widens its planes, mixes neighbouring pixels in groups of channels, and narrows them again. Nothing is normalised:
blocks begin as the identity ("fix-up", Zhang et al. 2019), so that variance neither grows nor fades with depth.

Three things differ from the paper. Resampling continues planes beyond the border instead of filling in zeros. Labels
are embedded as in all of lienzo's networks: added to z, not appended, and a product beside the logit, not in its place.
In evaluation mode pictures are cut off at −1 and 1; while the generator learns they are not, as there.

Inside, planes are (N, H, W, C), channels last, as they lie in memory: a convolution 1×1 is a linear layer.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from lienzo.errors import refuse_below
from lienzo.networks.conditions import LabelEmbedding, LabelProjection
from lienzo.networks.kernels.grouped import Grouped
from lienzo.networks.kernels.resampling import Down, Up
from lienzo.networks.shape import Shape
from lienzo.networks.vae import Encoder

SLOPE = 0.2
"""Of the leaky ReLU on negative numbers."""

GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Of the weights before a leaky ReLU, which keeps the variance (He et al. 2015, equation 15)."""

EXPANSION = 2
"""Channels inside a block, for each outside."""


class Size(NamedTuple):
    """How large both players are; :class:`Residual` says what each number means."""

    width: int
    wide_to: int
    blocks: int
    group_width: int


SIZES = {
    "XS": Size(width=128, wide_to=8, blocks=1, group_width=16),
    "S": Size(width=256, wide_to=16, blocks=2, group_width=16),
    "M": Size(width=768, wide_to=32, blocks=2, group_width=16),
}
"""M is the paper's for Stacked MNIST, CIFAR-10 and FFHQ; that for ImageNet has a width of 1536, up to 64 pixels, and
groups of 32."""


@dataclass(frozen=True)
class Residual:
    """A pair of residual networks for pictures of any size that is 4 to 7 times a power of two."""

    latents: int = 64
    """Dimension of z."""

    size: Literal["XS", "S", "M"] = "XS"
    """XS trains on a processor, M is the paper's. What is given below takes the place of the size's own number."""

    width: int | None = None
    """Channels of the planes up to ``wide_to`` pixels; every doubling of their sides beyond halves them."""

    wide_to: int | None = None
    """The largest side of planes with all channels, where the smallest planes count as 4 pixels."""

    blocks: int | None = None
    """Residual blocks at each side."""

    group_width: int | None = None
    """Channels that a 3×3 convolution mixes, or the largest common divisor with those it has; 0: all."""

    def __post_init__(self) -> None:
        width, wide_to, blocks, group_width = self._size()
        refuse_below(1, {"network.latents": self.latents, "network.width": width})
        refuse_below(1, {"network.wide_to": wide_to, "network.blocks": blocks})
        refuse_below(0, {"network.group_width": group_width})

    def generator(self, shape: Shape, classes: int = 0) -> "Generator":
        """Return a generator of pictures of this shape, initialised."""
        return Generator(shape, self.latents, self._size(), classes)

    def discriminator(self, shape: Shape, classes: int = 0) -> "Discriminator":
        """Return a discriminator of pictures of this shape, initialised."""
        return Discriminator(shape, self._size(), classes)

    def encoder(self, shape: Shape) -> Encoder:
        """Return an encoder of pictures of this shape, initialised: the discriminator's layers with other outputs."""
        discriminator = Discriminator(shape, self._size(), outputs=2 * self.latents)
        return Encoder(nn.Sequential(discriminator.layers, discriminator.readout))

    def _size(self) -> Size:
        given = {name: getattr(self, name) for name in Size._fields}
        return SIZES[self.size]._replace(**{name: number for name, number in given.items() if number is not None})


class Generator(nn.Module):
    """From latents (N, latents) to pictures (N, C, H, W), in evaluation mode in [−1, 1]."""

    def __init__(self, shape: Shape, latents: int, size: Size, classes: int = 0) -> None:
        super().__init__()
        self.latents = latents
        base_height, base_width, doublings = shape.doublings()
        widths = _widths(size, doublings)
        depth = size.blocks * len(widths)
        layers: list[nn.Module] = [Modulated(latents, widths[0], base_height, base_width)]
        layers += [Block(widths[0], size.group_width, depth) for _ in range(size.blocks)]
        for inside, outside in itertools.pairwise(widths):
            layers += [*_matched(inside, outside), Up()]
            layers += [Block(outside, size.group_width, depth) for _ in range(size.blocks)]
        self.layers = nn.Sequential(*layers, _linear(widths[-1], shape.channels))
        self.embedding = LabelEmbedding(classes, latents) if classes else None

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the pictures (N, C, H, W) of latents ``z`` (N, latents) and labels ``y`` (N, classes)."""
        if self.embedding is not None and y is not None:
            z = self.embedding(z, y)
        images: Tensor = self.layers(z).permute(0, 3, 1, 2)
        return images if self.training else images.clamp(-1, 1)


class Discriminator(nn.Module):
    """From pictures (N, C, H, W) in [−1, 1] to logits (N,)."""

    def __init__(self, shape: Shape, size: Size, classes: int = 0, *, outputs: int = 1) -> None:
        super().__init__()
        base_height, base_width, doublings = shape.doublings()
        widths = _widths(size, doublings)[::-1]
        depth = size.blocks * len(widths)
        layers: list[nn.Module] = [ChannelsLast(), _linear(shape.channels, widths[0])]
        layers += [Block(widths[0], size.group_width, depth) for _ in range(size.blocks)]
        for outside, inside in itertools.pairwise(widths):
            layers += [Down(), *_matched(outside, inside)]
            layers += [Block(inside, size.group_width, depth) for _ in range(size.blocks)]
        self.layers = nn.Sequential(*layers, Pooled(widths[-1], base_height, base_width))
        self.readout = _linear(widths[-1], outputs)
        self.projection = LabelProjection(classes, widths[-1]) if classes else None

    def forward(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the logits (N,) of pictures (N, C, H, W) in [−1, 1] with labels ``y`` (N, classes)."""
        features: Tensor = self.layers(images)  # (N, width)
        logits: Tensor = self.readout(features).flatten()
        if self.projection is not None and y is not None:
            logits = logits + self.projection(features, y)
        return logits


class Block(nn.Module):
    """Planes (N, H, W, channels) plus what three convolutions make of them: at the beginning nothing."""

    def __init__(self, channels: int, group_width: int, depth: int) -> None:
        """Begin as one of ``depth`` blocks, whose weights are the smaller the more there are (Zhang et al. 2019)."""
        super().__init__()
        inner = EXPANSION * channels
        self.widen = nn.Linear(channels, inner)
        self.mix = Grouped(inner, inner // math.gcd(inner, group_width))
        self.narrow = nn.Linear(inner, channels, bias=False)
        _draw(self.widen, GAIN * depth**-0.25)
        _draw(self.mix, GAIN * depth**-0.25)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, planes: Tensor) -> Tensor:
        """Return (N, H, W, channels)."""
        wide = leaky_relu(self.widen(planes), SLOPE)  # (N, H, W, 2 · channels)
        mixed = leaky_relu(self.mix(wide.permute(0, 3, 1, 2)), SLOPE, inplace=True)  # (N, 2 · channels, H, W)
        added: Tensor = planes + self.narrow(mixed.permute(0, 2, 3, 1))
        return added


class Modulated(nn.Module):
    """The smallest planes, learnt, each times a linear function of z: from (N, latents) to (N, height, width, C)."""

    def __init__(self, latents: int, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(height, width, channels))
        self.strength = _linear(latents, channels)

    def forward(self, z: Tensor) -> Tensor:
        """Return (N, height, width, C)."""
        strength: Tensor = self.strength(z)
        return self.basis.to(strength.dtype) * strength[:, None, None]


class Pooled(nn.Module):
    """The weighted sum of each of the smallest planes, the weights learnt: from (N, height, width, C) to (N, C)."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(height, width, channels) / math.sqrt(height * width))

    def forward(self, planes: Tensor) -> Tensor:
        """Return (N, C)."""
        return (planes * self.basis.to(planes.dtype)).sum((1, 2))


class ChannelsLast(nn.Module):
    """Pictures (N, C, H, W) as planes (N, H, W, C)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, H, W, C)."""
        return images.permute(0, 2, 3, 1)


def _widths(size: Size, doublings: int) -> list[int]:
    """Return the channels at each side, from the smallest planes to the picture's."""
    return [max(1, min(size.width, size.width * size.wide_to // (4 * 2**i))) for i in range(doublings + 1)]


def _matched(inputs: int, outputs: int) -> list[nn.Module]:
    """Return the layer that changes the number of channels, where it changes."""
    return [_linear(inputs, outputs)] if inputs != outputs else []


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    _draw(layer)
    return layer


def _draw(layer: nn.Linear | nn.Conv2d, gain: float = 1.0) -> None:
    """Draw weights that keep the variance of what goes in, times gain², and set biases to 0."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
