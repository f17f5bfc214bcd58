"""Precision and recall, density and coverage: how much of one set lies in the neighbourhood of the other.

Kynkäänniemi et al., Improved Precision and Recall Metric, 2019 (https://arxiv.org/abs/1904.06991);
Naeem et al., Reliable Fidelity and Diversity Metrics, 2020 (https://arxiv.org/abs/2002.09797), whose definitions
these are. The neighbourhood of a set is the union of balls around its pictures, each reaching to the picture's k-th
neighbour.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lienzo.metrics.distances import CHUNK, middle, nearest, squared_distances, tiles
from lienzo.metrics.estimate import Estimate, mean, share

_EDGE = 1 - 1e-9
"""Squared radii are this much smaller: a picture as far as the k-th neighbour lies outside, whatever the rounding."""


class Manifold(NamedTuple):
    """Precision, recall, density and coverage; their standard errors take the balls as given."""

    precision: Estimate
    """Share of the generated pictures inside a ball of a real one: fidelity. An outlier's ball lets many in."""
    recall: Estimate
    """Share of the real pictures inside a ball of a generated one: diversity."""
    density: Estimate
    """Mean number of real balls that hold a generated picture, over k: fidelity, 1 for the real distribution. It may be
    larger."""
    coverage: Estimate
    """Share of the real balls that hold a generated picture: diversity, steadier than recall."""


def manifold(real: Tensor, fake: Tensor, k: int = 5, *, chunk: int = CHUNK) -> Manifold:
    """Return precision, recall, density and coverage.

    They depend on the counts: compare only values taken with the same ones.

    Args:
        real: (n, d), n > k.
        fake: (m, d), m > k.
        k: number of the neighbour that a ball reaches to; 5, as Naeem et al. advise.
        chunk: size of a tile.

    Raises:
        ScoreError: a set has no more than ``k`` pictures.
    """
    real_reach = nearest(real, real, k, same=True, chunk=chunk).distances[:, -1].square() * _EDGE
    fake_reach = nearest(fake, fake, k, same=True, chunk=chunk).distances[:, -1].square() * _EDGE
    balls = torch.zeros(len(fake), dtype=torch.int64, device=fake.device)
    covered = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    recalled = torch.zeros_like(covered)
    for rows, columns, left, right in tiles(real, fake, chunk, origin=middle(real)):
        tile = squared_distances(left, right)
        same = tile == 0  # a picture that both sets have, also where it is repeated and its balls reach to itself
        inside = same | (tile < real_reach[rows, None])
        balls[columns] += inside.sum(0)
        covered[rows] |= inside.any(1)
        recalled[rows] |= (same | (tile < fake_reach[columns])).any(1)
    return Manifold(
        precision=share(balls > 0), recall=share(recalled), density=mean(balls.double() / k), coverage=share(covered)
    )
