"""Multilayer perceptrons: the networks of the first GAN (Goodfellow et al. 2014)."""

import itertools
import math
from collections.abc import Iterable

from torch import Tensor, nn

from lienzo.networks.conditions import LabelEmbedding, LabelProjection
from lienzo.networks.configurations import MLP
from lienzo.networks.shape import Shape
from lienzo.networks.vae import Encoder


class Generator(nn.Module):
    """From latents (N, latents) to pictures (N, C, H, W) in (−1, 1)."""

    def __init__(self, network: MLP, shape: Shape, classes: int = 0) -> None:
        super().__init__()
        self.latents = network.latents
        self.shape = (shape.channels, shape.height, shape.width)
        hidden = itertools.repeat(network.width, network.depth)
        self.layers = perceptron(network.latents, hidden, math.prod(self.shape))
        self.embedding = LabelEmbedding(classes, network.latents) if classes else None

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the pictures (N, C, H, W) in (−1, 1) of latents ``z`` (N, latents) and labels ``y`` (N, classes)."""
        if self.embedding is not None and y is not None:
            z = self.embedding(z, y)
        images: Tensor = self.layers(z).tanh().unflatten(1, self.shape)
        return images


class Discriminator(nn.Module):
    """From pictures (N, C, H, W) in [−1, 1], or points (N, dimensions), to logits (N,)."""

    def __init__(self, network: MLP, shape: Shape, classes: int = 0) -> None:
        super().__init__()
        values = shape.channels * shape.height * shape.width
        hidden = itertools.repeat(network.width, network.depth)
        self.layers = perceptron(values, hidden, 1, activation=nn.LeakyReLU(0.2))
        self.projection = LabelProjection(classes, network.width if network.depth else values) if classes else None

    def forward(self, images: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the logits (N,) of pictures (N, C, H, W) in [−1, 1] with labels ``y`` (N, classes).

        Of several labels for each picture, (K, N, classes), the logits are (K, N).
        """
        features: Tensor = self.layers[:-1](images.flatten(1))
        logits: Tensor = self.layers[-1](features).flatten()
        if self.projection is not None and y is not None:
            logits = logits + self.projection(features, y)
        return logits


def encoder(network: MLP, shape: Shape) -> Encoder:
    """Return a perceptron with the mean and the log variance of each latent as outputs."""
    values = shape.channels * shape.height * shape.width
    hidden = itertools.repeat(network.width, network.depth)
    return Encoder(nn.Sequential(nn.Flatten(), perceptron(values, hidden, 2 * network.latents)))


def perceptron(inputs: int, hidden: Iterable[int], outputs: int, activation: nn.Module | None = None) -> nn.Sequential:
    """Return a perceptron from (N, inputs) to (N, outputs).

    Args:
        inputs: numbers that go in.
        hidden: units of each hidden layer.
        outputs: numbers that come out.
        activation: follows each hidden layer; by default ReLU.
    """
    layers: list[nn.Module] = []
    for units in hidden:
        layers += [nn.Linear(inputs, units), activation or nn.ReLU()]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
