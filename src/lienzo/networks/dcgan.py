"""The deep convolutional GAN of Radford, Metz and Chintala (2016), as the thesis built it.

Strided convolutions instead of pooling, transposed convolutions in the generator, batch normalisation in both networks
(but not on the pictures themselves), no fully connected layer, ReLU and tanh in the generator, LeakyReLU in the
discriminator, which ends before the sigmoid.

The layers next to the picture have stride 2. The generator's pixels are therefore linear in features of half the size,
and the discriminator can tell brushwork only by sums of neighbouring pixels. With ``stem`` channels both networks have
``stem_layers`` more layers at the picture's own size (docs/log.md, sections "A layer at the picture's own size" and "A
second layer at the picture's own size").

With ``wavelet_levels`` both networks work on the bands of a Haar transform (:mod:`lienzo.networks.haar`) as they else
do on pixels: what they paint and see next to the transform is a picture of more channels and a smaller size.

A network that has grown keeps the layers that it had, under their names, and gets a new stage next to the picture: one
more doubling of the size in the generator, one more halving in the discriminator. The exit (or entrance) of the stage
before stays, to fade over from (Karras et al. 2018, section 2). Older ones are removed.
"""

import itertools
from collections.abc import Iterable
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lienzo.errors import RecipeError
from lienzo.networks.alternatives import ClampedAfterTraining, FullyConnected, PooledConv2d, UpsampledConv2d
from lienzo.networks.conditions import LabelEmbedding, LabelProjection
from lienzo.networks.configurations import DCGAN
from lienzo.networks.ends import Projection, Readout
from lienzo.networks.fading import Fade, enlarged, shrunk
from lienzo.networks.haar import HaarTransform, InverseHaarTransform
from lienzo.networks.initial_weights import INITIALISATIONS
from lienzo.networks.kernels.grouped import FlatConv2d
from lienzo.networks.kernels.pixel_blocks import PixelBlockConv2d, PixelBlockConvTranspose2d
from lienzo.networks.kernels.strided import StridedConv2d, StridedConvTranspose2d
from lienzo.networks.kernels.tied import tie
from lienzo.networks.modulation import Modulation, Noise
from lienzo.networks.shape import Shape
from lienzo.networks.statistics import BatchNorm2d, MinibatchDeviation
from lienzo.networks.vae import Encoder


class Generator(nn.Module):
    """From latents (N, latents) to pictures (N, C, H, W) in (−1, 1)."""

    def __init__(self, network: DCGAN, shape: Shape, classes: int = 0) -> None:
        super().__init__()
        self.latents = network.latents
        levels = network.wavelet_levels
        base_height, base_width, doublings = _base(shape, network)
        widths = _widths(network.width, doublings, network.stem)[::-1]  # at 64×64: 512, 256, 128, 64

        def normalised(channels: int, doubled: int) -> list[nn.Module]:
            activation = _activation(network.generator_activation)
            if network.generator_norm == "none":
                return [activation]
            if not network.self_modulation:
                return [BatchNorm2d(channels), activation]
            size = (base_height << doubled, base_width << doubled) if network.noise and doubled else None
            return [Modulation(channels, network.latents, size), activation]

        def doubling(inputs: int, outputs: int, doubled: int) -> list[nn.Module]:
            if network.upsampling:
                return [UpsampledConv2d(inputs, outputs), *normalised(outputs, doubled)]
            smooth = network.smooth and doubled >= doublings  # to the size of the stem, and what has grown since
            convolution = StridedConvTranspose2d(inputs, outputs, network.generator_norm == "none", smooth)
            return [convolution, *normalised(outputs, doubled)]

        def exit_of(channels: int) -> list[nn.Module]:
            outermost = UpsampledConv2d if network.upsampling else PixelBlockConvTranspose2d
            convolution = _flat if network.stem else outermost
            inverse = [InverseHaarTransform(levels)] if levels else []
            bound = nn.Tanh() if network.generator_output == "tanh" else ClampedAfterTraining()
            return [convolution(channels, 4**levels * shape.channels), *inverse, bound]

        layers: list[nn.Module] = []
        if network.hidden_units:
            layers += [nn.Linear(network.latents, network.hidden_units), _activation(network.generator_activation)]
        inputs = network.hidden_units or network.latents
        layers += [Projection(inputs, widths[0], base_height, base_width), *normalised(widths[0], 0)]
        for doubled, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
            layers += doubling(inputs, outputs, doubled)
        for _ in range(network.stem_layers - 1):
            layers += [FlatConv2d(widths[-1], widths[-1], bias=network.generator_norm == "none")]
            layers += normalised(widths[-1], len(widths) - 1)
        stages = [GeneratorStage(layers, exit_of(widths[-1]))]
        grown = itertools.pairwise(widths[-1] >> i for i in range(network.grown + 1))
        for doubled, (inputs, outputs) in enumerate(grown, len(widths)):
            stages += [GeneratorStage(doubling(inputs, outputs, doubled), exit_of(outputs))]
        for stage in stages[:-2]:
            stage.remove_exit()
        self.layers, self.growth = stages[0], nn.ModuleList(stages[1:])
        self.fade = Fade() if network.grown else None
        self.apply(INITIALISATIONS[network.initial_weights])
        for stage in stages[-2:] if levels else ():
            stage.begin_without_details(shape.channels)
        if network.tied_kernels:
            _tie(self)
        if network.noise and not any(isinstance(layer, Noise) for layer in self.modules()):
            raise RecipeError(
                f"network.noise is added where layers have enlarged, and for pictures of {shape} no such layer is left "
                "before the last: set network.stem, or leave network.noise out."
            )
        self.embedding = LabelEmbedding(classes, network.latents) if classes else None

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the pictures (N, C, H, W) in (−1, 1) of latents ``z`` (N, latents) and labels ``y`` (N, classes)."""
        if self.embedding is not None and y is not None:
            z = self.embedding(z, y)
        *earlier, last = cast("list[GeneratorStage]", [self.layers, *self.growth])
        features = z
        for stage in earlier:
            features = stage.body(features, z)
        images = last.exit(last.body(features, z))
        if self.fade is not None:
            images = self.fade(enlarged(earlier[-1].exit(features)), images)
        return images


class GeneratorStage(nn.Sequential):
    """Layers of a generator: a body, which makes features, and an exit, which turns features into a picture.

    The exit is a convolution and tanh ("toRGB" in Karras et al. 2018), and an inverse Haar transform between them where
    the convolution paints bands. One numbering runs through body and exit and names their tensors in files.
    """

    def __init__(self, body: Iterable[nn.Module], exit_: Iterable[nn.Module]) -> None:
        body = [*body]
        super().__init__(*body, *exit_)
        self.first_of_exit = len(body)

    def body(self, features: Tensor, z: Tensor) -> Tensor:
        """Return the features (N, outputs, H, W) of ``features`` and latents ``z`` (N, latents)."""
        return _through([*self][: self.first_of_exit], features, z)

    def exit(self, features: Tensor) -> Tensor:
        """Return the pictures (N, C, H, W) in (−1, 1) of features (N, outputs, H, W)."""
        return _through([*self][self.first_of_exit :], features)

    def remove_exit(self) -> None:
        """Put nothing in the place of the exit's convolution, which has faded out."""
        self[self.first_of_exit] = nn.Identity()

    @torch.no_grad()
    def begin_without_details(self, channels: int) -> None:
        """Set the exit's first weights and biases of all bands but the sums, which are the first ``channels``, to 0.

        Random weights of the differences would make a pattern of 2×2 pixels out of features that are constant: a
        checkerboard, before anything is learnt.
        """
        convolution = cast("nn.Conv2d | nn.ConvTranspose2d", self[self.first_of_exit])
        outputs = 0 if isinstance(convolution, nn.Conv2d) else 1  # where the bands are in the weights
        convolution.weight.transpose(0, outputs)[channels:] = 0
        if convolution.bias is not None:
            convolution.bias[channels:] = 0


class Discriminator(nn.Module):
    """From pictures (N, C, H, W) in [−1, 1] to logits (N,)."""

    def __init__(self, network: DCGAN, shape: Shape, classes: int = 0, *, outputs: int = 1) -> None:
        super().__init__()
        norm, deviation = network.discriminator_norm, network.minibatch_deviation
        levels = network.wavelet_levels
        base_height, base_width, doublings = _base(shape, network)
        # at 64×64: 64, 128, 256, 512
        widths = _widths(network.width_of_discriminator, doublings, network.stem_of_discriminator)
        activation = partial(_activation, network.discriminator_activation)

        def entrance_to(channels: int) -> list[nn.Module]:
            outermost = PooledConv2d if network.pooling else PixelBlockConv2d
            convolution = _flat if network.stem_of_discriminator else outermost
            transform = [HaarTransform(levels)] if levels else []
            return [*transform, convolution(4**levels * shape.channels, channels), activation()]

        def normalised(channels: int) -> list[nn.Module]:
            return [BatchNorm2d(channels), activation()] if norm == "batch" else [activation()]

        def halving(inputs: int, outputs: int) -> list[nn.Module]:
            if network.pooling:
                return [PooledConv2d(inputs, outputs), *normalised(outputs)]
            return [StridedConv2d(inputs, outputs, bias=norm != "batch"), *normalised(outputs)]

        layers: list[nn.Module] = []
        for _ in range(network.stem_layers - 1):
            layers += [FlatConv2d(widths[0], widths[0], bias=norm != "batch"), *normalised(widths[0])]
        for outside, inside in itertools.pairwise(widths):
            layers += halving(outside, inside)
        layers += [MinibatchDeviation()] if deviation else []
        features = widths[-1] + deviation
        if network.hidden_units:
            layers += [FullyConnected(features, base_height, base_width, network.hidden_units), activation()]
            features, base_height, base_width = network.hidden_units, 1, 1
        layers += [Readout(features, base_height, base_width, outputs)]
        stages = [DiscriminatorStage(entrance_to(widths[0]), layers)]
        for inside, outside in itertools.pairwise(widths[0] >> i for i in range(network.grown + 1)):
            stages += [DiscriminatorStage(entrance_to(outside), halving(outside, inside))]
        for stage in stages[:-2]:
            stage.remove_entrance()
        self.layers, self.growth = stages[0], nn.ModuleList(stages[1:])
        self.fade = Fade() if network.grown else None
        self.apply(INITIALISATIONS[network.weights_of_discriminator])
        if network.tied_discriminator:
            _tie(self)
        self.projection = LabelProjection(classes, features) if classes else None
        if norm == "spectral":
            for layer in list(self.modules()):
                if isinstance(layer, nn.Conv2d | FullyConnected | Readout | LabelProjection):
                    spectral_norm(layer)

    def forward(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the logits (N,) of pictures (N, C, H, W) in [−1, 1] with labels ``y`` (N, classes).

        Of several labels for each picture, (K, N, classes), the first are its own, and the logits are (K, N).
        """
        own = y[0] if y is not None and y.dim() > 2 else y
        outermost, *inner = cast("list[DiscriminatorStage]", [*self.growth[::-1], self.layers])
        features = outermost.body(outermost.entrance(images), own)
        if self.fade is not None:
            features = self.fade(inner[0].entrance(shrunk(images)), features)
        for stage in inner:
            features = stage.body(features, own)
        logits: Tensor = self.layers[-1](features).flatten()
        if self.projection is not None and y is not None:
            logits = logits + self.projection(features, y)
        return logits


class DiscriminatorStage(nn.Sequential):
    """Layers of a discriminator: an entrance, which turns a picture into features, and a body, which reads features.

    The entrance is a convolution and LeakyReLU ("fromRGB" in Karras et al. 2018), after a Haar transform where the
    convolution sees bands. The innermost stage ends with the :class:`Readout`, which is no part of its body. One
    numbering runs through all layers and names their tensors in files.
    """

    def __init__(self, entrance: Iterable[nn.Module], body: Iterable[nn.Module]) -> None:
        entrance = [*entrance]
        super().__init__(*entrance, *body)
        self.first_of_body = len(entrance)

    def entrance(self, images: Tensor) -> Tensor:
        """Return the features (N, inputs, H, W) of pictures (N, C, H, W)."""
        return _through([*self][: self.first_of_body], images)

    def body(self, features: Tensor, y: Tensor | None) -> Tensor:
        """Return the features (N, outputs, H, W) of ``features`` and labels ``y`` (N, classes)."""
        body = [*self][self.first_of_body :]
        return _through([layer for layer in body if not isinstance(layer, Readout)], features, y)

    def remove_entrance(self) -> None:
        """Put nothing in the place of the entrance's convolution, which has faded out."""
        self[self.first_of_body - 2] = nn.Identity()


def encoder(network: DCGAN, shape: Shape) -> Encoder:
    """Return the discriminator's layers as an encoder, with the mean and the log variance of each latent as outputs."""
    assert not network.grown  # a recipe refuses it
    return Encoder(Discriminator(network, shape, outputs=2 * network.latents).layers)


def _through(layers: Iterable[nn.Module], features: Tensor, condition: Tensor | None = None) -> Tensor:
    """Pass features through layers, some of which also take a condition: latents or labels (N, ...)."""
    for layer in layers:
        conditional = isinstance(layer, Modulation | MinibatchDeviation)
        features = layer(features, condition) if conditional else layer(features)
    return features


def _base(shape: Shape, network: DCGAN) -> tuple[int, int, int]:
    """Return height and width of the smallest features in pixels, and how often layers doubled them before it grew."""
    height, width, doublings = shape.doublings()
    left = doublings - network.grown - network.wavelet_levels
    if left > 0:
        return height, width, left
    if network.wavelet_levels:
        raise RecipeError(
            f"pictures of {shape} are too small for {network.wavelet_levels} levels of the Haar transform"
            + (f" in a network that has grown {network.grown} times" if network.grown else "")
            + ": set network.wavelet_levels lower."
        )
    raise RecipeError(
        f"pictures of {shape} are too small for a network that has grown to twice the size {network.grown} times: "
        "set network.grown lower."
    )


def _widths(width: int, doublings: int, stem: int) -> list[int]:
    """Return the channels of each layer, the one next to the picture first."""
    return [stem] * (stem > 0) + [width * min(2**i, 8) for i in range(doublings)]


def _flat(inputs: int, outputs: int) -> FlatConv2d:
    """Return a 3×3 convolution that keeps height and width.

    It has a bias. Without one, LeakyReLU and batch normalisation behind it would make the contrast of a batch
    invisible: a batch and the same batch times a positive number would give the same features.
    """
    return FlatConv2d(inputs, outputs)


def _tie(network: nn.Module) -> None:
    """Compute the kernels of every strided layer from 3×3 weights."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.stride == (2, 2):
            tie(layer)


def _activation(name: str) -> nn.Module:
    """Return the activation of a layer."""
    return nn.ReLU(inplace=True) if name == "relu" else nn.LeakyReLU(0.2, inplace=True)
