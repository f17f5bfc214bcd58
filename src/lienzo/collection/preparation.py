"""Preparation of a collection from sources of pictures: listing, screening and packing. See docs/prepare.md."""

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from lienzo.collection import manifest, remote, report, tables
from lienzo.collection.collection import Collection
from lienzo.collection.listing import places
from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.listing import Listing
from lienzo.collection.packing.journal import Journal, unit_key
from lienzo.collection.packing.packing import pack
from lienzo.collection.reasons import Refusal
from lienzo.collection.screening import cluster
from lienzo.collection.screening.screening import Screened
from lienzo.collection.screening.workers import Unit, screen_units
from lienzo.collection.settings import Settings
from lienzo.errors import CollectionError, SourceError
from lienzo.signatures import takes
from lienzo.storage import files

JOURNAL = ".journal"
"""Name of the file in the collection's folder that holds screened files until the collection is packed."""

LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".directory"})
"""Names of files that file managers leave behind; a folder with nothing else counts as empty."""

LOCK = ".lock"
"""Name of the empty file in the collection's folder that a preparation locks while it writes.

The system releases the lock when the process dies."""

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


class _Identity(NamedTuple):
    """What a collection records of a listed file, to notice later whether the file or its labels have changed."""

    size: int
    """Size of the file in bytes."""
    stamp: str
    """The entry's stamp."""
    labels: str
    """Fingerprint of its labels."""
    sha256: str | None = None
    """SHA-256 of its bytes, if it was refused; for pictures, it is in the index."""


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
    source: str | Path | Sequence[str | Path], out: str | Path, settings: Settings, *, dry_run: bool = False
) -> Iterator[PreparationProgress]:
    """Do what :func:`prepare` does and yield the progress after each unit of files.

    Leaving the loop stops the preparation; the same call continues it. With ``dry_run`` only the report is written,
    and the last step has no collection.
    """
    sources = [str(source)] if isinstance(source, str | Path) else [str(one) for one in source]
    _check_places(sources, str(out))
    run = partial(_steps, sources, settings)
    if dry_run:
        _refuse_strangers(str(out), set())
        if places.exists(places.join(str(out), manifest.NAME)):
            raise CollectionError(f"there is a collection in {out}: name another folder for the report.")
        with tempfile.TemporaryDirectory() as scratch:
            for step in run(Path(scratch) / "collection"):
                if step.collection is not None:
                    _send_report(step.collection.path / report.NAME, str(out))
                yield replace(step, collection=None)
    elif places.is_url(str(out)):
        folder = remote.fetch(str(out))
        known = remote.sent(folder)
        for step in run(folder):
            if step.collection is not None:
                remote.send(folder, str(out), known)
            yield step
    else:
        yield from run(Path(out))


def _send_report(page: Path, out: str) -> None:
    """Write a dry run's report into its folder, or to its URL."""
    if places.is_url(out):
        places.write(places.join(out, report.NAME), page)
    else:
        with _writing(Path(out)):
            files.write_bytes(Path(out) / report.NAME, page.read_bytes())


def _steps(sources: Sequence[str], settings: Settings, folder: Path) -> Iterator[PreparationProgress]:
    """Prepare a collection in a folder on this machine, and yield the progress; the last step has the collection."""
    if settings.engine == "ray":
        screen: Screen = partial(cluster.screen_units, settings=settings, workers=settings.workers)
    else:
        screen = partial(screen_units, settings=settings, workers=settings.workers or _cores())
    listing = Listing(sources, settings, folder)
    provenance: dict[str, Any] = {"sources": sources, "labels": listing.labels_from}
    if listing.choices is not None:
        provenance["choices"] = listing.choices.fingerprint
    wanted = {**settings.to_json(), **provenance}
    del wanted["sources"]
    earlier = _earlier(folder, wanted)
    if listing.total == 0:
        raise SourceError(f"there are no pictures in {', '.join(sources)}: name a folder or an archive of pictures.")
    known = _known(earlier)
    total, new = _compare(listing, known, earlier, folder)
    if earlier is not None and not new:
        yield PreparationProgress(total, total, earlier.count, earlier.refused, earlier)
        return

    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone(folder))
        if _earlier(folder, wanted) != earlier:
            raise CollectionError(f"another preparation has just finished {folder}: run the same command again.")
        with _writing(folder):
            files.sweep(folder)
            journal = Journal(folder / JOURNAL, settings)
        stack.enter_context(contextlib.closing(journal))
        keys: list[str] = []
        tally = Counter[str]()
        unseen = (entry for entry in listing if entry.name not in known)
        for key, found in _screened(_units(unseen, settings), journal, keys, screen):
            if key not in journal:
                with _writing(folder):
                    journal.add(key, found)
            tally.update(screened.reason for screened in found)
            yield _progress(tally, new)
        if not tally[""] and earlier is None:
            journal.remove()
            reasons = ", ".join(f"{number} {reason}" for reason, number in tally.most_common())
            raise SourceError(f"none of the {tally.total()} files in {', '.join(sources)} can be used ({reasons}).")
        with _writing(folder):
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


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Raise a CollectionError in place of an OSError from the block, which writes into the collection's folder."""
    try:
        yield
    except OSError as error:
        mend = (
            "make room and run the same command again" if error.errno == errno.ENOSPC else "name a folder that can be"
        )
        raise CollectionError(f"{folder} cannot be written ({error.strerror or error}): {mend}.") from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a collection's folder while the block runs, so that no other preparation writes into it.

    The folder is made if it does not exist, and removed again if the block puts nothing into it.
    """
    fresh = not folder.exists()
    lock = FileLock(folder / LOCK, blocking=False, thread_local=False)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise CollectionError(
                f"another preparation is writing into {folder}: let it end, or name another folder."
            ) from None
    try:
        yield
    finally:
        lock.release()
        if fresh and {path.name for path in folder.iterdir()} <= {LOCK}:
            shutil.rmtree(folder)


def _check_places(sources: Sequence[str], out: str) -> None:
    """Refuse a list of no sources, and a place for the collection that is one of the sources or within one.

    A collection that an earlier version made or began within a source can still be added to.
    """
    if not sources:
        raise SourceError("no source was given: name a folder or an archive of pictures.")
    whole = _whole(out)
    begun = any(places.exists(places.join(out, name)) for name in (manifest.NAME, JOURNAL))
    for source in map(_whole, sources):
        if whole == source or (whole.startswith(f"{source}/") and not begun):
            raise CollectionError(
                f"the collection cannot be written into its own source, {out} is in {source}: name a folder outside it."
            )


def _whole(location: str) -> str:
    """Return a URL without a slash at its end, or a path from the root with all links followed."""
    return location.rstrip("/") if places.is_url(location) else Path(location).resolve().as_posix().rstrip("/")


def _earlier(folder: Path, wanted: Mapping[str, Any]) -> Collection | None:
    """Return the collection in the folder that pictures are to be added to, or None.

    Raises:
        CollectionError: the folder holds something else, or a collection with other settings than ``wanted``.
    """
    _refuse_strangers(str(folder), {JOURNAL})
    if not (folder / manifest.NAME).exists():
        return None
    earlier = Collection.open(folder)
    for name in sorted(wanted.keys() | earlier.settings.keys() - {"sources"}):
        before, now = (values.get(name, "the default") for values in (earlier.settings, wanted))
        if before != now:
            raise CollectionError(
                f"the collection in {folder} was prepared with {name} = {before}, not {now}: name another folder."
            )
    return earlier


def _refuse_strangers(out: str, ours: Set[str]) -> None:
    """Refuse a folder or URL that holds something else than a collection, an earlier report, or ``ours``."""
    if not places.exists(out):
        return
    if not places.is_folder(out):
        raise CollectionError(f"{out} is a file: name a folder for the collection.")
    there = {name for name in places.names(out) if name not in LITTER and not name.startswith("._")}
    if manifest.NAME in there or not there.isdisjoint(ours):
        return
    foreign = there - {report.NAME, LOCK}
    if report.NAME in there and not report.is_ours(places.read(places.join(out, report.NAME), 0, report.HEAD)):
        foreign.add(report.NAME)
    if foreign:
        raise CollectionError(f"{out} holds something else ({min(foreign)}): name an empty or a new folder.")


def _known(earlier: Collection | None) -> dict[str, _Identity]:
    """Return entry name -> record, for every file that the collection was made of, refused ones too."""
    if earlier is None:
        return {}
    known: dict[str, _Identity] = {}
    path = earlier.path / earlier.tables.sources
    with tables.opened(path, tables.SOURCES) as listed:
        columns = [field.name for field in tables.LISTED if field.name in listed.schema_arrow.names]
        for batch in listed.iter_batches(tables.ROW_GROUP, columns=columns, use_threads=False):
            for name, *identity in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                known[name] = _Identity(*identity)
    return known


def _compare(
    listing: Listing, known: Mapping[str, _Identity], earlier: Collection | None, folder: Path
) -> tuple[int, int]:
    """Return how many files are listed, and how many of them are new to the collection.

    Raises:
        CollectionError: a file that the collection was made of has changed or is gone.
    """
    if earlier is None and not listing.counts:
        return listing.total, listing.total
    total = new = 0
    contents: dict[str, str] | None = None
    for entry in listing.entries(count=True):
        total += 1
        before = known.get(entry.name)
        if before is None:
            new += 1
            continue
        same = (before.size, before.labels) == (entry.size, files.fingerprint(dict(entry.labels)))
        if same and before.stamp != entry.stamp:  # a new date alone is no change: compare the bytes
            if contents is None:
                contents = _contents(earlier)
            same = _sha256(entry) == (before.sha256 or contents.get(entry.name, ""))
        if not same:
            raise CollectionError(
                f"{entry.name} or its label has changed since the collection in {folder} was made:"
                " prepare into another folder."
            )
    if total - new < len(known):
        raise CollectionError(
            f"{len(known) - total + new} of the {len(known)} files that the collection in {folder} was made of"
            " are gone: prepare into another folder."
        )
    listing.check()
    return total, new


def _contents(earlier: Collection | None) -> dict[str, str]:
    """Return entry name -> SHA-256 of its file, for the entries that became pictures."""
    found: dict[str, str] = {}
    for batch in () if earlier is None else earlier.batches("source", "sha256"):
        found.update(zip(batch["source"].to_pylist(), batch["sha256"].to_pylist(), strict=True))
    return found


def _sha256(entry: Entry) -> str | None:
    """Return the SHA-256 of an entry's bytes, or None if they cannot be read."""
    try:
        return hashlib.sha256(entry.read()).hexdigest()
    except Refusal:
        return None


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
