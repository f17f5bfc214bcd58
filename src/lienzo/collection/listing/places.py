"""Where bytes are: a path on this machine or an fsspec URL. One way to list and read either."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from lienzo.errors import SourceError

ATTEMPTS = 5
"""Number of times that a store is asked before a preparation stops."""

PAUSE = 0.5
"""Seconds before a store is asked again; twice as long after every further failure."""

TAGS = ("ETag", "etag", "md5Hash", "checksum", "mtime", "LastModified", "Last-Modified")
"""What stores call that which changes with an object, the surest first."""

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """A file in a folder."""

    parts: tuple[str, ...]
    """Path within the folder, part by part."""
    location: str
    """Path or URL."""
    size: int
    """In bytes."""
    stamp: str
    """Changes whenever the file does."""
    problem: str = ""
    """Why it cannot be read, if that is known."""


def is_url(location: str) -> bool:
    """Say whether a location is an fsspec URL."""
    return "://" in location


def exists(location: str) -> bool:
    """Say whether there is a file or folder."""
    if not is_url(location):
        return Path(location).exists()
    store, path = _store(location)
    return bool(_ask(location, lambda: store.exists(path)))


def is_folder(location: str) -> bool:
    """Say whether there is a folder; the stores of objects have folders where names have slashes."""
    if not is_url(location):
        return Path(location).is_dir()
    store, path = _store(location)
    return bool(_ask(location, lambda: store.isdir(path)))


def names(location: str) -> set[str]:
    """Return the names of what stands directly in a folder."""
    if not is_url(location):
        return set(os.listdir(location))  # noqa: PTH208
    store, path = _store(location)
    found = _ask(location, lambda: store.ls(path, detail=False))
    return {str(name).rstrip("/").rpartition("/")[2] for name in found}


def join(location: str, name: str) -> str:
    """Return the location of a file in a folder."""
    return f"{location.rstrip('/')}/{name}" if is_url(location) else str(Path(location) / name)


def read(location: str, start: int = 0, length: int | None = None) -> bytes:
    """Read a file or a stretch of it; fewer bytes where it ends before.

    Raises:
        OSError: a file on this machine, or a single object of a store, cannot be read.
        SourceError: a store does not answer.
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
    return found if length is None or len(found) <= length else found[start:end]  # some web servers know no ranges


def opened(location: str) -> BinaryIO:
    """Open a file for reading, such that one can seek in it."""
    if not is_url(location):
        return Path(location).open("rb")
    store, path = _store(location)
    file: BinaryIO = _ask(location, lambda: store.open(path, "rb"))
    return file


def write(location: str, file: Path) -> None:
    """Copy a local file to a store, whole: objects appear when they are complete."""
    store, path = _store(location)
    _ask(location, lambda: store.put_file(str(file), path))


def stamp_of(location: str) -> tuple[int, str]:
    """Return size and stamp of a file.

    Raises:
        OSError: there is none.
    """
    if not is_url(location):
        status = Path(location).stat()
        return status.st_size, str(status.st_mtime_ns)
    store, path = _store(location)
    return _stamp(_ask(location, lambda: store.info(path)))


def walk(folder: str, leave_out: str | None = None) -> Iterator[Found]:
    """Yield the files of a folder, however deep, in the order of their names' parts.

    Args:
        folder: to walk through; links are followed, but not in circles.
        leave_out: a folder within it that is passed over.

    Raises:
        SourceError: the folder itself cannot be read.
    """
    if is_url(folder):
        yield from _walk_store(folder)
    else:
        left_out = None if leave_out is None else os.path.realpath(leave_out)
        yield from _walk_disk(folder, (), (), left_out)


def _walk_disk(folder: str, parts: tuple[str, ...], above: tuple[str, ...], left_out: str | None) -> Iterator[Found]:
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
    store, root = _store(folder)
    root = root.rstrip("/")
    found = _ask(folder, lambda: store.find(root, detail=True))
    for path in sorted(found, key=lambda path: path[len(root) :].strip("/").split("/")):
        parts = tuple(path[len(root) :].strip("/").split("/"))
        known = found[path]
        if known.get("size") is None:  # an index page of a web server tells no sizes
            known = _ask(folder, partial(store.info, path))
        yield Found(parts, store.unstrip_protocol(path), *_stamp(known))


def _stamp(info: dict[str, Any]) -> tuple[int, str]:
    tag = next((info[name] for name in TAGS if name in info), "")
    return int(info.get("size") or 0), str(tag).strip('"')


def _store(location: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # noqa: PLC0415  only stores need it

    try:
        store, path = url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise SourceError(f"{location} cannot be reached ({error}): install what it names, or mend the URL.") from None
    return store, path


def _ask(location: str, question: Callable[[], T]) -> T:
    """Ask a store, again and again while it stumbles."""
    for attempt in range(ATTEMPTS):
        try:
            return question()
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except Exception as error:  # each store has its own
            if attempt == ATTEMPTS - 1:
                text = " ".join(str(error).split())[:200] or type(error).__name__
                raise SourceError(
                    f"{location} does not answer ({text}): run the same command again to go on from here."
                ) from error
            time.sleep(PAUSE * 2**attempt)
    raise AssertionError("unreachable")
