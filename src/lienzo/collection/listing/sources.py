"""Listing sources of every sort, always in the same order."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from posixpath import splitext

from lienzo.collection.listing import archives, arrays, paintings, places, tables
from lienzo.collection.listing.classes import ARCHIVE
from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.sidecars import described
from lienzo.collection.reasons import Reason
from lienzo.errors import SourceError, StoreError

COMPANIONS = frozenset(
    {
        *(".csv", ".tsv", ".txt", ".md", ".rst", ".pdf", ".html", ".htm", ".css", ".js", ".py", ".log", ".url", ".lnk"),
        *(".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cls", ".xlsx", ".xls"),
        *(".parquet", ".arrow", ".feather", ".npy", ".npz", ".db", ".torrent", ".sha1", ".sha256", ".md5"),
        *(".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z", ".rar"),
    }
)
"""Files that stand beside pictures and never pretend to be one: passed over in silence."""

PASSED_OVER = frozenset(
    {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)
"""What operating systems leave in folders; what is hidden, by a name that begins with a dot, is passed over too."""

TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet", "dataset.json")
"""Tables of labels within a source, as Hugging Face's image folders and StyleGAN have them."""

TABLE_ENDING = re.compile(r"\.(csv|tsv|txt|jsonl?|ndjson|parquet|pq|arrow)$", re.I)
"""How the names of tables end."""


def entries(
    source: str, *, columns: Sequence[str] = (), leave_out: str | None = None, remarks: list[str] | None = None
) -> Iterator[Entry]:
    """List every file of a source that may be a picture, and the :data:`TABLES` within it.

    Args:
        source: folder, zip or tar file, table, array file or the download of Painter by Numbers; a path, an fsspec URL
            or ``kaggle:COMPETITION``.
        columns: which columns of tables are labels; by default those that look like it.
        leave_out: a folder whose content is not listed, because the collection is written there.
        remarks: gets sentences about what cannot be listed.

    Yields:
        entries in an order that depends on names alone, no two of one name. Archives within a folder are part of the
        names.

    Raises:
        SourceError: the source is missing, unreadable as a whole, or nothing that is known.
    """
    remarks = [] if remarks is None else remarks
    for entry in described(_entries(paintings.download(source), columns, leave_out, remarks)):
        if is_candidate(entry) or is_table(entry):
            name = printable(entry.name)
            yield entry if name == entry.name else replace(entry, name=name)


def none_in(given: Sequence[str], remarks: Sequence[str]) -> SourceError:
    """Return the error that sources without pictures raise; ``remarks`` say what of them could not be listed."""
    mend = "name a folder or an archive of pictures"
    if remarks:
        mend = remarks[0].rstrip(".")
    elif any(one.lower().endswith(".npz") for one in given):
        mend = "those in an .npz file are arrays of uint8, (n, height, width, channels)"
    return SourceError(f"there are no pictures in {', '.join(given)}: {mend}.")


def is_table(entry: Entry) -> bool:
    """Say whether a file within a source is a table of labels."""
    return not _passed_over(entry) and PurePosixPath(entry.name).name in TABLES


def _entries(source: str, columns: Sequence[str], leave_out: str | None, remarks: list[str]) -> Iterator[Entry]:
    if source.startswith("memory:"):
        raise SourceError(f"{source} is seen by this process alone, and others screen: write the pictures to a folder.")
    if not places.exists(source):
        raise SourceError(f"there is nothing at {source}: give a folder, an archive or a table of pictures.")
    if places.is_folder(source):
        if paintings.is_layout(source):
            return paintings.entries(source, remarks)
        return _folder(source, columns, leave_out, remarks)
    name = source.lower()
    if name.endswith((".csv", ".tsv")):
        return tables.path_entries(source, columns, remarks)
    if name.endswith((".parquet", ".pq", ".arrow")):
        if tables.holds_pictures(source):
            return tables.embedded_entries(source, columns)
        return tables.path_entries(source, columns, remarks)
    if name.endswith(".npz"):
        return arrays.entries(source)
    with places.opened(source) as file:
        head = file.read(262)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return archives.zip_entries(source)
    if head[257:262] == b"ustar" or name.endswith((".tar", *PACKED_TARS)):
        return archives.tar_entries(source, remarks)
    raise SourceError(f"{source} is no folder, zip, tar, CSV, Parquet or npz file: give one of those.")


PACKED_TARS = (".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")


def _folder(source: str, columns: Sequence[str], leave_out: str | None, remarks: list[str]) -> Iterator[Entry]:
    """List a folder; archives, tables and arrays that hold pictures are listed in their place."""
    for found in places.walk(source, leave_out):
        name = "/".join(found.parts)
        own = Entry(name, found.location, found.size, found.stamp,
                    refusal=(Reason.UNREADABLE, found.problem) if found.problem else None)  # fmt: skip
        if _passed_over(own):
            continue
        yield own
        if not found.problem and (inside := _inside(found, columns, remarks)) is not None:
            lower = name.lower()
            within = name.rpartition("/")[0] if lower.endswith((".parquet", ".arrow", ".npz")) else name
            try:
                for entry in inside:
                    yield replace(entry, name=f"{within}/{entry.name}".lstrip("/"))
            except StoreError:
                raise
            except SourceError as error:
                remarks.append(str(error))


def _inside(found: places.Found, columns: Sequence[str], remarks: list[str]) -> Iterator[Entry] | None:
    """List what is in a file of a folder, if it holds pictures."""
    name = found.parts[-1].lower()
    if name.endswith(".zip"):
        return archives.zip_entries(found.location)
    if name.endswith((".tar", *PACKED_TARS)):
        return archives.tar_entries(found.location, remarks)
    if name.endswith((".parquet", ".arrow")) and not name.startswith("cache-"):
        return tables.embedded_entries(found.location, columns) if tables.holds_pictures(found.location) else None
    if name.endswith(".npz"):
        return arrays.entries(found.location)
    return None


def own_name(source: str) -> str:
    """Return what a source is called: the last part of its path, without the ending of an archive or a table.

    >>> own_name("art/train.tar.gz"), own_name("van.gogh/"), own_name("s3://bucket/meta.CSV"), own_name("art.pq")
    ('train', 'van.gogh', 'meta', 'art')
    """
    whole = source if places.is_url(source) else Path(source).absolute().as_posix()
    name = PurePosixPath(whole.replace("\\", "/").rstrip("/")).name
    name = Path(source).resolve().name if name == ".." else name
    return TABLE_ENDING.sub("", ARCHIVE.sub("", name))


def prefixes(sources: Sequence[str]) -> list[str]:
    """Return what precedes the names of each source: nothing for one, its own name where there are several.

    >>> prefixes(["art/train.zip", "art/test.zip"])
    ['train/', 'test/']
    >>> prefixes(["a/art", "b/art", "art-1"])
    ['art-2/', 'art-3/', 'art-1/']
    """
    if len(sources) == 1:
        return [""]
    stems = [own_name(source) for source in sources]
    found: list[str] = []
    for stem in stems:
        names = (f"{stem}-{number}/" for number in itertools.count(1))
        free = (name for name in names if name not in found and name[:-1] not in stems)
        found.append(f"{stem}/" if stems.count(stem) == 1 else next(free))
    return found


def printable(name: str) -> str:
    r"""Return a name from a file system as Unicode that any file can hold.

    >>> printable("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_candidate(entry: Entry) -> bool:
    """Say whether a file may be a picture: it is not hidden, and does not call itself something else."""
    return not _passed_over(entry) and splitext(entry.name)[1].lower() not in COMPANIONS


def _passed_over(entry: Entry) -> bool:
    """Say whether a file is hidden or an operating system's. One that a table names is wanted, wherever it lies."""
    return not entry.named and is_hidden(entry.name.split("/"))


def is_hidden(parts: Sequence[str]) -> bool:
    """Say whether a path within a folder, as its parts, is hidden or an operating system's."""
    return any(part.startswith(".") or part in PASSED_OVER for part in parts)
