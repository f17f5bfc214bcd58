"""Files that are either whole or absent: each is written beside its name and moved into place."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lienzo.errors import InputError

PAUSES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Seconds between tries to replace a file that a reader holds open on Windows."""

NAME = 40
"""Characters of a file's name in that of its temporary file: a long name has no room for more."""

TEMPORARY = ".part"
"""Ending of the name of a file that is not finished yet."""


URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""How a URL begins, ``s3://bucket``, and how one that was taken for a path does: ``s3:/bucket``. ``C:/`` is a path."""


def local(path: str | Path) -> Path:
    """Return a path on this machine; a URL taken for one would become a folder called ``s3:``.

    Raises:
        InputError: it is a URL, or empty.
    """
    if not str(path):
        raise InputError("a path is empty: write . where you mean this folder.")
    if URL.match(str(path)):
        raise InputError(f"{path} is a URL, and only a collection can be kept at one: name a path on this machine.")
    return Path(path)


def folder(path: str | Path, option: str) -> Path:
    """Return a folder to write into, before anything is computed for it; ``option`` is what it was given with.

    Raises:
        InputError: it is a URL, or it cannot become a folder, since it or what it would be in is a file.
    """
    found = local(path)
    for place in (found, *found.parents):
        if place.exists() and not place.is_dir():
            raise InputError(f"{place} is a file: give a folder with {option}.")
    return found


def refuse_folder(page: Path, name: str) -> None:
    """Refuse a page's path that is a folder, before anything is computed for it; ``name`` is one that it could have.

    Raises:
        InputError: it is one.
    """
    if page.is_dir():
        raise InputError(f"{page} is a folder: name a file for the page, such as {page / name}.")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` for writing; on success it becomes ``path``, on an error it vanishes.

    The bytes reach the disk before the name does, so that after a loss of power the file is whole or absent.

    Raises:
        InputError: ``path`` is a URL.
    """
    local(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _replace(temporary: Path, path: Path) -> None:
    """Move a file into place. Windows refuses while another process has the old file open, which it soon closes."""
    for pause in PAUSES if sys.platform == "win32" else ():
        try:
            temporary.replace(path)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    temporary.replace(path)


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Give a path beside ``path``, at which a file or a folder is made; on success it becomes ``path``.

    On an error it vanishes, and ``path`` stays as it is. What ended processes left half made beside it goes first.

    Raises:
        InputError: there is something at ``path`` already.
    """
    if os.path.lexists(path):
        raise InputError(f"{path} exists: choose another name, or move it away.")
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_halves(path)
    temporary = _temporary(path)
    try:
        yield temporary
        if os.path.lexists(path):
            raise InputError(f"{path} was made by someone else meanwhile: choose another name, or move it away.")
        temporary.rename(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    """Return a name beside ``path`` that nothing has, with the number of this process in it."""
    return path.with_name(f".{path.name[:NAME]}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY}")


WRITER = re.compile(rf"\.(\d+)-[0-9a-f]{{8}}{re.escape(TEMPORARY)}\Z")
"""The end of a temporary file's name: the number of the process that writes it."""


def is_temporary(name: str) -> bool:
    """Say whether a name is that of a file that a process of lienzo was writing."""
    return name.startswith(".") and WRITER.search(name) is not None


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes left directly in ``folder``.

    Those of other processes that still run on this machine stay, as they are being written. Others that only end like
    them are someone's own.
    """
    for leftover in folder.glob(f".*{TEMPORARY}"):
        writer = WRITER.search(leftover.name)
        if writer is None or (int(writer[1]) != os.getpid() and _runs(int(writer[1]))):
            continue
        with contextlib.suppress(*(PermissionError,) if sys.platform == "win32" else ()):
            _remove(leftover)


def _sweep_halves(path: Path) -> None:
    """Remove what other processes, which run no longer, left half made beside ``path``; no matter if that fails."""
    if sys.platform == "win32":  # where it is not known who runs
        return
    for leftover in path.parent.glob(f".*{TEMPORARY}"):
        writer = WRITER.search(leftover.name)
        if writer is None or leftover.name[: writer.start()] != f".{path.name[:NAME]}":
            continue
        if int(writer[1]) != os.getpid() and not _runs(int(writer[1])):
            with contextlib.suppress(OSError):
                _remove(leftover)


def _remove(leftover: Path) -> None:
    if leftover.is_dir() and not leftover.is_symlink():
        shutil.rmtree(leftover)
    else:
        leftover.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Say whether a process of this number runs on this machine; on Windows, whose open files stay anyway, never."""
    if sys.platform == "win32":  # os.kill would end it
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def linked(folder: Path, names: Iterable[str]) -> Path | None:
    """Return the first of these files and folders in ``folder`` that is a symbolic link, or None.

    Whoever writes through a link, or removes what lies behind it, does so in a folder that nobody named.
    """
    return next((folder / name for name in names if (folder / name).is_symlink()), None)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with replacing(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8 with Unix line ends, whole or not at all."""
    write_bytes(path, encoded(text))


def encoded(text: str) -> bytes:
    r"""Return text as UTF-8. The bytes of an odd file's name become escapes, which JSON reads as the same name again.

    >>> encoded("caf\udce9")
    b'caf\\udce9'
    """
    return text.encode(errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 where there is nothing. Links are not followed."""
    if not path.is_dir():
        return path.lstat().st_size if path.exists() else 0
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):  # it may just be replaced
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118
    return total


def fingerprint(value: Any) -> str:
    """Return a short name for a JSON value: equal values have equal fingerprints, whatever the order of their keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
