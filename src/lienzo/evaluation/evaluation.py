"""Evaluation: how good, how varied and how new a generator's pictures are. See docs/evaluate.md."""

import dataclasses
import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lienzo.collection.collection import Collection
from lienzo.collection.settings import Settings as Preparation
from lienzo.compute.devices import pick_device
from lienzo.errors import ScoreError
from lienzo.evaluation.comparison import Comparison, open_comparison, refuse_few, refuse_small
from lienzo.evaluation.features import Function, cut_patches, detected, joined_patches, shrunk, walk
from lienzo.evaluation.novelty import search
from lienzo.evaluation.pictures import gather
from lienzo.evaluation.scores import EvaluationProgress, Scores, append
from lienzo.evaluation.settings import Settings
from lienzo.evaluation.subject import Source, Subject, is_prepared, open_subject, place_of, prepared, shown
from lienzo.metrics.measures import MEASURES, NEIGHBOURS, measure_labels
from lienzo.metrics.results import Measures
from lienzo.metrics.sliced import patch_distance
from lienzo.run.run import Run
from lienzo.signatures import takes
from lienzo.version import __version__

CHANGES = {
    "alpha": "put on white",
    "rotated": "turned upright",
    "several-frames": "cut to their first frame",
    "deep": "brought to 8 bits",
    "scaled": "scaled by a guessed white",
    "cmyk": "converted from CMYK",
    "lab": "converted from LAB",
    "ycbcr": "converted from YCbCr",
    "hsv": "converted from HSV",
    "profile": "converted by a colour profile",
    "gamma": "converted by a gamma",
}
"""Note of a picture in a collection's index -> what was done to its pixels. Other notes are about files alone."""

log = logging.getLogger("lienzo")


@takes(Settings)
def evaluate(subject: Source, collection: str | Path | Collection, settings: Settings) -> Scores:
    """Score a generator against a collection.

    Args:
        subject: a run, a generator or a collection, or where one of them lies (a generator also as
            ``hf://USER/NAME``), or a folder or archive of pictures. Of a collection the pictures themselves are scored:
            the held-out ones where it is the same, else all.
        collection: the real pictures: a collection, or a folder or archive.
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

    With several truncations each subject is scored at each of them.

    What cannot be compared is refused before anything is scored.

    Raises:
        ScoreError: as `evaluate`, or subjects with different numbers of pictures.
        InputError: no such subject, collection or device.
    """
    refuse_few(settings.samples)
    subjects, collection = yield from gather(subjects, collection, settings)
    tried = each(subjects, collection, settings)
    counts = [len(subject.numbers(settings.samples, settings.seed)) for subject in tried]
    for subject, count in zip(tried, counts, strict=True):
        refuse_small(f"what is scored, {subject.name},", count)
    if len(set(counts)) > 1:
        listed = ", ".join(f"{count:,} of {subject.name}" for subject, count in zip(tried, counts, strict=True))
        raise ScoreError(
            f"scores of different numbers of pictures cannot be compared, and there would be {listed}: "
            f"take --samples {min(counts)}."
        )
    alone = dataclasses.replace(settings, truncation=())  # the subjects have theirs
    for subject in tried:
        for step in steps(subject, collection, alone):
            yield dataclasses.replace(step, stage=f"{subject.title}: {step.stage}")


def each(subjects: Sequence[Source], collection: Collection, settings: Settings) -> list[Subject]:
    """Open every subject at each of the settings' truncations. A generator that is opened does not change any more."""
    device = str(pick_device(settings.device))
    return [
        open_subject(subject, collection, device, settings.part, truncation=truncation)
        for subject in subjects
        for truncation in settings.truncation or (None,)
    ]


def steps(subject: Source, collection: str | Path | Collection, settings: Settings) -> Iterator[EvaluationProgress]:
    """Score a generator against a collection, and yield how far that has come; the last step holds the scores.

    The scores of a run are also added to its ``scores.jsonl``. Arguments and errors are those of :func:`evaluate`.
    """
    started = time.monotonic()
    refuse_few(settings.samples)
    (subject,), collection = yield from gather([subject], collection, settings)
    comparison = open_comparison(subject, collection, settings)
    scored = comparison.subject
    real, training = yield from comparison.real_features()
    detector, device = comparison.detector, comparison.device
    functions: list[Function] = [shrunk(device), cut_patches]
    if scored.rows is None:
        functions.append(detected(detector, device))
    shrunken, cut, *features = yield from walk("pictures to score", scored.draw, comparison.numbers, functions)
    small, fake_patches = torch.cat(shrunken), joined_patches(cut)
    fake = torch.cat(features[0]) if features else (yield from comparison.scored_features())
    found = yield from walk("patches of real pictures", collection.take, comparison.rows, [cut_patches])
    measures = yield from _measured(real, fake)
    yield EvaluationProgress("patches", 0, 1)
    distances = patch_distance(joined_patches(found[0]), fake_patches)
    labels = comparison.labels
    of_labels: dict[str, Measures] = {}
    if labels:
        yield EvaluationProgress("labels", 0, 1)
        of_labels = measure_labels(real, fake, labels.of_real[comparison.rows], labels.of_fake, labels.names)
    novelty = None
    if training is not None:
        novelty = yield from search(comparison, training, fake, small)
    sides = (("subject", scored.prepared), ("reference", prepared(collection)))
    made_of_pictures = {side: told for side, told in sides if told is not None}
    scores = Scores(
        subject=scored.name,
        generator=scored.fingerprint,
        collection=collection.fingerprint,
        part=settings.part,
        detector=detector.name,
        detector_fingerprint=detector.fingerprint,
        seed=settings.seed,
        measures=measures,
        sliced_wasserstein=distances,
        novelty=novelty,
        labels=of_labels,
        prepared=made_of_pictures,
        notes=tuple(_notes(comparison, made_of_pictures, measures, of_labels, dimension=real.shape[1])),
        seconds=round(time.monotonic() - started, 1),
        lienzo=__version__,
        truncation=scored.truncation,
    )
    if scored.run is not None:
        _keep(scored.run, scores)
    yield EvaluationProgress("scores", 1, 1, scores)


def _measured(real: Tensor, fake: Tensor) -> Generator[EvaluationProgress, None, Measures]:
    """Take every measure of features, and say before each which it is."""
    fields: dict[str, Any] = {}
    for done, (name, take) in enumerate(MEASURES.items()):
        yield EvaluationProgress(name, done, len(MEASURES))
        fields |= take(real, fake)
    return Measures(len(fake), len(real), **fields)


def _notes(
    comparison: Comparison,
    sides: Mapping[str, Mapping[str, Any]],
    measures: Measures,
    of_labels: dict[str, Measures],
    *,
    dimension: int,
) -> Iterator[str]:
    """Say what was not measured, and why, and what was scored of folders and archives."""
    for made in sides.values():
        yield _said_of_pictures(made)
        yield from (remark.rstrip(".") for remark in made["remarks"])
    yield from _unlike(comparison)
    if comparison.seeks_copies and comparison.subject.learnt not in ("", comparison.collection.fingerprint):
        yield (
            f"{comparison.subject.name} learnt from another collection than {comparison.collection.path}, whose "
            "pictures copies and blends were sought among: score it against its own"
        )
    if measures.fid is None:
        yield (
            f"FID is left out, it wants more than {dimension} pictures on either side, the number of features: "
            "score more pictures, or go by KID"
        )
    if without := [name for name, one in of_labels.items() if measures.fid is not None and one.fid is None]:
        yield f"FID is left out of labels with no more than {dimension} pictures on a side: {', '.join(without)}"
    names = comparison.labels.names if comparison.labels else ()
    if few := [name for name in names if name not in of_labels]:
        yield f"labels with no more than {NEIGHBOURS} pictures on a side are left out: {', '.join(few)}"
    if comparison.settings.novelty and not comparison.seeks_copies:
        yield "copies and blends were not sought, no pictures are held out to compare with: prepare with --holdout 0.1"


def _unlike(comparison: Comparison) -> Iterator[str]:
    """Say where pictures were prepared in another way than those that they meet, and it shows."""
    subject, collection = comparison.subject, comparison.collection
    place, shows, ours, theirs = subject.name, subject.shows, subject.settings, collection.settings
    if is_prepared(collection):  # its pictures are those that can be prepared otherwise
        place, shows, ours, theirs = place_of(collection), shown(collection), theirs, ours
    if not subject.settings:  # it paints
        return
    defaults = {name: getattr(Preparation, name) for name in shows}  # which are not written down
    if unlike := [
        f"{name} = {theirs.get(name, usual)}"
        for name, usual in defaults.items()
        if theirs.get(name, usual) != ours.get(name, usual)
    ]:
        yield (
            f"the collection was prepared with {', '.join(unlike)}, the pictures of {place} were not: "
            "prepare them in the same way, or the scores tell that difference too"
        )


def _said_of_pictures(made: Mapping[str, Any]) -> str:
    """Say how many pictures of a folder or archive are scored, and what was done to them."""
    refused = ", ".join(f"{number:,} {reason}" for reason, number in made["refused"].items())
    which = f"{refused} refused ({made['examples']})" if refused else "none refused"
    if made["remarks"]:
        which += ", but not everything could be read"
    notes, settings = made["notes"], made["settings"]
    kept = ("alpha",) if settings["channels"] == 4 else ()
    done = [f"{notes[name]:,} {words}" for name, words in CHANGES.items() if name in notes and name not in kept]
    size = f"{settings['height']}×{settings['width']} pixels"
    if made["resized"]:
        sized = f"those of other sizes were scaled to cover {size} by Lanczos's filter, and cut to their centre"
    else:
        sized = f"each has {size}" if done else f"each has {size}, and is scored as it is"
    said = f"of {made['source']} {made['kept']:,} pictures were read, {which}; {sized}"
    return f"{said}; {', '.join(done)}" if done else said


def _keep(run: Run, scores: Scores) -> None:
    """Add the scores to the run's, or say why they cannot be."""
    try:
        append(run.scores_path, scores)
    except OSError as error:
        log.warning("the scores are not added to the run: %s", error)
