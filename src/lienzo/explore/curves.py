"""Curves through latents that stay where latents are.

Latents z ~ N(0, 1) of d dimensions lie near a sphere of radius √d. A straight line between two of them passes far
inside it, where a generator has hardly ever been (White 2016, arXiv 1609.04468). So a curve here has a direction on the
unit sphere and a norm apart from it: directions follow great circles or a spline on the sphere, norms go linearly.

Everything is computed in float64 by NumPy, so that a saved path gives the same latents wherever it is replayed.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lienzo.explore.film import Curve, Easing

Array = NDArray[np.float64]


def points(keyframes: Array, times: Array, kind: Curve = "great-circles", *, closed: bool = False) -> Array:
    """Return points of the curve through keyframes.

    Args:
        keyframes: (k, d), the latents that it passes through; k is at least 1.
        times: (n,), 0 being the first keyframe, 1 the second, and so on; for a closed curve k is the first again.
        kind: of the curve.
        closed: whether the curve returns from the last keyframe to the first.

    Returns:
        (n, d) float64; exactly the keyframe at a whole number.
    """
    segment, share = _located(len(keyframes), times, closed)
    before, after = keyframes[segment], keyframes[_next(segment, len(keyframes), closed, 1)]
    norms = np.linalg.norm(keyframes, axis=1)
    directions = keyframes / np.maximum(norms, np.finfo(np.float64).tiny)[:, None]
    moved = CURVES[kind](directions, segment, share, closed)
    length = norms[segment] * (1 - share) + norms[_next(segment, len(keyframes), closed, 1)] * share
    curve = moved * length[:, None]
    curve = np.where(share[:, None] == 0, before, np.where(share[:, None] == 1, after, curve))
    return np.asarray(curve)


def mixed(rows: Array, times: Array, *, closed: bool = False) -> Array:
    """Return label rows between keyframes, mixed linearly.

    Args:
        rows: (k, classes), the labels at each keyframe.
        times: (n,), as for :func:`points`.
        closed: as for :func:`points`.

    Returns:
        (n, classes).
    """
    segment, share = _located(len(rows), times, closed)
    after = rows[_next(segment, len(rows), closed, 1)]
    return np.asarray(rows[segment] * (1 - share[:, None]) + after * share[:, None])


def even_times(keyframes: int, frames: int, easing: Easing = "none", *, closed: bool = False) -> Array:
    """Return the times (frames,) of a walk that gives each segment the same share of the frames.

    An open walk ends at its last keyframe; a closed one ends a frame before its first, with which it goes on.
    """
    segments = keyframes if closed else keyframes - 1
    times = np.linspace(0, segments, frames, endpoint=not closed)
    whole = np.minimum(np.floor(times), max(0, segments - 1))
    share = times - whole
    eased = share * share * (3 - 2 * share) if easing == "smooth" else share
    return np.asarray(whole + eased)


def even_distances(times: Array, distances: Array, frames: int, *, closed: bool = False) -> Array:
    """Return the times at which a walk covers the same distance in every frame.

    Args:
        times: (n,), ascending, at which the walk was sampled.
        distances: (n − 1,), between one sample and the next, in whatever space.
        frames: how many times to return.
        closed: whether the last of ``times`` is the first again, and is left out of what is returned.

    Returns:
        (frames,).
    """
    covered = np.concatenate([[0.0], np.cumsum(distances)])
    wanted = np.linspace(0, covered[-1], frames, endpoint=not closed)
    rising = np.concatenate([[True], np.diff(covered) > 0])
    return np.asarray(np.interp(wanted, covered[rising], times[rising]))


def _great_circles(directions: Array, segment: NDArray[np.int64], share: Array, closed: bool) -> Array:
    """Return directions (n, d) on the great circle between two neighbours (Shoemake 1985, section 3.3)."""
    before, after = directions[segment], directions[_next(segment, len(directions), closed, 1)]
    cosine = np.clip((before * after).sum(1), -1, 1)
    angle = np.arccos(cosine)[:, None]
    sine, share = np.sin(angle), share[:, None]
    near = sine < 1e-6  # the same direction, or the opposite one, between which no circle is shorter than another
    safe = np.where(near, 1.0, sine)
    arc = (np.sin((1 - share) * angle) * before + np.sin(share * angle) * after) / safe
    return np.asarray(_unit(np.where(near, before * (1 - share) + after * share, arc)))


def _spline(directions: Array, segment: NDArray[np.int64], share: Array, closed: bool) -> Array:
    """Return directions (n, d) of the spline of Catmull and Rom (1974) through all, brought back to the sphere."""
    count, t = len(directions), share[:, None]
    p0, p1, p2, p3 = (directions[_next(segment, count, closed, step)] for step in (-1, 0, 1, 2))
    bent = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return _unit(bent)


CURVES: dict[str, Callable[[Array, NDArray[np.int64], Array, bool], Array]] = {
    "great-circles": _great_circles,
    "spline": _spline,
}
"""Every kind of curve: from unit keyframes, segments and shares of them to unit directions."""


def _located(count: int, times: Array, closed: bool) -> tuple[NDArray[np.int64], Array]:
    """Return the segment (n,) that each time lies in, and the share of it that has passed."""
    last = max(0, count - 1 if closed else count - 2)
    segment = np.clip(np.floor(times), 0, last).astype(np.int64)
    return segment, times - segment


def _next(segment: NDArray[np.int64], count: int, closed: bool, step: int) -> NDArray[np.int64]:
    """Return the keyframe ``step`` after each segment's first; an open curve repeats its ends."""
    moved = segment + step
    return np.asarray(moved % count if closed else np.clip(moved, 0, count - 1))


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny))
