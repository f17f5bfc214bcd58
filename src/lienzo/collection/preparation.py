"""Preparation of a collection from sources of pictures: listing, screening and packing. See docs/prepare.md."""

import contextlib
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lienzo.collection import manifest, remote
from lienzo.collection.additions import compare, known_files
from lienzo.collection.collection import Collection
from lienzo.collection.destination import (
    JOURNAL,
    alone,
    earlier_collection,
    refuse_own_source,
    refuse_strangers,
    writing,
)
from lienzo.collection.listing import places
from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.listing import Listing
from lienzo.collection.listing.sources import none_in
from lienzo.collection.packing.journal import Journal, unit_key
from lienzo.collection.packing.packing import pack
from lienzo.collection.screening import cluster
from lienzo.collection.screening.screening import Screened
from lienzo.collection.screening.workers import Unit, screen_units
from lienzo.collection.settings import Settings
from lienzo.errors import CollectionError, SourceError
from lienzo.signatures import takes
from lienzo.storage import files

log = logging.getLogger("lienzo")

Screen = Callable[[Iterable[Unit]], Iterator[tuple[str, list[Screened]]]]
"""A function that screens units of work and yields each unit's key and results, in any order."""

UNIT, UNIT_BYTES = 32, 1 << 24
"""Largest number of files in a unit of work; largest number of bytes of its packed pixels, and of the files whose
entries carry their bytes."""


@dataclass(frozen=True)
class PreparationProgress:
    """How far a preparation has come."""

    done: int
    """Files screened."""
    total: int
    """Files listed."""
    kept: int
    """Files that passed screening."""
    refused: Mapping[str, int]
    """Reason -> how many files were refused for it."""
    collection: Collection | None = None
    """The collection, on the last step."""


@takes(Settings)
def prepare(source: str | Path | Sequence[str | Path], out: str | Path, settings: Settings) -> Collection:
    """Make a collection of the pictures in one or several sources; the sources are only read.

    If a preparation is interrupted, the same call continues it and ends with the same bytes. Called again for a
    finished collection, it adds the pictures that are new in the sources.

    Args:
        source: a folder, a zip or tar file, a table, or several of those; see docs/prepare.md.
        out: the collection's folder, or an fsspec URL.
        settings: the fields of :class:`~lienzo.collection.settings.Settings`, each by its name, such as ``size=64``.

    Returns:
        the collection, open for reading.

    Raises:
        SourceError: a source is missing or unreadable, or holds no usable picture.
        CollectionError: ``out`` cannot be written, or holds something else or a collection prepared differently.
        InputError: an unknown or impossible setting.
    """
    collection = None
    for step in steps(source, out, settings):
        collection = step.collection
    assert collection is not None
    return collection


def steps(
    source: str | Path | Sequence[str | Path],
    out: str | Path,
    settings: Settings,
    *,
    dry_run: bool = False,
    quiet: bool = False,
) -> Iterator[PreparationProgress]:
    """Do what :func:`prepare` does and yield the progress after each unit of files.

    Leaving the loop stops the preparation; the same call continues it. With ``dry_run`` only the report is written,
    and the last step has no collection. With ``quiet`` no warning says what of the sources could not be listed.
    """
    sources = [str(source)] if isinstance(source, str | Path) else [str(one) for one in source]
    refuse_own_source(sources, str(out))
    run = partial(_steps, sources, settings, quiet=quiet)
    if dry_run:
        refuse_strangers(str(out), set())
        if places.exists(places.join(str(out), manifest.NAME)):
            raise CollectionError(f"there is a collection in {out}: name another folder for the report.")
        with tempfile.TemporaryDirectory() as scratch:
            for step in run(Path(scratch) / "collection"):
                if step.collection is not None:
                    _send_report(step.collection.path / manifest.REPORT, str(out))
                yield replace(step, collection=None)
    elif places.is_url(str(out)):
        folder = remote.fetch(str(out))
        known = remote.sent(folder)
        try:
            for step in run(folder):
                if step.collection is not None:
                    remote.send(folder, str(out), known)
                yield step
        except CollectionError as error:  # about the copy here, which nobody named
            if isinstance(error.__cause__, OSError):  # its disk is full, or the like
                raise
            raise CollectionError(str(error).replace(str(folder), str(out))) from None
    else:
        yield from run(Path(out))


def _send_report(page: Path, out: str) -> None:
    """Write a dry run's report into its folder, or to its URL."""
    if places.is_url(out):
        places.write(places.join(out, manifest.REPORT), page)
    else:
        with writing(Path(out)):
            files.write_bytes(Path(out) / manifest.REPORT, page.read_bytes())


def _steps(sources: Sequence[str], settings: Settings, folder: Path, *, quiet: bool) -> Iterator[PreparationProgress]:
    """Prepare a collection in a folder on this machine, and yield the progress; the last step has the collection."""
    if settings.engine == "ray":
        screen: Screen = partial(cluster.screen_units, settings=settings, workers=settings.workers)
    else:
        screen = partial(screen_units, settings=settings, workers=settings.workers or _cores())
    listing = Listing(sources, settings, folder)
    provenance: dict[str, Any] = {"sources": sources, "labels": listing.labels_from}
    if settings.label_columns:
        provenance["label_columns"] = [*settings.label_columns]
    if listing.choices is not None:
        provenance["choices"] = listing.choices.fingerprint
    wanted = {**settings.to_json(), **provenance}
    del wanted["sources"]
    earlier = earlier_collection(folder, wanted)
    if listing.total == 0:
        raise none_in(sources, listing.remarks)
    for remark in () if quiet else listing.remarks:
        log.warning(remark)
    known = known_files(earlier)
    total, new = compare(listing, known, earlier, folder)
    if earlier is not None and not new:
        yield PreparationProgress(total, total, earlier.count, earlier.refused, earlier)
        return

    with contextlib.ExitStack() as stack:
        stack.enter_context(alone(folder))
        if earlier_collection(folder, wanted) != earlier:
            raise CollectionError(f"another preparation has just finished {folder}: run the same command again.")
        with writing(folder):
            files.sweep(folder)
            journal = Journal(folder / JOURNAL, settings)
        stack.enter_context(contextlib.closing(journal))
        keys: list[str] = []
        tally = Counter[str]()
        unseen = (entry for entry in listing if entry.name not in known)
        for key, found in _screened(_units(unseen, settings), journal, keys, screen):
            if key not in journal:
                with writing(folder):
                    journal.add(key, found)
            tally.update(screened.reason for screened in found)
            yield _progress(tally, new)
        if not tally[""] and earlier is None:
            journal.remove()
            reasons = ", ".join(f"{number} {reason}" for reason, number in tally.most_common())
            raise SourceError(f"none of the {tally.total()} files in {', '.join(sources)} can be used ({reasons}).")
        with writing(folder):
            remote.changes(folder)
            kept = set() if listing.choices is None else listing.choices.kept
            collection = pack(
                folder, journal, keys, settings=settings, provenance=provenance, earlier=earlier, wanted=kept
            )
            journal.remove()
        yield replace(_progress(tally, new), refused=collection.refused, collection=collection)


def _progress(tally: Counter[str], total: int) -> PreparationProgress:
    refused = {reason: number for reason, number in sorted(tally.items()) if reason}
    return PreparationProgress(tally.total(), total, tally[""], refused)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _units(listed: Iterable[Entry], settings: Settings) -> Iterator[Unit]:
    """Group entries into units of work, within the limits :data:`UNIT` and :data:`UNIT_BYTES`."""
    most = max(1, min(UNIT, UNIT_BYTES // (settings.height * settings.width * settings.channels)))
    unit: list[Entry] = []
    carried = 0
    for entry in listed:
        size = len(entry.data or b"")
        if unit and (len(unit) == most or carried + size > UNIT_BYTES):
            yield unit_key(unit), unit
            unit, carried = [], 0
        unit.append(entry)
        carried += size
    if unit:
        yield unit_key(unit), unit


def _screened(
    units: Iterable[Unit], journal: Journal, keys: list[str], screen: Screen
) -> Iterator[tuple[str, list[Screened]]]:
    """Yield the key and the results of every unit, read from the journal if it holds them, else screened.

    Args:
        units: the units of work.
        journal: results of units that were screened before.
        keys: receives the keys of all units in their order, as results come in any order.
        screen: screens the units that the journal lacks.
    """
    ready: list[tuple[str, list[Screened]]] = []

    def missing() -> Iterator[Unit]:
        for key, unit in units:
            keys.append(key)
            if key in journal:
                ready.extend((key, found) for found in journal.units([key]))
            else:
                yield key, unit

    for key, found in screen(missing()):
        yield key, found
        yield from ready
        ready.clear()
    yield from ready
