"""Pairwise distances between many features, a tile at a time."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lienzo.errors import ScoreError

CHUNK = 2048
"""Rows and columns of a tile: 2048 × 2048 distances are 32 MiB."""


_EQUAL = 1e-12
"""Squared distances of at most this part of the squared lengths are taken for rounding."""


class Neighbours(NamedTuple):
    """The nearest references of each query, the nearest first."""

    distances: Tensor  # (n, k) float64, Euclidean
    indices: Tensor  # (n, k) int64, rows of the references


def tiles(
    a: Tensor, b: Tensor, chunk: int = CHUNK, *, origin: Tensor | float = 0.0
) -> Iterator[tuple[slice, slice, Tensor, Tensor]]:
    """Yield tiles of all pairs of rows: a slice of ``a``, a slice of ``b``, and the rows of both in float64.

    Args:
        a: (n, d).
        b: (m, d).
        chunk: the most rows of either in one tile.
        origin: (d,) subtracted from both.
    """
    for i in range(0, len(a), chunk):
        rows = slice(i, min(i + chunk, len(a)))
        left = a[rows].double() - origin
        for j in range(0, len(b), chunk):
            columns = slice(j, min(j + chunk, len(b)))
            yield rows, columns, left, b[columns].double() - origin


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return all squared Euclidean distances: (n, d), (m, d) → (n, m).

    Expanded as |a|² + |b|² − 2ab. What that loses to cancellation is small where the origin lies among the points.
    Rows that are equal but for what float32 can tell, of which only the loss would be left, are 0 apart.
    """
    lengths = a.square().sum(1)[:, None] + b.square().sum(1)
    squared = lengths - 2 * a @ b.T
    return torch.where(squared > _EQUAL * lengths, squared, 0.0)


def middle(features: Tensor) -> Tensor:
    """Return the mean of features (n, d) in float64: the origin to measure distances from."""
    return features.mean(0, dtype=torch.float64)


def nearest(queries: Tensor, references: Tensor, k: int = 1, *, same: bool = False, chunk: int = CHUNK) -> Neighbours:
    """Find the ``k`` nearest references of every query, by exhaustive search.

    Args:
        queries: (n, d).
        references: (m, d).
        k: number of neighbours.
        same: whether queries and references are the same set. Then no row is its own neighbour; its duplicates are.
        chunk: size of a tile.

    Raises:
        ScoreError: there are fewer than ``k`` references.
    """
    if len(references) - same < k:
        raise ScoreError(
            f"{k} nearest neighbours want at least {k + same} pictures to look among, not {len(references)}: "
            "take more samples."
        )
    distances = torch.full((len(queries), k), torch.inf, dtype=torch.float64, device=queries.device)
    indices = torch.zeros(len(queries), k, dtype=torch.int64, device=queries.device)
    for rows, columns, left, right in tiles(queries, references, chunk, origin=middle(references)):
        tile = squared_distances(left, right)
        if same and rows == columns:
            tile.fill_diagonal_(torch.inf)
        here = torch.arange(columns.start, columns.stop, device=tile.device).expand_as(tile)
        distances[rows], best = torch.cat([distances[rows], tile], 1).topk(k, largest=False)
        indices[rows] = torch.cat([indices[rows], here], 1).gather(1, best)
    return Neighbours(distances.sqrt(), indices)
