"""Folders and archives of pictures, which become collections of the other side's shape before they are scored."""

import dataclasses
import hashlib
import json
from collections import abc
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from lienzo.collection import preparation
from lienzo.collection.collection import Collection
from lienzo.collection.listing.listing import Listing
from lienzo.collection.reasons import Refusal
from lienzo.collection.screening import formats
from lienzo.collection.screening.decoding import Source as File
from lienzo.collection.settings import LARGEST, SMALLEST, Channels, parse_size
from lienzo.collection.settings import Settings as Preparation
from lienzo.errors import ScoreError, SourceError
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.evaluation.settings import Settings
from lienzo.evaluation.subject import Source, Subject, holds_collection
from lienzo.generation import generation
from lienzo.generation.generation import Generator
from lienzo.run.run import Run
from lienzo.storage import caches, files

RULE = Preparation(enlarge=True, curate=False)
"""How pictures are brought to a shape: scaled by Lanczos's filter until they just cover it, smaller ones enlarged, and
the centre cut out. What repeats others or shows nothing is scored like the rest."""

Shape = tuple[int, int, int]
"""Height, width and channels."""


def holds_pictures(place: object) -> bool:
    """Say whether there is a folder or an archive of pictures at a path, not a collection, a run or a generator."""
    if not isinstance(place, str | Path) or holds_collection(place):
        return False
    path = Path(place)
    if path.is_dir():
        return not Run(path).exists()
    return path.is_file() and path.suffix not in (".safetensors", ".onnx")


def gather(
    subjects: Sequence[Source], against: str | Path | Collection, settings: Settings
) -> abc.Generator[EvaluationProgress, None, tuple[list[Source], Collection]]:
    """Make collections of the folders and archives of pictures among subjects and what these are compared with.

    They get the shape of the other side. If both sides are pictures, they get the size that the settings say, or that
    of the first picture to score, and three channels. What was made stays among the caches, as long as no file changes.

    Returns:
        the subjects, and the collection to compare with.

    Raises:
        ScoreError: a size was given, although the other side has another one.
        InputError: nothing at a place, or no picture that can be read.
    """
    if not isinstance(against, Collection) and not holds_pictures(against):
        against = Collection.open(against)
    shape = _shape([against]) if isinstance(against, Collection) else _shape(subjects)
    if shape is None:
        size = parse_size(settings.size) if settings.size is not None else _first_size(subjects[0])
        shape = (*size, 3)
    elif settings.size is not None and parse_size(settings.size) != shape[:2]:
        raise ScoreError(
            f"pictures get the size of what they are compared with, {shape[0]}×{shape[1]} pixels: leave --size out."
        )
    if not isinstance(against, Collection):
        against = yield from _collected(against, shape)
    found: list[Source] = []
    for subject in subjects:
        if isinstance(subject, str | Path) and holds_pictures(subject):
            found.append((yield from _collected(subject, shape)))
        else:
            found.append(subject)
    return found, against


def _shape(sources: Sequence[Source]) -> Shape | None:
    """Return the shape of the first of these that has one; none if all are folders or archives of pictures."""
    for source in sources:
        if isinstance(source, Subject) or holds_pictures(source):
            continue
        if isinstance(source, str | Path) and holds_collection(source):
            shaped: Collection | Generator = Collection.open(source)
        else:
            shaped = source if isinstance(source, Collection | Generator) else generation.load(source)
        return shaped.height, shaped.width, shaped.channels
    return None


def _first_size(place: Source) -> tuple[int, int]:
    """Return height and width of the first picture of a folder or archive that can be read, as a collection may have.

    Raises:
        SourceError: there is none.
    """
    for entry in Listing([str(place)], RULE, caches.folder("pictures")):
        try:
            data = entry.read()
            kind = formats.identify(data, entry.name)
            width, height = File(data, kind).decode(lambda *_: 1.0).size
        except Refusal:
            continue
        scale = min(1.0, LARGEST / max(height, width))
        return max(SMALLEST, round(height * scale)), max(SMALLEST, round(width * scale))
    raise SourceError(f"there is no picture that can be read in {place}: name another folder or archive.")


def _collected(place: str | Path, shape: Shape) -> abc.Generator[EvaluationProgress, None, Collection]:
    """Make a collection of a folder or archive of pictures, or find it among the caches."""
    chosen = dataclasses.replace(RULE, size=shape[:2], channels=cast(Channels, shape[2]))
    stage = f"pictures of {place}"
    yield EvaluationProgress(stage, 0, 1)
    folder = caches.folder("pictures") / _fingerprint(place, chosen)
    for step in preparation.steps(place, folder, chosen):
        yield EvaluationProgress(stage, step.done, step.total)
    return Collection.open(folder)


def _fingerprint(place: str | Path, chosen: Preparation) -> str:
    """Return a short name for the files of a source as they are now, and for how they are prepared."""
    digest = hashlib.sha256(json.dumps([str(Path(place).resolve()), chosen.to_json()]).encode())
    for entry in Listing([str(place)], chosen, caches.folder("pictures")):
        digest.update(files.fingerprint([entry.name, entry.size, entry.stamp, dict(entry.labels)]).encode())
    return digest.hexdigest()[:16]
