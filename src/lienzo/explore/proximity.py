"""Neighbours: the training pictures nearest to generated ones, and the seeds nearest to a picture."""

from collections.abc import Generator as Steps
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lienzo.collection.collection import Collection
from lienzo.errors import InputError, refuse_below
from lienzo.evaluation.features import cached_features, features_of_seeds
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.explore.sources import fitting, opened, read_picture, refuse_idle
from lienzo.generation.generation import Generator
from lienzo.generation.spans import parse_seeds
from lienzo.metrics import detectors
from lienzo.metrics.detectors import Detector
from lienzo.metrics.distances import nearest
from lienzo.run.run import Run
from lienzo.signatures import finished

Pixels = NDArray[np.uint8]

SEEDS = 8
"""Seeds whose neighbours are looked for where none are given."""


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
    of_seeds: bool
    """Whether ``numbers`` are seeds."""

    def to_json(self) -> dict[str, Any]:
        """Return numbers and distances as JSON values, without pictures."""
        name = "seeds" if self.of_seeds else "rows"
        return {name: self.numbers.tolist(), "distances": np.round(self.distances, 5).tolist()}


def in_collection(
    pictures: Pixels, collection: Collection, detector: Detector, count: int
) -> Steps[EvaluationProgress, None, Found]:
    """Find the training pictures of a collection that are nearest to some pictures of its shape."""
    rows = collection.rows("train")
    if count > len(rows):
        raise InputError(f"{collection.path} has {len(rows)} training pictures, fewer than {count}: lower --count.")
    references = yield from cached_features(collection, "train", rows, detector, torch.device("cpu"))
    found = nearest(detectors.features(detector, pictures).cpu(), references.cpu(), count)
    numbers = rows[found.indices.numpy()]
    neighbours = collection.take(numbers.ravel()).reshape(*numbers.shape, *pictures.shape[1:])
    return Found(pictures, neighbours, found.distances.numpy(), numbers, False)


def among_seeds(
    pictures: Pixels, generator: Generator, detector: Detector, count: int, among: int
) -> Steps[EvaluationProgress, None, Found]:
    """Find the seeds, of the first ``among``, whose pictures are nearest to some pictures of the generator's shape."""
    references = yield from features_of_seeds(generator, np.arange(among), detector, generator.device)
    found = nearest(detectors.features(detector, pictures).cpu(), references.cpu(), count)
    numbers = found.indices.numpy()
    painted = generator.paint(*generator.drawn(numbers.ravel().tolist()))
    return Found(pictures, painted.reshape(*numbers.shape, *pictures.shape[1:]), found.distances.numpy(), numbers, True)


def steps(
    source: str | Path | Run | Generator,
    collection: str | Path | Collection | None = None,
    *,
    seeds: str | Iterable[int] | None = None,
    pictures: Sequence[str | Path] = (),
    count: int = 5,
    among: int = 2_000,
    detector: str = "lite0",
    device: str = "cpu",
) -> Steps[EvaluationProgress, None, Found]:
    """Find the training pictures nearest to generated ones, or the seeds nearest to pictures of one's own.

    Args:
        source: a generator, a run, or where one lies.
        collection: whose training pictures are looked among, for seeds.
        seeds: whose neighbours are looked for: numbers, or a text such as ``10-19``; by default the first eight.
        pictures: files of pictures, which are brought to the generator's shape.
        count: neighbours of each.
        among: seeds that are looked among, from 0 on, for pictures.
        detector: whose features distances are measured in; see :data:`lienzo.metrics.detectors.DETECTORS`.
        device: where to compute.

    Raises:
        InputError: neither a collection nor pictures, or both, a collection of another shape, or fewer pictures to look
            among than ``count``.
    """
    generator = opened(source, device)
    refuse_below(1, {"count": count, "among": among})
    if (collection is None) == (len(pictures) == 0) or (len(pictures) and seeds is not None):
        raise InputError(
            "neighbours are looked for of seeds in a collection, or of pictures among seeds: give a collection, "
            "or pictures."
        )
    if collection is None and count > among:
        raise InputError(f"among {among} seeds there are no {count} neighbours: lower --count, or raise --among.")
    if collection is not None:
        refuse_idle(steps, "with a collection", among=among)
    features_of = detectors.load(detector, generator.device)
    if collection is None:
        wanted = np.stack([read_picture(path, generator) for path in pictures])
        return (yield from among_seeds(wanted, generator, features_of, count, among))
    there = fitting(generator, collection)
    chosen = parse_seeds(seeds) if isinstance(seeds, str) else list(range(SEEDS) if seeds is None else seeds)
    return (yield from in_collection(generator.generate(chosen).images, there, features_of, count))


neighbours = finished(steps, "neighbours")
