"""The deep convolutional GAN of Radford, Metz and Chintala (2016), as the thesis built it.

Strided convolutions instead of pooling, transposed convolutions in the generator, batch normalisation in both players
(but not on the pictures themselves), no fully connected layer, ReLU and tanh in the generator, LeakyReLU in the
discriminator, which ends before the sigmoid.
"""

import itertools
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.parametrizations import spectral_norm

from lienzo.errors import RecipeError
from lienzo.nets.blocks import Entrance, Exit
from lienzo.nets.conditions import LabelEmbedding, LabelProjection
from lienzo.nets.convolutions import Doubling, Halving
from lienzo.nets.shape import Shape
from lienzo.nets.statistics import BatchNorm2d, MinibatchDeviation
from lienzo.nets.vae import Encoder


@dataclass(frozen=True)
class DCGAN:
    """A pair of DCGAN networks for pictures of any size that is 4 to 7 times a power of two."""

    latents: int = 100
    """Dimension of z."""

    width: int = 64
    """Channels beside the picture; each layer further from it has twice as many, up to eight times as many."""

    discriminator_norm: Literal["batch", "spectral", "none"] = "batch"
    """Batch normalisation, spectral normalisation (Miyato et al. 2018) or none in the discriminator."""

    minibatch_deviation: bool = False
    """Show the discriminator how much the pictures of a batch differ (Karras et al. 2018, section 3)."""

    self_modulation: bool = False
    """Let z scale and shift every batch normalisation of the generator (Chen et al. 2019, arXiv 1810.01365)."""

    def __post_init__(self) -> None:
        if min(self.latents, self.width) < 1:
            raise RecipeError("network.latents and network.width have to be at least 1.")

    def generator(self, shape: Shape, classes: int = 0) -> "Generator":
        """Return a generator of pictures of this shape, initialised."""
        return Generator(shape, self.latents, self.width, self.self_modulation, classes)

    def discriminator(self, shape: Shape, classes: int = 0) -> "Discriminator":
        """Return a discriminator of pictures of this shape, initialised."""
        return Discriminator(shape, self.width, self.discriminator_norm, self.minibatch_deviation, classes)

    def encoder(self, shape: Shape) -> Encoder:
        """Return an encoder of pictures of this shape, initialised: the discriminator's layers with other outputs."""
        norm, outputs = self.discriminator_norm, 2 * self.latents
        return Encoder(Discriminator(shape, self.width, norm, self.minibatch_deviation, outputs=outputs).layers)


class Generator(nn.Module):
    """From latents (N, latents) to pictures (N, C, H, W) in (−1, 1)."""

    def __init__(self, shape: Shape, latents: int, width: int, self_modulation: bool = False, classes: int = 0) -> None:
        super().__init__()
        self.latents = latents
        base_height, base_width, doublings = shape.doublings()
        widths = _widths(width, doublings)[::-1]  # at 64×64: 512, 256, 128, 64

        def normalised(channels: int) -> list[nn.Module]:
            norm = Modulation(channels, latents) if self_modulation else BatchNorm2d(channels)
            return [norm, nn.ReLU(inplace=True)]

        layers: list[nn.Module] = [Projection(latents, widths[0], base_height, base_width), *normalised(widths[0])]
        for inside, outside in itertools.pairwise(widths):
            layers += [Doubling(inside, outside), *normalised(outside)]
        layers += [Exit(widths[-1], shape.channels), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)
        self.embedding = LabelEmbedding(classes, latents) if classes else None

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the pictures (N, C, H, W) in (−1, 1) of latents ``z`` (N, latents) and labels ``y`` (N, classes)."""
        if self.embedding is not None and y is not None:
            z = self.embedding(z, y)
        features = z
        for layer in self.layers:
            features = layer(features, z) if isinstance(layer, Modulation) else layer(features)
        return features


class Discriminator(nn.Module):
    """From pictures (N, C, H, W) in [−1, 1] to logits (N,)."""

    def __init__(
        self,
        shape: Shape,
        width: int,
        norm: Literal["batch", "spectral", "none"],
        minibatch_deviation: bool,
        classes: int = 0,
        *,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        base_height, base_width, doublings = shape.doublings()
        widths = _widths(width, doublings)  # at 64×64: 64, 128, 256, 512
        layers: list[nn.Module] = [
            Entrance(shape.channels, widths[0]),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for inside, outside in itertools.pairwise(widths):
            layers += [Halving(inside, outside, bias=norm != "batch")]
            layers += [BatchNorm2d(outside)] if norm == "batch" else []
            layers += [nn.LeakyReLU(0.2, inplace=True)]
        layers += [MinibatchDeviation()] if minibatch_deviation else []
        layers += [Readout(widths[-1] + minibatch_deviation, base_height, base_width, outputs)]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)
        self.projection = LabelProjection(classes, widths[-1] + minibatch_deviation) if classes else None
        if norm == "spectral":
            for layer in [*layers, self.projection]:
                if isinstance(layer, nn.Conv2d | Readout | LabelProjection):
                    spectral_norm(layer)

    def forward(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the logits (N,) of pictures (N, C, H, W) in [−1, 1] with labels ``y`` (N, classes)."""
        *layers, readout = self.layers
        features = images
        for layer in layers:
            features = layer(features, y) if isinstance(layer, MinibatchDeviation) else layer(features)
        logits: Tensor = readout(features).flatten()
        if self.projection is not None and y is not None:
            logits = logits + self.projection(features, y)
        return logits


class Projection(nn.Module):
    """The transposed convolution of a single pixel, from (N, inputs) to (N, outputs, H, W): a product of matrices.

    The weights are those of ``nn.ConvTranspose2d``; the convolution itself takes several times as long on a CPU.
    Channels stand last, as in memory, so that nothing is copied.
    """

    def __init__(self, inputs: int, outputs: int, height: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, height, width))

    def forward(self, z: Tensor) -> Tensor:
        """Return (N, outputs, H, W)."""
        outputs, height, width = self.weight.shape[1:]
        return (z @ self.weight.permute(0, 2, 3, 1).flatten(1)).view(-1, height, width, outputs).permute(0, 3, 1, 2)


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
        scale, shift = self.style(z)[..., None, None].chunk(2, 1)
        modulated: Tensor = torch.addcmul(shift, self.norm(features), 1 + scale)
        return modulated


class Readout(nn.Module):
    """The convolution whose kernel covers its whole input, from (N, C, H, W) to (N, outputs): a product of matrices.

    The weights are those of ``nn.Conv2d``; the convolution itself takes several times as long on a CPU. Channels stand
    last, as in memory, so that nothing is copied.
    """

    def __init__(self, inputs: int, height: int, width: int, outputs: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, height, width))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, outputs)."""
        return linear(features.permute(0, 2, 3, 1).flatten(1), self.weight.permute(0, 2, 3, 1).flatten(1))


def _widths(width: int, doublings: int) -> list[int]:
    return [width * min(2**i, 8) for i in range(doublings)]


def _initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and the scales of batch normalisation from N(1, 0.02), as the thesis does."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | Projection | Readout):
        nn.init.normal_(module.weight, 0.0, 0.02)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
