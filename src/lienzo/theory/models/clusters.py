"""Mixtures of round Gaussians, which are the data of experiments in the plane and in space."""

import itertools
from dataclasses import dataclass

import numpy as np

from lienzo.networks.shape import Shape
from lienzo.theory.models.laws import Array

PLANE = Shape(height=1, width=2, channels=1)
SPACE = Shape(height=1, width=1, channels=3)


@dataclass(frozen=True)
class Clusters:
    """A mixture of round Gaussians, the modes, of equal weight and deviation."""

    centres: Array
    """Centres of the modes, (K, d)."""

    deviation: float

    shape: Shape
    """Shape of the picture that a point of d values becomes."""

    def sample(self, count: int, random: np.random.Generator) -> Array:
        """Return points (count, d)."""
        chosen = self.centres[random.integers(len(self.centres), size=count)]
        return chosen + self.deviation * random.normal(size=chosen.shape)


def _lattice(values: Array, dimensions: int) -> Array:
    return np.array(list(itertools.product(values, repeat=dimensions)))


def _circle(count: int, radius: float) -> Array:
    angles = 2 * np.pi * np.arange(count) / count
    return radius * np.stack([np.cos(angles), np.sin(angles)], 1)


def _moons(count: int) -> Array:
    """Return the centres (2 · count, 2) of two half circles that reach into one another."""
    angles = np.linspace(0, np.pi, count)
    upper = np.stack([np.cos(angles) - 0.5, np.sin(angles) - 0.25], 1)
    return 0.55 * np.concatenate([upper, -upper])


def _spiral(count: int) -> Array:
    """Return centres (count, 2), at equal distances, on a spiral that goes round one and a half times."""
    angles = 3 * np.pi * np.sqrt(np.linspace(0.02, 1, count))
    centres: Array = 0.8 * np.stack([np.cos(angles), np.sin(angles)], 1) * (angles / angles[-1])[:, None]
    return centres


CLUSTERS = {
    "ring of 8": Clusters(_circle(8, 0.7), 0.05, PLANE),
    "grid of 25": Clusters(_lattice(np.linspace(-0.7, 0.7, 5), 2), 0.05, PLANE),
    "stack of 1000": Clusters(_lattice(np.linspace(-0.8, 0.8, 10), 3), 0.03, SPACE),
}
"""The data on which mode collapse is measured."""

PLANE_LAWS = {
    "one Gaussian": Clusters(np.array([[0.35, 0.25]]), 0.15, PLANE),
    "two Gaussians": Clusters(np.array([[-0.5, -0.3], [0.5, 0.3]]), 0.12, PLANE),
    "ring of 8": CLUSTERS["ring of 8"],
    "grid of 25": CLUSTERS["grid of 25"],
    "circle": Clusters(_circle(40, 0.7), 0.04, PLANE),
    "two moons": Clusters(_moons(20), 0.05, PLANE),
    "spiral": Clusters(_spiral(40), 0.04, PLANE),
}
"""Laws of the plane to play with. A curve is a row of many modes."""


@dataclass(frozen=True)
class Count:
    """How many modes a generator found, and how evenly."""

    found: int

    reverse_kl: float

    near: float
    """Share of the draws within three standard deviations of a centre."""


def count(points: Array, clusters: Clusters) -> Count:
    """Count the modes that the draws (n, d) found: a quarter of its fair share of them has to lie near a mode."""
    from scipy.spatial import cKDTree  # noqa: PLC0415  the names of the laws are read without it

    finite = np.nan_to_num(points, nan=1e6)  # NaN counts as far from every mode
    distances, nearest = cKDTree(clusters.centres).query(finite)
    modes = len(clusters.centres)
    near = distances < 3 * clusters.deviation
    hits = np.bincount(nearest[near], minlength=modes)
    shares = np.bincount(nearest, minlength=modes) / len(points)
    occupied = shares[shares > 0]
    reverse_kl = float(np.log(modes) + (occupied * np.log(occupied)).sum())
    return Count(int((hits >= 0.25 * len(points) / modes).sum()), reverse_kl, float(near.mean()))
