"""Listing sources: folders of any depth, zip files. Always in the same order, whatever the file system."""

import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from lienzo.data.entries import Entry
from lienzo.data.reasons import Reason
from lienzo.errors import SourceError

COMPANIONS = frozenset(
    {
        *(".csv", ".tsv", ".txt", ".md", ".rst", ".pdf", ".html", ".htm", ".css", ".js", ".py", ".log", ".url", ".lnk"),
        *(
            ".json",
            ".jsonl",
            ".xml",
            ".yaml",
            ".yml",
            ".toml",
            ".ini",
            ".parquet",
            ".arrow",
            ".feather",
            ".npy",
            ".npz",
        ),
        *(".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".db", ".torrent", ".sha1", ".sha256", ".md5"),
    }
)
"""Files that stand beside pictures and never pretend to be one: passed over in silence."""

PASSED_OVER = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"})
"""What operating systems leave in folders."""


def entries(sources: Sequence[str], *, leave_out: Path | None = None) -> Iterator[Entry]:
    """List every file of the sources that may be a picture.

    Args:
        sources: folders and zip files.
        leave_out: a folder whose content is not listed, because the collection is written there.

    Yields:
        entries in an order that depends on names alone.

    Raises:
        SourceError: a source is missing or unreadable as a whole.
    """
    for source, prefix in zip(sources, prefixes(sources), strict=True):
        path = Path(source)
        if path.is_dir():
            yield from _folder(path, prefix, leave_out)
        elif not path.exists():
            raise SourceError(f"there is nothing at {source}: give a folder or an archive of pictures.")
        elif zipfile.is_zipfile(path):
            yield from _zip(path, prefix)
        else:
            raise SourceError(f"{source} is neither a folder nor a zip file: give one of those.")


def prefixes(sources: Sequence[str]) -> list[str]:
    """Return what precedes the names of each source: nothing for one, its own name where there are several.

    >>> prefixes(["art/train.zip", "art/test.zip"])
    ['train/', 'test/']
    """
    if len(sources) == 1:
        return [""]
    stems = [PurePosixPath(source.replace("\\", "/").rstrip("/")).name.removesuffix(".zip") for source in sources]
    return [
        f"{stem}/" if stems.count(stem) == 1 else f"{stem}-{stems[: i + 1].count(stem)}/"
        for i, stem in enumerate(stems)
    ]


def printable(name: str) -> str:
    r"""Return a name from a file system as Unicode that any file can hold.

    >>> printable("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _candidate(name: str) -> bool:
    parts = name.split("/")
    if any(part.startswith(".") or part in PASSED_OVER for part in parts if part):
        return False
    return PurePosixPath(parts[-1]).suffix.lower() not in COMPANIONS


def _folder(root: Path, prefix: str, leave_out: Path | None) -> Iterator[Entry]:
    left_out = os.path.realpath(leave_out) if leave_out is not None else None

    def walk(folder: str, within: str, above: tuple[str, ...]) -> Iterator[Entry]:
        real = os.path.realpath(folder)
        if real == left_out or real in above:  # a link that leads back to a folder above it
            return
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208  names alone: folders may hold millions
        except OSError as error:
            if not above:
                raise SourceError(f"{folder} cannot be read ({error.strerror}): mend its permissions.") from None
            yield Entry(printable(within), folder, 0, refusal=(Reason.UNREADABLE, f"folder: {error.strerror}"))
            return
        for name in names:
            if name.startswith(".") or name in PASSED_OVER:
                continue
            path, name_within = os.path.join(folder, name), within + name  # noqa: PTH118
            try:
                status = os.stat(path)  # noqa: PTH116
            except OSError as error:
                if _candidate(name):
                    yield Entry(printable(name_within), path, 0, refusal=(Reason.UNREADABLE, error.strerror or "?"))
                continue
            if stat.S_ISDIR(status.st_mode):
                yield from walk(path, f"{name_within}/", (*above, real))
            elif not _candidate(name):
                continue
            elif stat.S_ISREG(status.st_mode):
                yield Entry(printable(name_within), path, status.st_size, str(status.st_mtime_ns))
            else:
                refusal = (Reason.UNREADABLE, "a pipe, a socket or a device, not a file")
                yield Entry(printable(name_within), path, 0, refusal=refusal)

    yield from walk(str(root), prefix, ())


def _zip(path: Path, prefix: str) -> Iterator[Entry]:
    location = str(path)
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                name = member.filename.replace("\\", "/").lstrip("/")
                if member.is_dir() or not _candidate(name):
                    continue
                name = "/".join(part for part in name.split("/") if part not in ("", ".", ".."))
                stamp = f"{member.CRC:08x}"
                if member.flag_bits & 1:
                    refusal = (Reason.UNREADABLE, "encrypted")
                    yield Entry(prefix + printable(name), location, member.file_size, stamp, refusal=refusal)
                    continue
                file.seek(member.header_offset)
                header = file.read(30)
                if not header.startswith(b"PK\x03\x04"):
                    refusal = (Reason.UNREADABLE, "the archive is damaged here")
                    yield Entry(prefix + printable(name), location, member.file_size, stamp, refusal=refusal)
                    continue
                offset = member.header_offset + 30 + int.from_bytes(header[26:28], "little")
                offset += int.from_bytes(header[28:30], "little")
                yield Entry(
                    prefix + printable(name), location, member.file_size, stamp,
                    offset=offset, packed=member.compress_size, method=member.compress_type,
                )  # fmt: skip
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise SourceError(f"{path} cannot be read as a zip file ({error}): download it again.") from None
