"""Multilayer perceptrons: the networks of the first GAN (Goodfellow et al. 2014)."""

from dataclasses import dataclass

from torch import Tensor, nn

from lienzo.errors import refuse_below
from lienzo.networks.conditions import LabelEmbedding, LabelProjection
from lienzo.networks.shape import Shape
from lienzo.networks.vae import Encoder


@dataclass(frozen=True)
class MLP:
    """A pair of multilayer perceptrons for small pictures."""

    latents: int = 100
    """Dimension of z."""

    width: int = 1024
    """Units of each hidden layer."""

    depth: int = 2
    """Hidden layers of each player."""

    def __post_init__(self) -> None:
        refuse_below(1, {"network.latents": self.latents, "network.width": self.width})
        refuse_below(0, {"network.depth": self.depth})

    def generator(self, shape: Shape, classes: int = 0) -> "Generator":
        """Return a generator of pictures of this shape, initialised."""
        return Generator(shape, self.latents, self.width, self.depth, classes)

    def discriminator(self, shape: Shape, classes: int = 0) -> "Discriminator":
        """Return a discriminator of pictures of this shape, initialised."""
        return Discriminator(shape, self.width, self.depth, classes)

    def encoder(self, shape: Shape) -> Encoder:
        """Return an encoder of pictures of this shape, initialised."""
        values = shape.channels * shape.height * shape.width
        return Encoder(nn.Sequential(nn.Flatten(), perceptron(values, [self.width] * self.depth, 2 * self.latents)))


class Generator(nn.Module):
    """From latents (N, latents) to pictures (N, C, H, W) in (−1, 1)."""

    def __init__(self, shape: Shape, latents: int, width: int, depth: int, classes: int = 0) -> None:
        super().__init__()
        self.latents = latents
        self.shape = (shape.channels, shape.height, shape.width)
        self.layers = perceptron(latents, [width] * depth, shape.channels * shape.height * shape.width)
        self.embedding = LabelEmbedding(classes, latents) if classes else None

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the pictures (N, C, H, W) in (−1, 1) of latents ``z`` (N, latents) and labels ``y`` (N, classes)."""
        if self.embedding is not None and y is not None:
            z = self.embedding(z, y)
        images: Tensor = self.layers(z).tanh().unflatten(1, self.shape)
        return images


class Discriminator(nn.Module):
    """From pictures (N, C, H, W) in [−1, 1], or points (N, dimensions), to logits (N,)."""

    def __init__(self, shape: Shape, width: int, depth: int, classes: int = 0) -> None:
        super().__init__()
        values = shape.channels * shape.height * shape.width
        self.layers = perceptron(values, [width] * depth, 1, activation=nn.LeakyReLU(0.2))
        self.projection = LabelProjection(classes, width if depth else values) if classes else None

    def forward(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the logits (N,) of pictures (N, C, H, W) in [−1, 1] with labels ``y`` (N, classes)."""
        features: Tensor = self.layers[:-1](images.flatten(1))
        logits: Tensor = self.layers[-1](features).flatten()
        if self.projection is not None and y is not None:
            logits = logits + self.projection(features, y)
        return logits


def perceptron(inputs: int, hidden: list[int], outputs: int, activation: nn.Module | None = None) -> nn.Sequential:
    """Return a perceptron from (N, inputs) to (N, outputs), with the activation (ReLU) after each hidden layer."""
    widths = [inputs, *hidden]
    layers: list[nn.Module] = []
    for inside, outside in zip(widths, hidden, strict=False):
        layers += [nn.Linear(inside, outside), activation or nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))
