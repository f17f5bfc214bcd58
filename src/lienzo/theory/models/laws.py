"""Probability laws on the line whose densities are known exactly, and the quadrature that integrates them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Array = NDArray[np.floating]


class Law(Protocol):
    """A probability law of one real variable."""

    def log_density(self, x: Array) -> Array:
        """Return log p(x) for points (N,): −∞ outside the support."""
        ...


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians."""

    means: tuple[float, ...]

    deviations: tuple[float, ...]
    """Standard deviations."""

    weights: tuple[float, ...]
    """Shares that add up to 1."""

    def log_density(self, x: Array) -> Array:
        """Return log p(x) for points (N,)."""
        deviations = np.array(self.deviations)
        standard = (x[:, None] - np.array(self.means)) / deviations
        components = -0.5 * standard**2 - np.log(deviations) - 0.5 * np.log(2 * np.pi)
        total: Array = logsumexp(components, axis=1, b=np.array(self.weights))
        return total


def gaussian(mean: float, deviation: float) -> Mixture:
    """Return N(mean, deviation²)."""
    return Mixture((mean,), (deviation,), (1.0,))


@dataclass(frozen=True)
class Uniform:
    """The uniform law on [low, high)."""

    low: float
    high: float

    def log_density(self, x: Array) -> Array:
        """Return log p(x) for points (N,)."""
        inside = (self.low <= x) & (x < self.high)
        density: Array = np.where(inside, -np.log(self.high - self.low), -np.inf)
        return density


@dataclass(frozen=True)
class Cells:
    """Cells of equal width between two ends, for quadrature by the midpoint rule.

    The rule converges faster than any power of the width for Gaussians, and is exact for laws that are constant on each
    cell.
    """

    low: float
    high: float
    count: int = 4000

    @property
    def width(self) -> float:
        """Width of a cell."""
        return (self.high - self.low) / self.count

    @cached_property
    def points(self) -> Array:
        """The midpoints (count,)."""
        return self.low + self.width * (np.arange(self.count) + 0.5)

    def integral(self, values: Array) -> float:
        """Return ∫ f, given f at the midpoints."""
        return float(values.sum() * self.width)

    def quantiles(self, log_density: Array, levels: Array) -> Array:
        """Return the points (N,) below which lie the shares ``levels`` (N,), all in (0, 1).

        Args:
            log_density: log p at the midpoints; p need not be normalised.
            levels: of any order.
        """
        mass = np.concatenate([[0.0], np.exp(log_density - log_density.max()).cumsum()])
        edges = np.linspace(self.low, self.high, self.count + 1)
        found: Array = np.interp(levels * mass[-1], mass, edges)
        return found


def levels(count: int, random: np.random.Generator | None = None) -> Array:
    """Return one level in each of ``count`` equal parts of (0, 1): its middle, or a random point of it.

    Quantiles at such levels are a stratified sample: means over them have a far smaller error than over independent
    draws, so that a loss, which is a mean over a batch, becomes a quadrature.
    """
    offsets = 0.5 if random is None else random.random(count)
    inside: Array = (np.arange(count) + offsets) / count
    return inside
