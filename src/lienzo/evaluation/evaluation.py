"""Evaluation: how good, how varied and how new a generator's pictures are. See docs/evaluate.md."""

import dataclasses
import logging
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lienzo.collection.collection import Collection
from lienzo.compute.devices import pick_device, pick_precision
from lienzo.errors import ScoreError
from lienzo.evaluation.features import cached_features, cut_patches, detected, joined_patches, shrunk, walk
from lienzo.evaluation.scores import Case, EvaluationProgress, Novelty, Scores, Trial, append
from lienzo.evaluation.settings import Settings
from lienzo.evaluation.subject import Source, Subject, open_subject, sample
from lienzo.metrics import detectors
from lienzo.metrics.detectors import Detector
from lienzo.metrics.distances import nearest
from lienzo.metrics.measures import NEIGHBOURS, Measures, measure, measure_labels
from lienzo.metrics.novelty import blends, excess
from lienzo.metrics.sliced import patch_distance
from lienzo.run.run import Run
from lienzo.signatures import takes
from lienzo.version import __version__

BLENDED = 1_000
"""Blends are sought of this many pictures of either kind: every pair of training pictures is a candidate."""

WORST = 12
"""Cases that are kept to be looked at."""

log = logging.getLogger("lienzo")


@takes(Settings)
def evaluate(subject: Source, collection: str | Path | Collection, settings: Settings) -> Scores:
    """Score a generator against a collection.

    Args:
        subject: a run, a generator or a collection, or where one of them lies. Of a collection the pictures themselves
            are scored: the held-out ones where it is the same, else all.
        collection: the real pictures.
        settings: the fields of :class:`~lienzo.evaluation.settings.Settings`, each by its name, such as
            ``samples=2000``.

    Raises:
        ScoreError: pictures that cannot be scored, or too few.
        InputError: no such subject, collection or device.
    """
    *_, last = steps(subject, collection, settings)
    assert last.scores is not None
    return last.scores


def compare(
    subjects: Sequence[Source], collection: str | Path | Collection, settings: Settings
) -> Iterator[EvaluationProgress]:
    """Score several subjects against one collection, one after the other; the last step of each holds its scores.

    What cannot be compared is refused before anything is scored.

    Raises:
        ScoreError: as `evaluate`, or subjects with different numbers of pictures.
        InputError: no such subject, collection or device.
    """
    _refuse_few(settings.samples)
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    device = str(pick_device(settings.device))
    tried = [open_subject(subject, collection, device, settings.part) for subject in subjects]
    counts = {subject.name: len(subject.numbers(settings.samples, settings.seed)) for subject in tried}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
        raise ScoreError(
            f"scores of different numbers of pictures cannot be compared, and there would be {listed}: "
            f"take --samples {min(counts.values())}."
        )
    for subject in tried:
        for step in steps(subject, collection, settings):
            yield dataclasses.replace(step, stage=f"{subject.name}: {step.stage}")


def steps(subject: Source, collection: str | Path | Collection, settings: Settings) -> Iterator[EvaluationProgress]:
    """Score a generator against a collection, and yield how far that has come; the last step holds the scores.

    The scores of a run are also added to its ``scores.jsonl``. Arguments and errors are those of :func:`evaluate`.
    """
    started = time.monotonic()
    _refuse_few(settings.samples)
    collection = collection if isinstance(collection, Collection) else Collection.open(collection)
    device = pick_device(settings.device)
    detector = _detector(settings, device)
    tried = open_subject(subject, collection, str(device), settings.part)
    numbers = tried.numbers(settings.samples, settings.seed)
    rows = collection.rows(settings.part)
    if not len(rows):
        raise ScoreError(f"{collection.path} has no part {settings.part}: prepare it with --holdout 0.1.")
    kinds = _label_arrays(settings.labels, tried, numbers, collection) if settings.labels else None
    searched = settings.novelty and len(collection.rows("holdout")) > 0

    chosen = sample(len(rows), settings.samples)
    whole = searched and settings.part == "train"  # copies are sought among all of them
    features = yield from cached_features(collection, settings.part, rows if whole else rows[chosen], detector, device)
    real = features[torch.from_numpy(chosen)] if whole else features
    made = yield from walk(
        "pictures to score", tried.draw, numbers, [detected(detector, device), shrunk(device), cut_patches]
    )
    fake, small = torch.cat(made[0]), torch.cat(made[1])
    found = yield from walk("real pictures", collection.take, rows[chosen], [cut_patches])

    total = 2 + 3 * searched
    yield EvaluationProgress("measures", 0, total)
    measures = measure(real, fake)
    yield EvaluationProgress("measures", 1, total)
    distances = patch_distance(joined_patches(found[0]), joined_patches(made[2]))
    yield EvaluationProgress("measures", 2, total)
    names: tuple[str, ...] = ()
    of_labels: dict[str, Measures] = {}
    if kinds:
        names, of_real, of_fake = kinds
        of_labels = measure_labels(real, fake, of_real[rows[chosen]], of_fake, names)
    novelty = None
    if searched:
        training = (
            features
            if whole
            else (yield from cached_features(collection, "train", collection.rows("train"), detector, device))
        )
        novelty = yield from _novelty(collection, detector, training, fake, small, numbers=numbers, device=device)
    unsought = settings.novelty and not searched
    notes = tuple(_notes(measures, of_labels, names=names, dimension=real.shape[1], unsought=unsought))
    scores = Scores(
        subject=tried.name,
        generator=tried.fingerprint,
        collection=collection.fingerprint,
        part=settings.part,
        detector=detector.name,
        detector_fingerprint=detector.fingerprint,
        seed=settings.seed,
        measures=measures,
        sliced_wasserstein=distances,
        novelty=novelty,
        labels=of_labels,
        notes=notes,
        seconds=round(time.monotonic() - started, 1),
        lienzo=__version__,
    )
    if tried.run is not None:
        _keep(tried.run, scores)
    yield EvaluationProgress("measures", total, total, scores)


def _refuse_few(samples: int) -> None:
    """Refuse a number of samples that no measure can be taken of."""
    if samples < NEIGHBOURS + 1:
        raise ScoreError(f"{samples} samples are too few for any measure: take {NEIGHBOURS + 1} or more.")


def _detector(settings: Settings, device: torch.device) -> Detector:
    """Return the detector that the settings ask for."""
    if isinstance(settings.detector, Detector):
        return settings.detector
    if settings.precision == "bf16" and pick_precision("auto", device) != "bf16":
        raise ScoreError(f"the device {device} does not multiply bfloat16: leave --precision out, and it is float32.")
    return detectors.load(settings.detector, device, precision=settings.precision, file=settings.detector_file)


def _notes(
    measures: Measures, of_labels: dict[str, Measures], *, names: Sequence[str], dimension: int, unsought: bool
) -> Iterator[str]:
    """Say what was not measured, and why."""
    if measures.fid is None:
        yield (
            f"FID is left out, it wants more than {dimension} pictures on either side, the number of features: "
            "take more samples, or go by KID"
        )
    if without := [name for name, one in of_labels.items() if measures.fid is not None and one.fid is None]:
        yield f"FID is left out of labels with no more than {dimension} pictures on a side: {', '.join(without)}"
    if few := [name for name in names if name not in of_labels]:
        yield f"labels with no more than {NEIGHBOURS} pictures on a side are left out: {', '.join(few)}"
    if unsought:
        yield "copies and blends were not sought, no pictures are held out to compare with: prepare with --holdout 0.1"


def _keep(run: Run, scores: Scores) -> None:
    try:
        append(run.scores_path, scores)
    except OSError as error:
        log.warning("the scores are not added to the run: %s", error)


def _label_arrays(
    kind: str, tried: Subject, numbers: NDArray[np.int64], collection: Collection
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Return the labels' names, those of the collection's rows, and those of the pictures to score."""
    of_real = collection.labels(kind)
    if tried.labels is None:
        raise ScoreError(f"{tried.name} paints without labels: score it without --labels.")
    names = collection.vocabularies[kind]
    if (others := tried.vocabularies.get(kind, ())) != names:
        raise ScoreError(
            f"{tried.name} has the labels {', '.join(others) or 'none'} of the kind {kind}, and not those of "
            f"{collection.path}, {', '.join(names)}: score it without --labels."
        )
    return names, of_real, tried.labels(kind, numbers)


def _novelty(
    collection: Collection,
    detector: Detector,
    training: Tensor,
    fake: Tensor,
    small: Tensor,
    *,
    numbers: NDArray[np.int64],
    device: torch.device,
) -> Generator[EvaluationProgress, None, Novelty]:
    """Look for copies and blends of training pictures, and compare with those held out."""
    rows, aside = collection.rows("train"), collection.rows("holdout")
    aside = aside[sample(len(aside), len(numbers))]
    held = yield from cached_features(collection, "holdout", aside, detector, device)
    small_training = torch.cat((yield from walk("pixels of train", collection.take, rows, [shrunk(device)]))[0])
    small_held = torch.cat((yield from walk("pixels of holdout", collection.take, aside, [shrunk(device)]))[0])

    yield EvaluationProgress("measures", 2, 5)
    by_features = _distances(fake, held, training, numbers, rows)
    yield EvaluationProgress("measures", 3, 5)
    by_pixels = _distances(small, small_held, small_training, numbers, rows)
    yield EvaluationProgress("measures", 4, 5)
    ours, theirs = (torch.from_numpy(sample(len(side), BLENDED)) for side in (small, small_held))
    of_ours, of_theirs = (blends(side, small_training) for side in (small[ours], small_held[theirs]))
    pairs = rows[torch.stack([of_ours.first, of_ours.second], 1).cpu().numpy()]
    by_blends = _trial(of_ours.unexplained, of_theirs.unexplained, numbers[ours.numpy()], pairs)
    return Novelty(len(rows), by_features, by_pixels, by_blends)


def _distances(
    fake: Tensor, held: Tensor, training: Tensor, numbers: NDArray[np.int64], rows: NDArray[np.int64]
) -> Trial:
    found = nearest(fake, training)
    return _trial(
        found.distances[:, 0], nearest(held, training).distances[:, 0], numbers, rows[found.indices.cpu().numpy()]
    )


def _trial(ours: Tensor, theirs: Tensor, numbers: NDArray[np.int64], rows: NDArray[np.int64]) -> Trial:
    """Compare suspicious values of generated (n,) and held-out pictures (m,), and keep the worst cases."""
    order = ours.argsort()[:WORST].tolist()
    ordered = theirs.sort().values
    ranks = torch.searchsorted(ordered, ours) / len(ordered)
    worst = tuple(
        Case(int(numbers[i]), tuple(int(row) for row in rows[i]), ours[i].item(), ranks[i].item()) for i in order
    )
    return Trial(excess(ours, theirs), len(ours), len(theirs), worst)
