"""Features of pictures, computed batch by batch; those of collections are cached."""

import logging
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.collection.collection import Collection
from lienzo.collection.settings import Part
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.generation.generation import Generator as Maker
from lienzo.metrics import detectors
from lienzo.metrics.detectors import BATCH, Detector, Images
from lienzo.metrics.sliced import patches
from lienzo.storage import arrays, caches, files

THUMBNAIL = 16
"""Height and width of the pictures that are compared by their pixels."""

log = logging.getLogger("lienzo")

Function = Callable[[Images, int], Any]
"""A function of a batch of pictures and of the number of pictures before it."""


def detected(detector: Detector, device: torch.device) -> Function:
    """Return the function that gives the features (n, d) of pictures."""
    return lambda images, _: _to_device_of_measures(detectors.features(detector, images), device)


def shrunk(device: torch.device) -> Function:
    """Return the function that gives pictures shrunk, as rows (n, 3 · THUMBNAIL²) in [0, 1]."""
    return lambda images, _: _to_device_of_measures(
        torch.from_numpy(detectors.thumbnails(images, THUMBNAIL, device)), device
    )


def cut_patches(images: Images, before: int) -> dict[int, Tensor]:
    """Return random patches of pictures (see `sliced.patches`)."""
    return patches(torch.from_numpy(images).permute(0, 3, 1, 2).float(), position=before)


def joined_patches(parts: list[dict[int, Tensor]]) -> dict[int, Tensor]:
    """Return the patches of all batches together: level -> patches, from the results of :func:`cut_patches`."""
    return {level: torch.cat([part[level] for part in parts]) for level in parts[0]}


def _to_device_of_measures(features: Tensor, device: torch.device) -> Tensor:
    """Move features to the device of the measures: a CUDA device, else the CPU, since MPS has no float64."""
    return features.to(device if device.type == "cuda" else "cpu")


def walk(
    stage: str, draw: Callable[[NDArray[np.int64]], Images], numbers: NDArray[np.int64], functions: Sequence[Function]
) -> Generator[EvaluationProgress, None, list[list[Any]]]:
    """Draw pictures batch by batch, once, and return what each function made of each batch."""
    made: list[list[Any]] = [[] for _ in functions]
    yield EvaluationProgress(stage, 0, len(numbers))
    for start in range(0, len(numbers), BATCH):
        images = draw(numbers[start : start + BATCH])
        for results, function in zip(made, functions, strict=True):
            results.append(function(images, start))
        yield EvaluationProgress(stage, start + len(images), len(numbers))
    return made


def cached_features(
    collection: Collection, part: Part, rows: NDArray[np.int64], detector: Detector, device: torch.device
) -> Generator[EvaluationProgress, None, Tensor]:
    """Return the features of a collection's pictures, from its cache where they are there.

    Where the cache cannot be written, nothing is kept.
    """
    return (
        yield from kept_features(collection.fingerprint, part, rows, collection.take, detector=detector, device=device)
    )


def features_of_seeds(
    generator: Maker, seeds: NDArray[np.int64], detector: Detector, device: torch.device
) -> Generator[EvaluationProgress, None, Tensor]:
    """Return the features (n, d) of the pictures of seeds, from the generator's cache where they are there."""

    def draw(some: NDArray[np.int64]) -> Images:
        return generator.paint(*generator.drawn(some.tolist()))

    return (yield from kept_features(generator.fingerprint, "seeds", seeds, draw, detector=detector, device=device))


def kept_features(
    of: str,
    name: str,
    numbers: NDArray[np.int64],
    draw: Callable[[NDArray[np.int64]], Images],
    *,
    detector: Detector,
    device: torch.device,
) -> Generator[EvaluationProgress, None, Tensor]:
    """Return the features of pictures that are drawn by number, kept under the fingerprint of what they are ``of``.

    Args:
        of: fingerprint of the collection or generator.
        name: what progress calls the pictures.
        numbers: rows or seeds.
        draw: function from these to pictures.
        detector: makes the features.
        device: where it computes.
    """
    key = files.fingerprint([detector.fingerprint, device.type, of, numbers.tolist()])
    path = caches.folder("features") / of / f"{detector.name}-{len(numbers)}-{key}.npy"
    if detector.fingerprint is not None and (kept := _kept(path, len(numbers))) is not None:
        return _to_device_of_measures(kept, device)
    made = yield from walk(f"{detector.name} of {name}", draw, numbers, [detected(detector, device)])
    features = torch.cat(made[0])
    if detector.fingerprint is not None:
        try:
            with files.replacing(path) as file:
                np.save(file, features.cpu().numpy())
        except OSError as error:
            log.warning("the features are not kept for the next time: %s", error)
    return features


def _kept(path: Path, count: int) -> Tensor | None:
    """Return features from a file of the cache; none where it is missing or damaged."""
    try:
        features = arrays.load(path, count, np.float32)
    except (OSError, ValueError):
        return None
    return torch.from_numpy(features) if np.isfinite(features).all() else None
