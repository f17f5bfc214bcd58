"""The networks: each is a frozen dataclass that makes the parts of a model for pictures of a given shape.

A generator turns latents (N, latents), drawn from N(0, 1), into pictures (N, C, H, W) in [−1, 1] and knows its number
of ``latents``; while it learns, pictures of ``residual`` may go beyond. A discriminator turns such pictures into logits
(N,), and an encoder into guesses of their latents. Made for some number of ``classes``, generator and discriminator
also take labels as rows (N, classes): one-hot, a mixture, or zeros where a label is missing, which is as if none were
given.
"""

import dataclasses
from typing import Protocol

from torch import nn

from lienzo.errors import RecipeError
from lienzo.networks.dcgan import DCGAN
from lienzo.networks.mlp import MLP
from lienzo.networks.residual import Residual
from lienzo.networks.shape import Shape
from lienzo.networks.vae import Encoder


class Network(Protocol):
    """A generator and what teaches it, by their configuration."""

    @property
    def latents(self) -> int:
        """Dimension of z."""
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


NETS: dict[str, type[Network]] = {
    "dcgan": DCGAN,
    "mlp": MLP,
    "residual": Residual,
}
"""Every network by the name that recipes use."""


def grown(network: Network) -> Network:
    """Return the network that goes on from this one at twice the size.

    What it takes over has the same names in both, so that the smaller one's tensors can be copied; what is new begins
    from PyTorch's seed, and has a :class:`lienzo.networks.fading.Fade` between itself and the old way.

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
