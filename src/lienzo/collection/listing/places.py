"""Access to files by location: a path on this machine, or an fsspec URL of a store such as ``s3://bucket/paintings``.

The functions take either kind. A store that fails is asked again, as :func:`_ask` says.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from lienzo.errors import SourceError, StoreError

ATTEMPTS = 5
"""Number of times that a store is asked before :class:`StoreError` is raised."""

PAUSE = 0.5
"""Seconds before a store is asked again; twice as long after every further failure."""

TAGS = ("ETag", "etag", "md5Hash", "checksum", "mtime", "LastModified", "Last-Modified")
"""Names that stores give to an object's checksum, tag or time of modification, the most reliable first."""

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """A file that :func:`walk` found in a folder."""

    parts: tuple[str, ...]
    """Names of the folders within the walked one that lead to the file, and its own name."""
    location: str
    """Path or URL of the file."""
    size: int
    """Size of the file in bytes."""
    stamp: str
    """Text that changes whenever the file does: its time of modification, or the tag that the store gives it."""
    problem: str = ""
    """Why the file cannot be read, if that is known already."""


def is_url(location: str) -> bool:
    """Return whether a location is an fsspec URL."""
    return "://" in location


def exists(location: str) -> bool:
    """Return whether there is a file or folder at a location."""
    if not is_url(location):
        return Path(location).exists()
    store, path = _store(location)
    return bool(_ask(location, lambda: store.exists(path)))


def is_folder(location: str) -> bool:
    """Return whether there is a folder at a location; in a store, whether names begin with it and a slash."""
    if not is_url(location):
        return Path(location).is_dir()
    store, path = _store(location)
    return bool(_ask(location, lambda: store.isdir(path)))


def names(location: str) -> set[str]:
    """Return the names of the files and folders directly in a folder."""
    if not is_url(location):
        return set(os.listdir(location))  # noqa: PTH208
    store, path = _store(location)
    found = _ask(location, lambda: store.ls(path, detail=False))
    return {str(name).rstrip("/").rpartition("/")[2] for name in found}


def join(location: str, name: str) -> str:
    """Return the location of a file in a folder."""
    return f"{location.rstrip('/')}/{name}" if is_url(location) else str(Path(location) / name)


def read(location: str, start: int = 0, length: int | None = None) -> bytes:
    """Read a file or a stretch of it.

    Args:
        location: path or URL of the file.
        start: offset of the first byte.
        length: number of bytes; None for all up to the end.

    Returns:
        the bytes, fewer than ``length`` if the file ends before.

    Raises:
        OSError: a file on this machine, or a single object of a store, cannot be read.
        StoreError: a store does not answer.
    """
    if not is_url(location):
        with open(location, "rb", buffering=0) as file:  # noqa: PTH123  once for every picture
            if start:
                file.seek(start)
            return file.read() if length is None else file.read(length)
    store, path = _store(location)
    end = None if length is None else start + length
    if end == start:
        return b""
    found = bytes(_ask(location, lambda: store.cat_file(path, start=start, end=end)))
    return found if length is None or len(found) <= length else found[start:end]  # some web servers ignore the range


def opened(location: str) -> BinaryIO:
    """Open a file for reading; the object that is returned can seek."""
    if not is_url(location):
        return Path(location).open("rb")
    store, path = _store(location)
    file: BinaryIO = _ask(location, lambda: store.open(path, "rb"))
    return file


def write(location: str, file: Path) -> None:
    """Copy a local file to a URL; the object appears there only when it is complete."""
    store, path = _store(location)
    if location.startswith(("file://", "local://")):  # objects need no folders, files of this machine do
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    _ask(location, lambda: store.put_file(str(file), path))


def stamp_of(location: str) -> tuple[int, str]:
    """Return the size in bytes and the stamp of a file (see :class:`Found`).

    Raises:
        OSError: there is no such file.
    """
    if not is_url(location):
        status = Path(location).stat()
        return status.st_size, str(status.st_mtime_ns)
    store, path = _store(location)
    return _stamp(_ask(location, lambda: store.info(path)))


def walk(folder: str, leave_out: str | None = None) -> Iterator[Found]:
    """Yield the files in a folder and the folders within it, sorted by :attr:`Found.parts`.

    What cannot be read within the folder is yielded too, with its ``problem``.

    Args:
        folder: path or URL of the folder; links are followed, but not in circles.
        leave_out: path of a folder within it that is not walked.

    Raises:
        SourceError: the folder itself cannot be read.
    """
    if is_url(folder):
        yield from _walk_store(folder)
    else:
        left_out = None if leave_out is None else os.path.realpath(leave_out)
        yield from _walk_disk(folder, (), (), left_out)


def _walk_disk(folder: str, parts: tuple[str, ...], above: tuple[str, ...], left_out: str | None) -> Iterator[Found]:
    """Yield the files in a folder on this machine.

    Args:
        folder: path of the folder.
        parts: the names that lead to it from the folder that :func:`walk` was given.
        above: real paths of the folders that lead to it, so that circles of links are noticed.
        left_out: real path of the folder that is not walked.
    """
    real = os.path.realpath(folder)
    if real == left_out or real in above:
        return
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  names alone: a folder may hold millions
    except OSError as error:
        if not parts:
            raise SourceError(f"{folder} cannot be read ({error.strerror}): mend its permissions.") from None
        yield Found(parts, folder, 0, "", f"a folder that cannot be read: {error.strerror}")
        return
    for name in names:
        path, inner = os.path.join(folder, name), (*parts, name)  # noqa: PTH118
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            yield Found(inner, path, 0, "", error.strerror or "it cannot be read")
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _walk_disk(path, inner, (*above, real), left_out)
        elif stat.S_ISREG(status.st_mode):
            yield Found(inner, path, status.st_size, str(status.st_mtime_ns))
        else:
            yield Found(inner, path, 0, "", "a pipe, a socket or a device, not a file")


def _walk_store(folder: str) -> Iterator[Found]:
    """Yield the files under a URL."""
    store, root = _store(folder)
    root = root.rstrip("/")
    found = _ask(folder, lambda: store.find(root, detail=True))
    for path in sorted(found, key=lambda path: path[len(root) :].strip("/").split("/")):
        parts = tuple(path[len(root) :].strip("/").split("/"))
        known = found[path]
        if known.get("size") is None:  # a web server's index page gives no sizes
            known = _ask(folder, partial(store.info, path))
        yield Found(parts, store.unstrip_protocol(path), *_stamp(known))


def _stamp(info: dict[str, Any]) -> tuple[int, str]:
    """Return the size in bytes and the stamp of an object that fsspec's ``info`` describes."""
    tag = next((info[name] for name in TAGS if name in info), "")
    return int(info.get("size") or 0), str(tag).strip('"')


def _store(location: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path within it."""
    from fsspec.core import url_to_fs  # noqa: PLC0415  only stores need it

    try:
        store, path = url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise SourceError(f"{location} cannot be reached ({error}): install what it names, or mend the URL.") from None
    return store, path


def _ask(location: str, question: Callable[[], T]) -> T:
    """Call ``question``, which asks a store; if it fails, call it again up to :data:`ATTEMPTS` times, with pauses.

    Raises:
        OSError: the store answers that the file is missing, or that it may not be read.
        StoreError: every attempt failed.
    """
    for attempt in range(ATTEMPTS):
        try:
            return question()
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except Exception as error:  # each store raises errors of its own types
            if attempt == ATTEMPTS - 1:
                text = " ".join(str(error).split())[:200] or type(error).__name__
                raise StoreError(
                    f"{location} does not answer ({text}): run the same command again to go on from here."
                ) from error
            time.sleep(PAUSE * 2**attempt)
    raise AssertionError("unreachable")
