"""Neighbours: the training pictures nearest to generated ones, and the seeds nearest to a picture."""

from collections.abc import Generator as Steps
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lienzo.collection.collection import Collection
from lienzo.errors import InputError, refuse_below
from lienzo.evaluation.features import cached_features
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.explore.sources import opened, read_picture, refuse_other_shape
from lienzo.generation.generation import Generator
from lienzo.metrics import detectors
from lienzo.metrics.detectors import BATCH, Detector
from lienzo.metrics.distances import nearest
from lienzo.run.run import Run

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Found:
    """The nearest neighbours of some pictures."""

    pictures: Pixels
    """The pictures, (n, height, width, channels)."""
    neighbours: Pixels
    """Their neighbours, the nearest first, (n, k, height, width, channels)."""
    distances: NDArray[np.float64]
    """Euclidean distances in the detector's features, (n, k)."""
    numbers: NDArray[np.int64]
    """Rows of the neighbours in the collection, or their seeds, (n, k)."""


def in_collection(
    pictures: Pixels, collection: Collection, detector: Detector, count: int
) -> Steps[EvaluationProgress, None, Found]:
    """Find the training pictures of a collection that are nearest to some pictures of its shape."""
    rows = collection.rows("train")
    references = yield from cached_features(collection, "train", rows, detector, torch.device("cpu"))
    found = nearest(detectors.features(detector, pictures), references.cpu(), count)
    numbers = rows[found.indices.numpy()]
    neighbours = collection.take(numbers.ravel()).reshape(*numbers.shape, *pictures.shape[1:])
    return Found(pictures, neighbours, found.distances.numpy(), numbers)


def among_seeds(
    pictures: Pixels, generator: Generator, detector: Detector, count: int, seeds: Sequence[int]
) -> Steps[EvaluationProgress, None, Found]:
    """Find the seeds whose pictures are nearest to some pictures of the generator's shape."""
    parts = []
    for start in range(0, len(seeds), BATCH):
        yield EvaluationProgress("seeds", start, len(seeds))
        parts.append(detectors.features(detector, generator.paint(*generator.drawn(seeds[start : start + BATCH]))))
    yield EvaluationProgress("seeds", len(seeds), len(seeds))
    found = nearest(detectors.features(detector, pictures), torch.cat(parts), count)
    numbers = np.asarray(seeds, np.int64)[found.indices.numpy()]
    neighbours = generator.paint(*generator.drawn(numbers.ravel().tolist())).reshape(
        *numbers.shape, *pictures.shape[1:]
    )
    return Found(pictures, neighbours, found.distances.numpy(), numbers)


def neighbours(
    source: str | Path | Run | Generator,
    collection: str | Path | Collection | None = None,
    *,
    seeds: Sequence[int] = (),
    pictures: Sequence[str | Path] = (),
    count: int = 5,
    among: int = 2_000,
    detector: str = "lite0",
    device: str = "cpu",
) -> Found:
    """Find the training pictures nearest to generated ones, or the seeds nearest to pictures of one's own.

    Args:
        source: a generator, a run, or where one lies.
        collection: whose training pictures are looked among, for seeds.
        seeds: whose pictures neighbours are looked for; or ``pictures``.
        pictures: files of pictures, which are brought to the generator's shape.
        count: neighbours of each.
        among: seeds that are looked among, from 0 on, for pictures.
        detector: whose features distances are measured in; see :data:`lienzo.metrics.detectors.DETECTORS`.
        device: where to compute.

    Raises:
        InputError: neither seeds with a collection nor pictures, or a collection of another shape.
    """
    *_, last = steps(
        source, collection, seeds=seeds, pictures=pictures, count=count, among=among, detector=detector, device=device
    )
    assert isinstance(last, Found)
    return last


def steps(
    source: str | Path | Run | Generator,
    collection: str | Path | Collection | None = None,
    *,
    seeds: Sequence[int] = (),
    pictures: Sequence[str | Path] = (),
    count: int = 5,
    among: int = 2_000,
    detector: str = "lite0",
    device: str = "cpu",
) -> Iterator[EvaluationProgress | Found]:
    """Do what :func:`neighbours` does, and yield how far it has come and at last the result."""
    generator = opened(source, device)
    refuse_below(1, {"count": count, "among": among})
    if bool(seeds) == bool(pictures):
        raise InputError(
            "neighbours are looked for of seeds in a collection, or of pictures among seeds: give one of the two."
        )
    features_of = detectors.load(detector, generator.device)
    if pictures:
        wanted = np.stack([read_picture(path, generator) for path in pictures])
        yield (yield from among_seeds(wanted, generator, features_of, count, range(among)))
        return
    if collection is None:
        raise InputError("the neighbours of generated pictures are looked for in a collection: give one.")
    there = Collection.open(collection) if isinstance(collection, str | Path) else collection
    refuse_other_shape(generator, there)
    yield (yield from in_collection(generator.generate(seeds).images, there, features_of, count))
