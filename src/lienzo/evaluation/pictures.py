"""Folders and archives of pictures, which become collections of the other side's shape before they are scored."""

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
from collections import abc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from filelock import FileLock, Timeout

from lienzo.collection import preparation
from lienzo.collection.collection import Collection
from lienzo.collection.destination import JOURNAL, writing
from lienzo.collection.listing.listing import Listing
from lienzo.collection.listing.places import is_url, walk
from lienzo.collection.listing.sources import is_hidden, none_in
from lienzo.collection.reasons import Reason, Refusal
from lienzo.collection.screening import formats
from lienzo.collection.screening.decoding import Source as File
from lienzo.collection.screening.workers import screen_units
from lienzo.collection.settings import LARGEST, SMALLEST, Channels, parse_size
from lienzo.collection.settings import Settings as Preparation
from lienzo.errors import CollectionError, ScoreError, SourceError
from lienzo.evaluation.scores import EvaluationProgress
from lienzo.evaluation.settings import Settings
from lienzo.evaluation.subject import Source, Subject, holds_collection
from lienzo.generation import generation
from lienzo.generation.generation import Generator
from lienzo.run.run import Run
from lienzo.storage import caches, files
from lienzo.version import __version__

RULE = Preparation(enlarge=True, curate=False)
"""How pictures are brought to a shape: scaled by Lanczos's filter until they just cover it, smaller ones enlarged, and
the centre cut out. What repeats others or shows nothing is scored like the rest."""

log = logging.getLogger("lienzo")

TRANSIENT = frozenset({Reason.UNREADABLE, Reason.VANISHED, Reason.CHANGED, Reason.EXHAUSTED})
"""Reasons for which a file is refused that may be gone the next time, although the file looks the same."""

Shape = tuple[int, int, int]
"""Height, width and channels."""


def holds_pictures(place: object) -> bool:
    """Say whether there is a folder or an archive of pictures at a path, not a collection, a run or a generator."""
    if not isinstance(place, str | Path) or holds_collection(place):
        return False
    path = Path(place)
    if path.is_dir():
        return not Run(path).exists()
    return path.is_file() and path.suffix.lower() not in (".safetensors", ".onnx")


def _refuse_runs(place: object) -> None:
    """Refuse a folder that is half a run or holds runs, at any depth: sheets of samples are no pictures to score."""
    if place == "":
        raise SourceError("a path is empty: name a run, a generator, a collection, or a folder or archive of pictures.")
    if not isinstance(place, str | Path) or not holds_pictures(place):
        return
    if Run(Path(place)).begun():
        raise ScoreError(f"{place} is a run that lacks its recipe.toml: name one that is whole, or a generator.")
    for found in walk(str(place), str(caches.folder("pictures"))) if Path(place).is_dir() else ():
        if found.parts[-1] == "run.json" and not is_hidden(found.parts):
            raise ScoreError(f"{place} holds runs: name one of its runs, such as {Path(found.location).parent}.")


def gather(
    subjects: Sequence[Source], against: str | Path | Collection, settings: Settings
) -> abc.Generator[EvaluationProgress, None, tuple[list[Source], Collection]]:
    """Make collections of the folders and archives of pictures among subjects and what these are compared with.

    They get the shape of the other side. If both sides are pictures, they get the size that the settings say, or that
    of the first picture to score, and three channels. What was made stays among the caches, as long as no file changes.

    Returns:
        the subjects, and the collection to compare with.

    Raises:
        ScoreError: a size was given, although the other side has another one, or a folder holds runs.
        InputError: nothing at a place, or no picture that can be read.
    """
    for place in (*subjects, against):
        _refuse_runs(place)
    if not isinstance(against, Collection) and not holds_pictures(against):
        if not is_url(str(against)) and not Path(against).exists():
            raise SourceError(
                f"there is nothing at {against}: name a collection, or a folder or an archive of real pictures."
            )
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
    listing = Listing([str(place)], RULE, caches.folder("pictures"))
    if listing.total == 0:
        raise none_in([str(place)], listing.remarks)
    for entry in listing:
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
    """Make a collection of a folder or archive of pictures, or find it among the caches.

    Where files could not be read, they are tried again. If one can be read now, or a part of the collection was
    deleted, another one is made beside it, as another evaluation may be reading it.

    Its settings name the place as it is given now, and what of it could not be listed.
    """
    chosen = dataclasses.replace(RULE, size=shape[:2], channels=cast(Channels, shape[2]))
    stage = f"pictures of {place}"
    yield EvaluationProgress(stage, 0, 1)
    listing = Listing([str(place)], chosen, caches.folder("pictures"))
    folder = caches.folder("pictures") / _fingerprint(place, chosen, listing)
    with _alone(folder, place):
        while (later := _later(folder)).exists():
            folder = later
        found = _whole(folder)
        if found is None:
            past = folder.exists() and not (folder / JOURNAL).exists()
        else:
            past = _can_be_read(found, listing, chosen)
        folder = later if past else folder
        if past or found is None:
            for step in preparation.steps(place, folder, chosen, quiet=True):
                yield EvaluationProgress(stage, step.done, step.total)
            found = Collection.open(folder)
    told = {"sources": [str(place)], "remarks": [*listing.remarks]}
    return dataclasses.replace(found, settings={**found.settings, **told})


@contextlib.contextmanager
def _alone(folder: Path, place: str | Path) -> Iterator[None]:
    """Hold the lock of a folder of the cache; wait for it where another evaluation reads the same pictures."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), thread_local=False)
    with writing(folder.parent, "let LIENZO_CACHE name a folder that can be"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            log.warning("another evaluation is reading the pictures of %s: this one waits for it.", place)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _whole(folder: Path) -> Collection | None:
    """Return the collection in a folder of the cache; none where it is missing or a part of it was deleted."""
    try:
        found = Collection.open(folder)
        found.rejected()
    except CollectionError:
        return None
    return found


def _later(folder: Path) -> Path:
    """Return the folder of the cache that follows another one, for the same files when more of them can be read."""
    return folder.with_name(files.fingerprint([folder.name]))


def _can_be_read(found: Collection, listing: Listing, chosen: Preparation) -> bool:
    """Say whether a file that could not be read when a collection was made can be read now, be it a picture or not.

    What the listing itself cannot read is left out: it has another fingerprint as soon as that changes.
    """
    if not TRANSIENT & found.refused.keys():
        return False
    refused = found.rejected().select(["source", "reason"]).to_pylist()
    names = {one["source"] for one in refused if one["reason"] in TRANSIENT}
    units = ((entry.name, [entry]) for entry in listing if entry.name in names and entry.refusal is None)
    return any(one.reason not in TRANSIENT for _, screened in screen_units(units, chosen, 1) for one in screened)


def _fingerprint(place: str | Path, chosen: Preparation, listing: Listing) -> str:
    """Return a short name for the files of a source as they are now, and for how and by what they are prepared."""
    by = [__version__, formats.decoded()]
    digest = hashlib.sha256(json.dumps([str(Path(place).resolve()), chosen.to_json(), by]).encode())
    for entry in listing:
        told = [entry.name, entry.size, entry.stamp, _touched(entry.location), entry.refusal, dict(entry.labels)]
        digest.update(files.fingerprint(told).encode())
    return digest.hexdigest()[:16]


def _touched(location: str) -> int:
    """Return when a file of this machine was touched last, in a way that nobody can set; 0 for any other."""
    with contextlib.suppress(OSError):
        return 0 if is_url(location) else os.stat(location).st_ctime_ns  # noqa: PTH116  once for every picture
    return 0
