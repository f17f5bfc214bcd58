"""Listing sources of every sort, always in the same order: how each sort is recognised, and how it is listed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from posixpath import splitext

from lienzo.collection.listing import archives, labels, paintings, places, tables
from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason
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

SPLITS = frozenset({"train", "test", "validation", "valid", "val", "dev"})
"""Folders that say what pictures are for, not what they show."""

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""Tables in which Hugging Face's image folders keep labels."""


def entries(sources: Sequence[str], *, columns: Sequence[str] = (), leave_out: str | None = None) -> Iterator[Entry]:
    """List every file of the sources that may be a picture.

    Args:
        sources: folders, zip and tar files, tables, the download of Painter by Numbers; paths, fsspec URLs or
            ``kaggle:COMPETITION``.
        columns: which columns of tables are labels; by default those that look like it.
        leave_out: a folder whose content is not listed, because the collection is written there.

    Yields:
        entries in an order that depends on names alone.

    Raises:
        SourceError: a source is missing, unreadable as a whole, or nothing that is known.
    """
    for source, prefix in zip(sources, prefixes(sources), strict=True):
        for entry in _entries(paintings.download(source), columns, leave_out):
            if _candidate(entry.name):
                name = prefix + printable(entry.name)
                yield entry if name == entry.name else replace(entry, name=name)


def _entries(source: str, columns: Sequence[str], leave_out: str | None) -> Iterator[Entry]:
    if source.startswith("memory:"):
        raise SourceError(f"{source} is seen by this process alone, and others screen: write the pictures to a folder.")
    if not places.exists(source):
        raise SourceError(f"there is nothing at {source}: give a folder, an archive or a table of pictures.")
    name = source.lower()
    if places.is_folder(source):
        if paintings.is_layout(source):
            return paintings.entries(source)
        return _folder(source, columns, leave_out)
    if name.endswith((".csv", ".tsv")):
        return tables.path_entries(source, columns)
    if name.endswith((".parquet", ".pq")):
        return (tables.embedded_entries if tables.holds_pictures(source) else tables.path_entries)(source, columns)
    with places.opened(source) as file:
        head = file.read(262)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return archives.zip_entries(source)
    if head[257:262] == b"ustar" or name.endswith((".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")):
        return archives.tar_entries(source)
    raise SourceError(f"{source} is no folder, zip, tar, CSV or Parquet file: give one of those.")


def _folder(source: str, columns: Sequence[str], leave_out: str | None) -> Iterator[Entry]:
    """List a folder; tar files (WebDataset) and Parquet files that hold pictures are listed in their place."""
    described = _metadata(source, columns)
    for found in places.walk(source, leave_out):
        name = "/".join(found.parts)
        if name.endswith(".tar"):
            yield from archives.tar_entries(found.location)
        elif name.endswith(".parquet") and tables.holds_pictures(found.location):
            yield from tables.embedded_entries(found.location, columns)
        refusal = (Reason.UNREADABLE, found.problem) if found.problem else None
        yield Entry(
            name, found.location, found.size, found.stamp, labels=labels.of(name, described), refusal=refusal
        )  # fmt: skip


def _metadata(source: str, columns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read the tables of labels of a Hugging Face image folder, at its top or in its splits."""
    described: dict[str, dict[str, str]] = {}
    top = places.names(source)
    for split in ("", *sorted(SPLITS & top)):
        folder = places.join(source, split) if split else source
        for name in METADATA:
            if name in (places.names(folder) if split else top):
                found = labels.read(places.join(folder, name), columns)
                described |= {f"{split}/{path}" if split else path: values for path, values in found.items()}
    return described


def folder_label(name: str) -> str | None:
    """Return the label that a picture's folder gives it.

    >>> folder_label("seas/calm/1.jpg"), folder_label("train/seas/1.jpg"), folder_label("1.jpg")
    ('seas/calm', 'seas', None)
    """
    parts = name.split("/")[:-1]
    if parts and parts[0] in SPLITS:
        parts = parts[1:]
    return "/".join(parts) or None


def prefixes(sources: Sequence[str]) -> list[str]:
    """Return what precedes the names of each source: nothing for one, its own name where there are several.

    >>> prefixes(["art/train.zip", "art/test.zip"])
    ['train/', 'test/']
    """
    if len(sources) == 1:
        return [""]
    stems = [PurePosixPath(source.replace("\\", "/").rstrip("/")).name.split(".")[0] for source in sources]
    return [f"{stem}/" if stems.count(stem) == 1 else f"{stem}-{stems[: i + 1].count(stem)}/"
            for i, stem in enumerate(stems)]  # fmt: skip


def printable(name: str) -> str:
    r"""Return a name from a file system as Unicode that any file can hold.

    >>> printable("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _candidate(name: str) -> bool:
    parts = name.split("/")
    if any(part.startswith(".") or part in PASSED_OVER for part in parts):
        return False
    return splitext(parts[-1])[1].lower() not in COMPANIONS
