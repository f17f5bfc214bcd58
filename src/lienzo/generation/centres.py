"""Centres for truncation: the mean latents of each kind of pictures that a generator makes."""

import logging
import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from lienzo.errors import InputError
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents

SEEDS = 1_024
"""Pictures that are clustered: those of the first seeds."""

COARSE = 8
"""Pictures are compared by their colours in so many fields a side."""

MOST = 64
"""Clusters at most, so that each has some pictures."""

log = logging.getLogger("lienzo")


def clustered(generator: Generator, count: int) -> Latents:
    """Return the mean latents of each of so many clusters of pictures.

    The pictures of the first seeds, averaged to 8×8 fields, are divided by k-means (Lloyd 1982, begun by k-means++). A
    centre is the mean of the latents of a cluster's pictures. The same generator and number always give the same
    centres.

    Args:
        generator: whose pictures are clustered.
        count: number of clusters, 2 to 64; one alone would have the mean of all latents, which is 0.

    Raises:
        InputError: another number.
    """
    if not 2 <= count <= MOST:
        raise InputError(f"pictures cannot be divided into {count} clusters for truncation: give 2 to {MOST}.")
    z, y = generator.drawn(range(SEEDS))
    pictures = _coarse(generator.paint(z, y))
    different = min(count, len(np.unique(pictures, axis=0)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of the clusters is empty")  # said below
        of_each = kmeans2(pictures, different, minit="++", seed=0)[1]
    there = [number for number in range(count) if (of_each == number).any()]
    if len(there) < count:
        log.warning("%d clusters of pictures were asked for, and only %d found: these are used.", count, len(there))
    means = np.stack([z[of_each == number].mean(0) for number in there]).astype(np.float32)
    labels = np.stack([y[of_each == number].mean(0) for number in there]).astype(np.float32)
    return Latents(means, labels, generator.fingerprint, tuple(f"cluster {number}" for number in range(len(there))))


def _coarse(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return pictures (n, height, width, channels) averaged to fields, a row for each; (n, fields · channels)."""
    rows = np.array_split(np.arange(pictures.shape[1]), min(COARSE, pictures.shape[1]))
    columns = np.array_split(np.arange(pictures.shape[2]), min(COARSE, pictures.shape[2]))
    bands = np.stack([pictures[:, part].mean(1, dtype=np.float64) for part in rows], 1)
    return np.stack([bands[:, :, part].mean(2) for part in columns], 2).reshape(len(pictures), -1)
