"""Distances between laws, by quadrature and by Monte Carlo.

Densities come as logarithms, so that tails do not underflow: ``p`` and ``q`` are log p and log q at the midpoints of
the cells, −∞ outside the support.
"""

from collections.abc import Callable

import numpy as np

from lienzo.theory.models.laws import Array, Cells

LOG2 = float(np.log(2))
LOG4 = float(np.log(4))


def kullback_leibler(p: Array, q: Array, cells: Cells) -> float:
    """Return KL(p ‖ q) = ∫ p log(p/q): ∞ where p has mass and q has none."""
    support = p > -np.inf
    if np.any(q[support] == -np.inf):
        return float("inf")
    return cells.integral(np.exp(p[support]) * (p[support] - q[support]))


def jensen_shannon(p: Array, q: Array, cells: Cells) -> float:
    """Return JS(p, q) = ½ KL(p ‖ m) + ½ KL(q ‖ m) with m = ½ (p + q): between 0 and log 2."""
    middle = np.logaddexp(p, q) - LOG2
    return 0.5 * kullback_leibler(p, middle, cells) + 0.5 * kullback_leibler(q, middle, cells)


def total_variation(p: Array, q: Array, cells: Cells) -> float:
    """Return TV(p, q) = ½ ∫ |p − q|: between 0 and 1."""
    return 0.5 * cells.integral(np.abs(np.exp(p) - np.exp(q)))


def wasserstein_1(p: Array, q: Array, cells: Cells) -> float:
    """Return W₁(p, q) = ∫ |P − Q|, with P and Q the distribution functions: the mean distance mass has to be moved."""
    difference = np.concatenate([[0.0], np.cumsum(np.exp(p) - np.exp(q)) * cells.width])
    return cells.integral(0.5 * np.abs(difference[1:] + difference[:-1]))


def entropy(p: Array, cells: Cells) -> float:
    """Return H(p) = −∫ p log p, in nats."""
    support = p > -np.inf
    return -cells.integral(np.exp(p[support]) * p[support])


def monte_carlo(values: Array) -> tuple[float, float]:
    """Return the mean of independent values (N,) and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def derivative(function: Callable[[float], float], at: float, step: float = 1e-3) -> float:
    """Return the derivative of a function at a point, by the central difference of fourth order."""
    near = function(at + step) - function(at - step)
    far = function(at + 2 * step) - function(at - 2 * step)
    return (8 * near - far) / (12 * step)
