"""The folder that a preparation writes into: what may stand in it, and who may write."""

import contextlib
import errno
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lienzo.collection import manifest, report
from lienzo.collection.collection import Collection
from lienzo.collection.listing import places
from lienzo.errors import CollectionError, SourceError

JOURNAL = ".journal"
"""Name of the file in the collection's folder that holds screened files until the collection is packed."""

LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".directory"})
"""Names of files that file managers leave behind; a folder with nothing else counts as empty."""

LOCK = ".lock"
"""Name of the empty file in the collection's folder that a preparation locks while it writes.

The system releases the lock when the process dies."""


def refuse_own_source(sources: Sequence[str], out: str) -> None:
    """Refuse no sources, an empty name, and a place for the collection that is one of the sources or within one.

    A collection that an earlier version made or began within a source can still be added to.
    """
    if not sources:
        raise SourceError("no source was given: name a folder or an archive of pictures.")
    if not all([*sources, out]):
        raise SourceError("a source or the collection has an empty name: write . where you mean this folder.")
    whole = _whole(out)
    begun = any(places.exists(places.join(out, name)) for name in (manifest.NAME, JOURNAL))
    for source in map(_whole, sources):
        if whole == source or (whole.startswith(f"{source}/") and not begun):
            raise CollectionError(
                f"the collection cannot be written into its own source, {out} is in {source}: name a folder outside it."
            )


def _whole(location: str) -> str:
    """Return a URL without a slash at its end, or a path from the root with all links followed."""
    location = re.sub(r"^(file|local)://", "", location)
    return location.rstrip("/") if places.is_url(location) else Path(location).resolve().as_posix().rstrip("/")


def refuse_strangers(out: str, ours: Set[str]) -> None:
    """Refuse a folder or URL that holds something else than a collection, an earlier report, or ``ours``."""
    if not places.exists(out):
        return
    if not places.is_folder(out):
        raise CollectionError(f"{out} is a file: name a folder for the collection.")
    there = {name for name in places.names(out) if name not in LITTER and not name.startswith("._")}
    if manifest.NAME in there or not there.isdisjoint(ours):
        return
    foreign = there - {manifest.REPORT, LOCK}
    if manifest.REPORT in there and not report.is_ours(places.read(places.join(out, manifest.REPORT), 0, report.HEAD)):
        foreign.add(manifest.REPORT)
    if foreign:
        raise CollectionError(f"{out} holds something else ({min(foreign)}): name an empty or a new folder.")


def earlier_collection(folder: Path, wanted: Mapping[str, Any]) -> Collection | None:
    """Return the collection in the folder that pictures are to be added to, or None.

    Raises:
        CollectionError: the folder holds something else, or a collection with other settings than ``wanted``.
    """
    refuse_strangers(str(folder), {JOURNAL})
    if not (folder / manifest.NAME).exists():
        return None
    earlier = Collection.open(folder)
    unknown = {"label_columns"} - earlier.settings.keys()  # older collections do not say which they were
    for name in sorted((wanted.keys() | earlier.settings.keys()) - {"sources"} - unknown):
        before, now = (values.get(name, "the default") for values in (earlier.settings, wanted))
        if before != now:
            raise CollectionError(
                f"the collection in {folder} was prepared with {name} = {before}, not {now}: name another folder."
            )
    return earlier


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a collection's folder while the block runs, so that no other preparation writes into it.

    The folder is made if it does not exist, and removed again if the block puts nothing into it.
    """
    fresh = not folder.exists()
    lock = FileLock(folder / LOCK, blocking=False, thread_local=False)
    with writing(folder):
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


@contextlib.contextmanager
def writing(folder: Path, mend: str = "name a folder that can be") -> Iterator[None]:
    """Raise a CollectionError in place of an OSError from the block, which writes into the collection's folder."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            mend = "make room and run the same command again"
        raise CollectionError(f"{folder} cannot be written ({error.strerror or error}): {mend}.") from error
