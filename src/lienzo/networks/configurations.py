"""The networks that a recipe can choose: frozen dataclasses that make generators, discriminators and encoders.

A generator turns latents (N, latents), drawn from N(0, 1), into pictures (N, C, H, W) in [−1, 1], and knows its number
of ``latents``. (In training mode the pictures of ``residual`` may leave that range.) A discriminator turns such
pictures into logits (N,), and an encoder turns them into the mean and the variance of their latents. Made for a number
of ``classes``, a generator and a discriminator also take labels (N, classes): one-hot rows, mixtures, or rows of zeros,
which stand for a missing label.

This file is read without PyTorch. The layers are in the file of the network's name, which is imported when a network is
made.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from lienzo.errors import RecipeError, refuse_below

if TYPE_CHECKING:
    from torch import nn

    from lienzo.networks import dcgan, mlp, residual
    from lienzo.networks.shape import Shape
    from lienzo.networks.vae import Encoder


class Network(Protocol):
    """The configuration of a generator and of the network that it is trained with."""

    @property
    def latents(self) -> int:
        """Dimension of z."""
        ...

    @property
    def lipschitz(self) -> bool:
        """Whether the discriminator's layers bound its slope, as spectral normalisation does."""
        ...

    def generator(self, shape: Shape, classes: int = 0) -> nn.Module:
        """Return a generator of pictures of this shape, initialised from PyTorch's current seed."""
        ...

    def discriminator(self, shape: Shape, classes: int = 0) -> nn.Module:
        """Return a discriminator of pictures of this shape, initialised from PyTorch's current seed."""
        ...

    def encoder(self, shape: Shape) -> Encoder:
        """Return an encoder of pictures of this shape, initialised from PyTorch's current seed."""
        ...


@dataclass(frozen=True)
class DCGAN:
    """A pair of DCGAN networks for pictures of any size that is 4 to 7 times a power of two.

    The last eight options each go against one recommendation of the DCGAN's authors (Radford et al. 2016, section 3),
    to see what it is for.
    """

    latents: int = 100
    """Dimension of z."""

    width: int = 64
    """Channels of the layer next to the picture. Each layer further from it has twice as many, up to eight times."""

    discriminator_norm: Literal["batch", "spectral", "none"] = "batch"
    """Batch normalisation, spectral normalisation (Miyato et al. 2018) or none in the discriminator."""

    minibatch_deviation: bool = False
    """Show the discriminator how much the pictures of a batch differ (Karras et al. 2018, section 3)."""

    self_modulation: bool = False
    """Let z scale and shift every batch normalisation of the generator (Chen et al. 2019, arXiv 1810.01365)."""

    noise: bool = False
    """Add noise to the generator's features, one number for each pixel, at a strength that each channel learns (Karras
    et al. 2019, section 2). It is a random projection of z, so that one z is one picture."""

    tied_kernels: bool = False
    """Compute the generator's 4×4 kernels of stride 2 from 3×3 weights, so that doubling the size makes no checkerboard
    (Karras et al. 2018, as in their code)."""

    smooth: bool = False
    """Smooth what the generator's layer makes that comes to the size of the stem, by [1, 2, 1] / 4 along both axes
    (Karras et al. 2019, section 2). With tied kernels it enlarges features bilinearly, and texture makes next to no
    checkerboard either."""

    tied_discriminator: bool = False
    """Compute the discriminator's kernels in the same way, as the mean of four pixels behind a 3×3 convolution."""

    stem: int = 0
    """Channels of more layers at the picture's own size in both networks; 0: none, as in the thesis."""

    stem_layers: int = 1
    """How many layers there are of ``stem`` channels."""

    wavelet_levels: int = 0
    """Levels of the Haar transform behind the generator and before the discriminator, which then work on 4 times the
    channels at half the size for each level (Gal et al. 2021); 0: on pixels. The stem has that size too."""

    discriminator_width: int = 0
    """``width`` of the discriminator (or encoder), whose stem follows in proportion; 0: the same as the generator's."""

    discriminator_weights: Literal["same", "he"] = "same"
    """The law of the discriminator's first weights: that of ``initial_weights``, or one of He et al. (2015, eq. 15),
    by which features of plain kernels about keep their size from layer to layer where nothing normalises them."""

    grown: int = 0
    """How often the networks have grown to twice the size. Each time the layer next to the picture has half the
    channels of the one before, beginning with ``stem``, or with ``width`` where there is no stem."""

    pooling: bool = False
    """Halve the size in the discriminator by 3×3 convolutions and max pooling instead of 4×4 convolutions of stride
    2."""

    upsampling: bool = False
    """Double the size in the generator by repeated pixels and 3×3 convolutions instead of transposed convolutions."""

    generator_norm: Literal["batch", "none"] = "batch"
    """Batch normalisation or none in the generator."""

    hidden_units: int = 0
    """Units of a fully connected layer between z and the convolutions, and of one before the logit; 0: no such
    layer."""

    generator_activation: Literal["relu", "leaky-relu"] = "relu"
    """What follows each layer of the generator but the last; LeakyReLU with a slope of 0.2."""

    generator_output: Literal["tanh", "linear"] = "tanh"
    """What keeps pictures in [−1, 1]: tanh, or nothing in training and a clamp afterwards."""

    discriminator_activation: Literal["leaky-relu", "relu"] = "leaky-relu"
    """What follows each layer of the discriminator but the last."""

    initial_weights: Literal["normal", "uniform"] = "normal"
    """N(0, 0.02²), or PyTorch's default: uniform, narrower for more inputs (outputs, where a layer enlarges)."""

    def __post_init__(self) -> None:
        positive = ("latents", "width", "stem_layers")
        refuse_below(1, {f"network.{name}": getattr(self, name) for name in positive})
        optional = ("wavelet_levels", "discriminator_width", "stem", "grown", "hidden_units")
        refuse_below(0, {f"network.{name}": getattr(self, name) for name in optional})
        for tied, other in (("tied_kernels", "upsampling"), ("tied_discriminator", "pooling")):
            if getattr(self, tied) and getattr(self, other):
                raise RecipeError(
                    f"network.{tied} is about kernels with stride 2, which network.{other} replaces: "
                    "leave one of them out."
                )
        if self.smooth and (self.upsampling or not self.stem):
            raise RecipeError(
                "network.smooth is about the strided layer that comes to the size of the stem: "
                + ("network.upsampling replaces it." if self.upsampling else "set network.stem too.")
            )
        if self.stem_layers > 1 and not self.stem:
            raise RecipeError(
                f"network.stem_layers is {self.stem_layers}, but layers of 0 channels are none: set network.stem too."
            )
        if self.self_modulation and self.generator_norm == "none":
            raise RecipeError(
                "network.self_modulation scales batch normalisation, and network.generator_norm=none has none: "
                "leave one of them out."
            )
        if self.discriminator_norm == "spectral" and self.discriminator_weights == "he":
            raise RecipeError(
                "network.discriminator_norm=spectral scales weights by itself, so that network.discriminator_weights "
                "changes nothing: leave one of them out."
            )
        if self.noise and not self.self_modulation:
            raise RecipeError(
                "network.noise comes in where z scales and shifts features: set network.self_modulation=true too."
            )
        if self.stem * self.width_of_discriminator % self.width:
            raise RecipeError(
                f"network.stem is {self.stem}, and the discriminator's, {self.width_of_discriminator} / {self.width} "
                "as wide, would be no whole number: change one of the three."
            )
        key = "stem" if self.stem else "width"
        outermost = {
            f"network.{key} is": self.stem or self.width,
            f"the discriminator's {key} is": self.stem_of_discriminator or self.width_of_discriminator,
        }
        for subject, channels in outermost.items():
            if channels.bit_length() <= self.grown or channels % 2**self.grown:
                raise RecipeError(
                    f"{subject} {channels}, which cannot be halved {self.grown} times for as many new layers: "
                    "grow less often, or from a wider network."
                )

    @property
    def width_of_discriminator(self) -> int:
        """``discriminator_width``, or the generator's ``width`` where that is 0."""
        return self.discriminator_width or self.width

    @property
    def stem_of_discriminator(self) -> int:
        """The discriminator's ``stem``, in proportion to its width."""
        return self.stem * self.width_of_discriminator // self.width

    @property
    def weights_of_discriminator(self) -> str:
        """The law of the discriminator's first weights: ``discriminator_weights``, or that of both networks."""
        return self.initial_weights if self.discriminator_weights == "same" else self.discriminator_weights

    @property
    def lipschitz(self) -> bool:
        """Whether the discriminator has spectral normalisation."""
        return self.discriminator_norm == "spectral"

    def generator(self, shape: Shape, classes: int = 0) -> dcgan.Generator:
        """Return a generator of pictures of this shape, initialised."""
        from lienzo.networks import dcgan

        return dcgan.Generator(self, shape, classes)

    def discriminator(self, shape: Shape, classes: int = 0) -> dcgan.Discriminator:
        """Return a discriminator of pictures of this shape, initialised."""
        from lienzo.networks import dcgan

        return dcgan.Discriminator(self, shape, classes)

    def encoder(self, shape: Shape) -> Encoder:
        """Return an encoder of pictures of this shape: the discriminator's layers with 2 · latents outputs."""
        from lienzo.networks import dcgan

        assert not self.grown  # a recipe refuses it
        return dcgan.encoder(self, shape)


@dataclass(frozen=True)
class MLP:
    """A pair of multilayer perceptrons for small pictures."""

    latents: int = 100
    """Dimension of z."""

    width: int = 1024
    """Units of each hidden layer."""

    depth: int = 2
    """Hidden layers of each network."""

    def __post_init__(self) -> None:
        refuse_below(1, {"network.latents": self.latents, "network.width": self.width})
        refuse_below(0, {"network.depth": self.depth})

    @property
    def lipschitz(self) -> bool:
        """False: nothing bounds the discriminator's slope."""
        return False

    def generator(self, shape: Shape, classes: int = 0) -> mlp.Generator:
        """Return a generator of pictures of this shape, initialised."""
        from lienzo.networks import mlp

        return mlp.Generator(self, shape, classes)

    def discriminator(self, shape: Shape, classes: int = 0) -> mlp.Discriminator:
        """Return a discriminator of pictures of this shape, initialised."""
        from lienzo.networks import mlp

        return mlp.Discriminator(self, shape, classes)

    def encoder(self, shape: Shape) -> Encoder:
        """Return an encoder of pictures of this shape, initialised."""
        from lienzo.networks import mlp

        return mlp.encoder(self, shape)


class Size(NamedTuple):
    """How large both networks of a :class:`Residual` are; its fields say what each number means."""

    width: int
    wide_to: int
    blocks: int
    group_width: int


SIZES = {
    "XS": Size(width=128, wide_to=8, blocks=1, group_width=16),
    "S": Size(width=256, wide_to=16, blocks=2, group_width=16),
    "M": Size(width=768, wide_to=32, blocks=2, group_width=16),
}
"""M is the paper's for Stacked MNIST, CIFAR-10 and FFHQ. The one for ImageNet has a width of 1536, ``wide_to`` 64 and
groups of 32."""


@dataclass(frozen=True)
class Residual:
    """A pair of residual networks for pictures of any size that is 4 to 7 times a power of two."""

    latents: int = 64
    """Dimension of z."""

    size: Literal["XS", "S", "M"] = "XS"
    """XS trains on a processor, M is the paper's. A number below that is given replaces the size's own."""

    width: int | None = None
    """Channels of feature maps of up to ``wide_to`` pixels a side; every doubling beyond halves them."""

    wide_to: int | None = None
    """The largest side, in pixels, of feature maps with all channels. The smallest maps count as 4 pixels."""

    blocks: int | None = None
    """Residual blocks at each resolution."""

    group_width: int | None = None
    """Channels in a group of a 3×3 convolution, or the largest common divisor with those it has; 0: all in one."""

    def __post_init__(self) -> None:
        width, wide_to, blocks, group_width = self.numbers()
        refuse_below(1, {"network.latents": self.latents, "network.width": width})
        refuse_below(1, {"network.wide_to": wide_to, "network.blocks": blocks})
        refuse_below(0, {"network.group_width": group_width})

    def numbers(self) -> Size:
        """Return the numbers of the size, each replaced by the one that was given in its place."""
        given = {name: getattr(self, name) for name in Size._fields}
        return SIZES[self.size]._replace(**{name: number for name, number in given.items() if number is not None})

    @property
    def lipschitz(self) -> bool:
        """False: nothing bounds the discriminator's slope."""
        return False

    def generator(self, shape: Shape, classes: int = 0) -> residual.Generator:
        """Return a generator of pictures of this shape, initialised."""
        from lienzo.networks import residual

        return residual.Generator(self, shape, classes)

    def discriminator(self, shape: Shape, classes: int = 0) -> residual.Discriminator:
        """Return a discriminator of pictures of this shape, initialised."""
        from lienzo.networks import residual

        return residual.Discriminator(self, shape, classes)

    def encoder(self, shape: Shape) -> Encoder:
        """Return an encoder of pictures of this shape: the discriminator's layers with 2 · latents outputs."""
        from lienzo.networks import residual

        return residual.encoder(self, shape)


NETS: dict[str, type[Network]] = {
    "dcgan": DCGAN,
    "mlp": MLP,
    "residual": Residual,
}
"""Every network by the name that recipes use."""


def grown(network: Network) -> Network:
    """Return the configuration of the network that continues this one at twice the size.

    The layers that both have carry the same names, so that the smaller network's tensors can be copied. New layers
    begin from PyTorch's seed, and a :class:`lienzo.networks.fading.Fade` blends them in.

    Raises:
        RecipeError: networks of this class do not grow.
    """
    if not isinstance(network, DCGAN):
        name = next(name for name, known in NETS.items() if known is type(network))
        raise RecipeError(f"networks of the class {name} do not grow: train one of the class dcgan.")
    return dataclasses.replace(network, grown=network.grown + 1)


def times_grown(network: Network) -> int:
    """Return how often a network has grown to twice the size."""
    return network.grown if isinstance(network, DCGAN) else 0
