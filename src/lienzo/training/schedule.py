"""Schedules: numbers that change while training, as functions of the number of pictures shown."""

import math
from collections.abc import Iterable

from torch import Tensor


def crossed(before: int, after: int, every: int) -> bool:
    """Say whether a multiple of ``every`` pictures lies in (before, after]; nothing has to divide the batch.

    >>> crossed(0, 128, 100), crossed(128, 192, 100), crossed(100, 128, 0)
    (True, False, False)
    """
    return every > 0 and before // every != after // every


def steps_at_once(images: int, step: int, most: int, total: int, every: Iterable[int]) -> int:
    """Return how many steps of ``step`` pictures are taken at once: ``most``, or one where something is due sooner.

    What comes after each so many pictures of ``every``, and the end, may be due after the last of them only.

    >>> [steps_at_once(images, 10, 4, 200, (50, 0)) for images in (0, 10, 20, 160, 170)]
    [4, 4, 1, 4, 1]
    """
    before_last = images + (most - 1) * step
    due = before_last >= total or any(crossed(images, before_last, each) for each in every)
    return 1 if due else most


def average_decay(images: int, batch: int, half_life: int, ramp: float) -> float:
    """Return the factor β by which an average of weights forgets during one step of ``batch`` pictures.

    An old weight counts half after ``half_life`` pictures. Early in training the half-life is at most the share
    ``ramp`` of the ``images`` shown so far, so that the average is right from the start (Karras et al. 2020, ADA).
    """
    half_life_now = min(float(half_life), ramp * images)
    return 0.5 ** (batch / half_life_now) if half_life_now > 0 else 0.0


def cooling(images: int, total: int, share: float, shape: str = "linear") -> float:
    """Return how far from its end is what changes over the last ``share`` of a run: 1 until then, and 0 at the end.

    Meanwhile it falls linearly, or with the ``shape`` cosine as (1 + cos π t) / 2, t going from 0 to 1.

    >>> cooling(0, 1000, 0.5), cooling(750, 1000, 0.5), cooling(900, 1000, 0.0)
    (1.0, 0.5, 1.0)
    >>> [round(cooling(images, 1000, 0.5, "cosine"), 3) for images in (500, 625, 750, 875, 1000)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    left = min(1.0, (total - images) / (share * total)) if share else 1.0
    return (1 - math.cos(math.pi * left)) / 2 if shape == "cosine" else left


def between(start: float, end: float, left: float | Tensor) -> float | Tensor:
    """Return the number that is ``start`` as long as all is ``left``, and ``end`` when nothing is.

    Where what is left is a scalar on the device, so is the number.

    >>> [between(0.03, 0.0, left) for left in (1.0, 0.5, 0.0)]
    [0.03, 0.015, 0.0]
    """
    return start * left + end * (1 - left)


def fading(images: int, length: int) -> float:
    """Return how much the new layers of a grown network count: from 0 linearly up to 1 after ``length`` pictures.

    >>> fading(0, 1000), fading(250, 1000), fading(2000, 1000), fading(0, 0)
    (0.0, 0.25, 1.0, 1.0)
    """
    return min(1.0, images / length) if length else 1.0
