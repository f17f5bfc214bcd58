"""A generator as a list of operations on features: what a page computes, without PyTorch.

Features are (height, width, channels) of one picture; a vector is (1, 1, channels). There are few operations, since a
convolution in whatever form, a transposed one and a linear layer are all products: rows of features times a matrix.

:class:`Operations` collects them; :mod:`lienzo.export.tracing` says which a network consists of, and
:mod:`lienzo.export.packing` makes JSON and bytes of them.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """What an operation reads or writes."""

    number: int
    """Position among all features of a network."""
    height: int
    width: int
    channels: int


@dataclass
class Part:
    """One of the products that make features together, each every ``step``-th pixel of every ``step``-th row."""

    at: tuple[int, int]
    """The first pixel that it writes: its row and column."""
    taps: tuple[tuple[int, int], ...]
    """The pixels that it reads for one that it writes, as distances in rows and columns from the pixel read first."""
    matrix: Array
    """(groups, taps, inputs of a group, outputs of a group)."""


@dataclass
class Product:
    """Rows of features times a matrix, plus a bias, through a (leaky) ReLU."""

    source: Features
    target: Features
    parts: list[Part]
    step: int
    """How many pixels lie between the neighbouring pixels that a part writes: 1, or 2 where the picture is doubled."""
    bias: Array
    """(channels,)."""
    slope: float = 1.0
    """What numbers below 0 are multiplied by: 1 where nothing follows the product."""


@dataclass
class Modulated:
    """Features times a scale plus a shift, both a function of latents, through a (leaky) ReLU; in place."""

    target: Features
    style: Features
    """A vector (2 · channels): scales, then shifts."""
    slope: float = 1.0


@dataclass
class Noisy:
    """Features plus noise, one number for each pixel times one for each channel, through a (leaky) ReLU; in place."""

    target: Features
    noise: Features
    """A vector (height · width)."""
    strength: Array
    """(channels,)."""
    slope: float = 1.0


@dataclass(frozen=True)
class Spread:
    """Learnt features (height, width, channels), each channel times a number of a vector."""

    source: Features
    target: Features
    basis: Array


@dataclass(frozen=True)
class Combined:
    """Two features of one shape put together in place of the first: target + share · (source − target), or a sum."""

    target: Features
    source: Features
    share: float | None
    """None for the sum."""


@dataclass(frozen=True)
class Enlarged:
    """Features at twice the size, by repeating pixels or bilinearly, pixels beyond the border being those of it."""

    source: Features
    target: Features
    bilinear: bool


@dataclass(frozen=True)
class Bounded:
    """Every number in place through tanh, or clamped to [−1, 1]."""

    target: Features
    by: Literal["tanh", "clamp"]


Operation = Product | Modulated | Noisy | Spread | Combined | Enlarged | Bounded


@dataclass
class Operations:
    """The operations of a network, in order, and the features that they work on."""

    latents: int
    """Dimension of z, which is features 0: a vector."""
    classes: int
    """How many labels there are; where there are any, a row of them is features 1: a vector."""
    features: list[Features] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.z = self.made(1, 1, self.latents)
        self.y = self.made(1, 1, self.classes) if self.classes else None

    def made(self, height: int, width: int, channels: int) -> Features:
        """Return new features."""
        self.features.append(Features(len(self.features), height, width, channels))
        return self.features[-1]

    def product(
        self, source: Features, parts: list[Part], bias: Array | None, shape: tuple[int, int], step: int = 1
    ) -> Features:
        """Add a product that makes features of this height and width, with a bias (channels,) or none; return them."""
        groups, _, _, outputs = parts[0].matrix.shape
        target = self.made(*shape, groups * outputs)
        added = np.zeros(target.channels, np.float32) if bias is None else bias
        self.operations.append(Product(source, target, parts, step, added))
        return target

    def scaled(self, features: Features, scale: Array, shift: Array) -> Features:
        """Multiply channels by a scale and add a shift, both (channels,), which the product before takes over."""
        made = self._made_by(features)
        assert isinstance(made, Product)
        assert made.slope == 1
        for part in made.parts:
            groups, _, _, outputs = part.matrix.shape
            part.matrix = part.matrix * scale.reshape(groups, 1, 1, outputs)
        made.bias = made.bias * scale + shift
        return features

    def rectified(self, features: Features, slope: float) -> Features:
        """Let features through a ReLU, leaky by a slope, at the end of the operation that made them."""
        made = self._made_by(features)
        assert isinstance(made, Product | Modulated | Noisy)
        assert made.slope == 1
        made.slope = slope
        return features

    def _made_by(self, features: Features) -> Operation:
        """Return the operation that wrote features last, which has to be the last one of all."""
        made = self.operations[-1]
        assert made.target == features
        return made
