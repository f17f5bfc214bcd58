"""The two sides of an evaluation: pictures to score, and the real pictures that they are compared with."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.collection.collection import Collection
from lienzo.collection.settings import Part
from lienzo.compute.devices import pick_device, pick_precision
from lienzo.errors import ScoreError
from lienzo.evaluation.features import cached_features, kept_features
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.evaluation.settings import Settings
from lienzo.evaluation.subject import Source, Subject, is_prepared, open_subject, place_of, sample
from lienzo.metrics import detectors
from lienzo.metrics.detectors import Detector
from lienzo.metrics.measures import NEIGHBOURS

FEWEST = NEIGHBOURS + 1
"""Pictures that every measure needs on either side."""


class Labels(NamedTuple):
    """Labels of one kind, of the pictures to score and of the real ones."""

    names: tuple[str, ...]
    of_real: NDArray[np.int64]  # (rows of the collection,) positions among the names, −1 for no label
    of_fake: NDArray[np.int64]  # (pictures to score,) likewise


@dataclass(frozen=True)
class Comparison:
    """Pictures to score and the real ones to compare them with, opened and checked."""

    settings: Settings
    """Settings of the evaluation."""

    collection: Collection
    """Collection of the real pictures."""

    subject: Subject
    """Source of the pictures to score."""

    device: torch.device
    """Device on which the detector runs."""

    detector: Detector
    """Detector that turns pictures into features."""

    numbers: NDArray[np.int64]
    """Seeds of the pictures to score, or their rows where they are a collection's."""

    rows: NDArray[np.int64]
    """Rows of the real pictures in the collection, ascending."""

    labels: Labels | None
    """Labels of both sides, if each label is scored by itself too."""

    @property
    def seeks_copies(self) -> bool:
        """Whether copies and blends are sought, for which pictures have to be held out."""
        return self.settings.novelty and len(self.collection.rows("holdout")) > 0

    def features(self, part: Part, rows: NDArray[np.int64]) -> Generator[EvaluationProgress, None, Tensor]:
        """Return the features (n, d) of rows of a part of the collection, from its cache where they are there."""
        return (yield from cached_features(self.collection, part, rows, self.detector, self.device))

    def scored_features(self) -> Generator[EvaluationProgress, None, Tensor]:
        """Return the features (n, d) of the pictures to score, from the cache where they are there."""
        return (
            yield from kept_features(
                self.subject.fingerprint,
                "pictures to score",
                self.numbers,
                self.subject.draw,
                detector=self.detector,
                device=self.device,
            )
        )

    def real_features(self) -> Generator[EvaluationProgress, None, tuple[Tensor, Tensor | None]]:
        """Return the features of the real pictures, and of all training pictures where copies are sought."""
        part, training = self.settings.part, self.collection.rows("train")
        if not self.seeks_copies:
            return (yield from self.features(part, self.rows)), None
        searched = yield from self.features("train", training)
        if part != "train":
            return (yield from self.features(part, self.rows)), searched
        return searched[torch.from_numpy(np.searchsorted(training, self.rows))], searched


def open_comparison(source: Source, collection: str | Path | Collection, settings: Settings) -> Comparison:
    """Open what is to be scored and what it is compared with.

    Raises:
        ScoreError: too few samples, a part without pictures, pictures of another shape, or other labels.
        InputError: no such subject, collection, detector or device.
    """
    refuse_few(settings.samples)
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    device = pick_device(settings.device)
    detector = _detector(settings, device)
    if len(settings.truncation) > 1:
        raise ScoreError("scores are taken at one truncation at a time: give one, or call evaluation.compare.")
    truncation = next(iter(settings.truncation), None)
    subject = open_subject(source, collection, str(device), settings.part, truncation=truncation)
    numbers = subject.numbers(settings.samples, settings.seed)
    rows = collection.rows(settings.part)
    if not len(rows):
        whole = "nothing is held out of a folder or archive, leave --part out"
        mend = whole if is_prepared(collection) else "prepare it with --holdout 0.1"
        raise ScoreError(f"{place_of(collection)} has no part {settings.part}: {mend}.")
    refuse_small(f"what is scored, {subject.name},", len(numbers))
    refuse_small(f"what it is compared with, {place_of(collection)},", len(rows))
    labels = _labels(settings.labels, subject, numbers, collection) if settings.labels else None
    chosen = rows[sample(len(rows), settings.samples)]
    return Comparison(settings, collection, subject, device, detector, numbers, chosen, labels)


def refuse_few(samples: int) -> None:
    """Refuse a number of samples that no measure can be taken of."""
    if samples < FEWEST:
        raise ScoreError(f"{samples} samples are too few for any measure: take {FEWEST} or more.")


def refuse_small(side: str, pictures: int) -> None:
    """Refuse a side with fewer pictures than every measure needs."""
    if pictures < FEWEST:
        raise ScoreError(f"{side} has {pictures} of the {FEWEST} pictures that every measure needs: add more to it.")


def _detector(settings: Settings, device: torch.device) -> Detector:
    """Return the detector that the settings ask for."""
    if isinstance(settings.detector, Detector):
        if settings.precision is not None or settings.detector_file is not None:
            raise ScoreError("precision and detector_file are those of lienzo's detectors: leave them out.")
        return settings.detector
    if settings.precision == "bf16" and pick_precision("auto", device) != "bf16":
        raise ScoreError(f"the device {device} does not multiply bfloat16: leave --precision out, and it is float32.")
    return detectors.load(settings.detector, device, precision=settings.precision, file=settings.detector_file)


def _labels(kind: str, subject: Subject, numbers: NDArray[np.int64], collection: Collection) -> Labels:
    """Return the labels of a kind, which both sides must have."""
    if is_prepared(collection) and not collection.vocabularies:
        raise ScoreError(
            f"{place_of(collection)} has no labels: sort its pictures into folders, or leave --labels out."
        )
    of_real = collection.labels(kind)
    if subject.labels is None:
        raise ScoreError(f"{subject.name} paints without labels: score it without --labels.")
    names = collection.vocabularies[kind]
    if (others := subject.vocabularies.get(kind, ())) != names:
        raise ScoreError(
            f"{subject.name} has the labels {', '.join(others) or 'none'} of the kind {kind}, and not those of "
            f"{place_of(collection)}, {', '.join(names)}: score it without --labels."
        )
    return Labels(names, of_real, subject.labels(kind, numbers))
