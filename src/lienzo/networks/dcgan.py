"""The deep convolutional GAN of Radford, Metz and Chintala (2016), as the thesis built it.

Strided convolutions instead of pooling, transposed convolutions in the generator, batch normalisation in both players
(but not on the pictures themselves), no fully connected layer, ReLU and tanh in the generator, LeakyReLU in the
discriminator, which ends before the sigmoid.

The layers beside the picture have stride 2, so that the generator's pixels are linear in features of half the size, and
the discriminator has nothing but sums of neighbours to tell brushwork by. With ``stem`` channels both players have one
more layer at the picture's own size (docs/log.md, section "A layer at the picture's own size").

A network that has grown keeps all layers that it had, under their names, and begins anew beside the picture: one more
doubling before the exit, one more halving behind the entrance. The exit and the entrance that it had last stay beside
the new ones, to fade over from (Karras et al. 2018, section 2); those before them are gone.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.parametrizations import spectral_norm

from lienzo.compute.devices import memory_format
from lienzo.errors import RecipeError, refuse_below
from lienzo.networks.conditions import LabelEmbedding, LabelProjection
from lienzo.networks.fading import Fade, enlarged, shrunk
from lienzo.networks.kernels.pixel_blocks import Entrance, Exit
from lienzo.networks.kernels.strided import Doubling, Halving
from lienzo.networks.shape import Shape
from lienzo.networks.statistics import BatchNorm2d, MinibatchDeviation
from lienzo.networks.vae import Encoder


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

    stem: int = 0
    """Channels of one more layer at the picture's own size in both players; 0: none, as in the thesis."""

    discriminator_width: int = 0
    """``width`` of the discriminator (or encoder), whose stem follows in proportion; 0: the same as the generator's."""

    grown: int = 0
    """How often the networks have grown to twice the size; each time the layer beside the picture has half the channels
    of the one before, beginning with ``stem``, or ``width`` without one."""

    def __post_init__(self) -> None:
        refuse_below(1, {"network.latents": self.latents, "network.width": self.width})
        optional = {"discriminator_width": self.discriminator_width, "stem": self.stem, "grown": self.grown}
        refuse_below(0, {f"network.{name}": number for name, number in optional.items()})
        if self.stem * self._discriminator_width % self.width:
            raise RecipeError(
                f"network.stem is {self.stem}, and the discriminator's, {self._discriminator_width} / {self.width} as "
                "wide, would be no whole number: change one of the three."
            )
        key = "stem" if self.stem else "width"
        beside = {
            f"network.{key} is": self.stem or self.width,
            f"the discriminator's {key} is": self._discriminator_stem or self._discriminator_width,
        }
        for key, channels in beside.items():
            if channels % 2**self.grown:
                raise RecipeError(
                    f"{key} {channels}, which cannot be halved {self.grown} times for as many new layers: "
                    "grow less often, or from a wider network."
                )

    @property
    def _discriminator_width(self) -> int:
        return self.discriminator_width or self.width

    @property
    def _discriminator_stem(self) -> int:
        return self.stem * self._discriminator_width // self.width

    def generator(self, shape: Shape, classes: int = 0) -> "Generator":
        """Return a generator of pictures of this shape, initialised."""
        modulated = self.self_modulation
        return Generator(shape, self.latents, self.width, modulated, classes, stem=self.stem, grown=self.grown)

    def discriminator(self, shape: Shape, classes: int = 0) -> "Discriminator":
        """Return a discriminator of pictures of this shape, initialised."""
        return self._discriminator(shape, classes, 1)

    def encoder(self, shape: Shape) -> Encoder:
        """Return an encoder of pictures of this shape, initialised: the discriminator's layers with other outputs."""
        assert not self.grown  # a recipe refuses it
        return Encoder(self._discriminator(shape, 0, 2 * self.latents).layers)

    def _discriminator(self, shape: Shape, classes: int, outputs: int) -> "Discriminator":
        return Discriminator(
            shape,
            self._discriminator_width,
            self.discriminator_norm,
            self.minibatch_deviation,
            classes,
            outputs=outputs,
            stem=self._discriminator_stem,
            grown=self.grown,
        )


class Generator(nn.Module):
    """From latents (N, latents) to pictures (N, C, H, W) in (−1, 1)."""

    def __init__(
        self,
        shape: Shape,
        latents: int,
        width: int,
        self_modulation: bool = False,
        classes: int = 0,
        *,
        stem: int = 0,
        grown: int = 0,
    ) -> None:
        super().__init__()
        self.latents = latents
        base_height, base_width, doublings = _base(shape, grown)
        widths = _widths(width, doublings, stem)[::-1]  # at 64×64: 512, 256, 128, 64

        def normalised(channels: int) -> list[nn.Module]:
            norm = Modulation(channels, latents) if self_modulation else BatchNorm2d(channels)
            return [norm, nn.ReLU(inplace=True)]

        def leaving(channels: int) -> list[nn.Module]:  # the last two of a stage
            return [_flat(channels, shape.channels) if stem else Exit(channels, shape.channels), nn.Tanh()]

        layers: list[nn.Module] = [Projection(latents, widths[0], base_height, base_width), *normalised(widths[0])]
        for inside, outside in itertools.pairwise(widths):
            layers += [Doubling(inside, outside), *normalised(outside)]
        stages = [nn.Sequential(*layers, *leaving(widths[-1]))]
        for inside, outside in itertools.pairwise(widths[-1] >> i for i in range(grown + 1)):
            stages += [nn.Sequential(Doubling(inside, outside), *normalised(outside), *leaving(outside))]
        for stage in stages[:-2]:
            stage[-2] = nn.Identity()  # its exit has faded out
        self.layers, self.growth = stages[0], nn.ModuleList(stages[1:])
        self.fade = Fade() if grown else None
        self.apply(_initialise)
        self.embedding = LabelEmbedding(classes, latents) if classes else None

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the pictures (N, C, H, W) in (−1, 1) of latents ``z`` (N, latents) and labels ``y`` (N, classes)."""
        if self.embedding is not None and y is not None:
            z = self.embedding(z, y)
        *earlier, last = [*self.layers], *([*stage.children()] for stage in self.growth)
        features = z
        for stage in earlier:
            features = _through(stage[:-2], features, z)
        images = _through(last, features, z)
        if self.fade is not None:
            images = self.fade(enlarged(_through(earlier[-1][-2:], features, z)), images)
        return images


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
        stem: int = 0,
        grown: int = 0,
    ) -> None:
        super().__init__()
        base_height, base_width, doublings = _base(shape, grown)
        widths = _widths(width, doublings, stem)  # at 64×64: 64, 128, 256, 512

        def entering(channels: int) -> list[nn.Module]:  # the first two of a stage
            entrance = _flat(shape.channels, channels) if stem else Entrance(shape.channels, channels)
            return [entrance, nn.LeakyReLU(0.2, inplace=True)]

        def halving(inside: int, outside: int) -> list[nn.Module]:
            normalised: list[nn.Module] = [BatchNorm2d(outside)] if norm == "batch" else []
            return [Halving(inside, outside, bias=norm != "batch"), *normalised, nn.LeakyReLU(0.2, inplace=True)]

        layers = entering(widths[0])
        for inside, outside in itertools.pairwise(widths):
            layers += halving(inside, outside)
        layers += [MinibatchDeviation()] if minibatch_deviation else []
        layers += [Readout(widths[-1] + minibatch_deviation, base_height, base_width, outputs)]
        stages = [nn.Sequential(*layers)]
        for inside, outside in itertools.pairwise(widths[0] >> i for i in range(grown + 1)):
            stages += [nn.Sequential(*entering(outside), *halving(outside, inside))]
        for stage in stages[:-2]:
            stage[0] = nn.Identity()  # its entrance has faded out
        self.layers, self.growth = stages[0], nn.ModuleList(stages[1:])
        self.fade = Fade() if grown else None
        self.apply(_initialise)
        self.projection = LabelProjection(classes, widths[-1] + minibatch_deviation) if classes else None
        if norm == "spectral":
            for layer in list(self.modules()):
                if isinstance(layer, nn.Conv2d | Readout | LabelProjection):
                    spectral_norm(layer)

    def forward(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the logits (N,) of pictures (N, C, H, W) in [−1, 1] with labels ``y`` (N, classes)."""
        *layers, readout = self.layers
        outer, *inner = *([*stage.children()] for stage in self.growth[::-1]), layers
        features = _through(outer, images, y)
        if self.fade is not None:
            features = self.fade(_through(inner[0][:2], shrunk(images), y), features)
        for stage in inner:
            features = _through(stage[2:], features, y)
        logits: Tensor = readout(features).flatten()
        if self.projection is not None and y is not None:
            logits = logits + self.projection(features, y)
        return logits


class Projection(nn.Module):
    """The transposed convolution of a single pixel, from (N, inputs) to (N, outputs, H, W): a product of matrices.

    The weights are those of ``nn.ConvTranspose2d``; the convolution itself takes several times as long on a CPU.
    Channels stand last, as in memory, so that nothing is copied but on MPS.
    """

    def __init__(self, inputs: int, outputs: int, height: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, height, width))

    def forward(self, z: Tensor) -> Tensor:
        """Return (N, outputs, H, W)."""
        outputs, height, width = self.weight.shape[1:]
        features = (z @ self.weight.permute(0, 2, 3, 1).flatten(1)).view(-1, height, width, outputs)
        return features.permute(0, 3, 1, 2).contiguous(memory_format=memory_format(z.device))


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


def _through(layers: Iterable[nn.Module], features: Tensor, beside: Tensor | None) -> Tensor:
    """Return what layers make of features, of which some look at latents or labels (N, ...) too."""
    for layer in layers:
        looks = isinstance(layer, Modulation | MinibatchDeviation)
        features = layer(features, beside) if looks else layer(features)
    return features


def _base(shape: Shape, grown: int) -> tuple[int, int, int]:
    """Return height and width of a network's smallest features, and how often they were doubled before it grew."""
    height, width, doublings = shape.doublings()
    if doublings <= grown:
        raise RecipeError(
            f"pictures of {shape} are too small for a network that has grown to twice the size {grown} times: "
            "set network.grown lower."
        )
    return height, width, doublings - grown


def _widths(width: int, doublings: int, stem: int) -> list[int]:
    """Return the channels of each layer, from beside the picture inwards."""
    return [stem] * (stem > 0) + [width * min(2**i, 8) for i in range(doublings)]


def _flat(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a convolution that leaves the size of what it sees as it is.

    It has a bias: without one, LeakyReLU and batch normalisation behind it take a batch of any contrast for the same.
    """
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and the scales of batch normalisation from N(1, 0.02), as the thesis does."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | Projection | Readout):
        nn.init.normal_(module.weight, 0.0, 0.02)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
