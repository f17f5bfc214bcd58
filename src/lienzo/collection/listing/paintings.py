"""Listing of Painter by Numbers (Kaggle, 2016), 103,250 paintings with artist, style, genre and date, as downloaded.

The folder holds the table ``all_data_info.csv``, perhaps zipped; the pictures in ``train.zip`` and ``test.zip``, in
numbered parts of these (``train_1.zip``), or unpacked; and ``replacements_for_corrupted_files.zip``, whose pictures
replace broken ones.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace

from lienzo.collection.listing import archives, places
from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Refusal
from lienzo.errors import SourceError, StoreError

TABLE = "all_data_info.csv"
"""Name of the table of all paintings."""

REPLACEMENTS = "replacements_for_corrupted_files"
"""Beginning of the name of the archive or folder whose pictures replace those of the same name."""

HALVES = ("train", "test")
"""Beginnings of the names of archives and folders of paintings: ``train.zip``, ``train_1.zip``, ``test/``."""

KINDS = ("artist", "style", "genre", "date")
"""Columns of the table that become labels."""

_SCHEME = "kaggle:"


def download(source: str) -> str:
    """Download a source of the form ``kaggle:COMPETITION`` and return its folder; return other sources unchanged.

    Raises:
        SourceError: kagglehub is missing, or the download fails.
    """
    if not source.startswith(_SCHEME):
        return source
    try:
        import kagglehub  # noqa: PLC0415  an extra
    except ImportError:
        raise SourceError(f"{source} needs kagglehub: install it with pip install 'lienzo[kaggle]'.") from None
    try:
        return str(kagglehub.competition_download(source.removeprefix(_SCHEME)))
    except Exception as error:  # kagglehub raises errors of many types
        text = " ".join(str(error).split())[:200]
        raise SourceError(
            f"{source} cannot be downloaded ({text}): check its name and your Kaggle credentials."
        ) from error


def is_layout(folder: str) -> bool:
    """Say whether a folder holds the competition's files."""
    return not {TABLE, f"{TABLE}.zip"}.isdisjoint(places.names(folder))


def entries(folder: str, remarks: list[str]) -> Iterator[Entry]:
    """List the paintings under the names ``train/NAME`` and ``test/NAME``, sorted; replacements take their place.

    Args:
        folder: path or URL of the download.
        remarks: gets sentences about archives that cannot be read.
    """
    labels = _labels(folder)
    found: dict[str, Entry] = {}
    for replacing in (False, True):
        for entry in _pictures(folder, replacing, remarks):
            *folders, file = entry.name.split("/")
            half = next((half for folder in reversed(folders) for half in HALVES if folder.startswith(half)), "")
            if replacing and not half:
                half = next((half for half in HALVES if f"{half}/{file}" in found), "")
            name = f"{half}/{file}" if half else file
            if replacing or name not in found:
                found[name] = replace(entry, name=name, labels=labels.get(file, {}))
    for name in sorted(found):
        yield found.pop(name)


def _pictures(folder: str, replacing: bool, remarks: list[str]) -> Iterator[Entry]:
    """List the pictures of train and test, or if ``replacing`` is true the replacements, in archives and folders."""
    for file in places.walk(folder):
        top = file.parts[0]
        if top.startswith(REPLACEMENTS) != replacing or not top.startswith((*HALVES, REPLACEMENTS)):
            continue
        if len(file.parts) == 1 and top.endswith(".zip"):
            try:
                for entry in archives.zip_entries(file.location):
                    if entry.name.lower().endswith((".jpg", ".jpeg", ".png")):
                        yield replace(entry, name=f"{top.split('.')[0]}/{entry.name}")
            except StoreError:
                raise
            except SourceError as error:
                remarks.append(str(error))
        elif len(file.parts) > 1:
            yield Entry("/".join(file.parts), file.location, file.size, file.stamp)


def _labels(folder: str) -> dict[str, dict[str, str]]:
    """Read the table: file name -> label kind (one of :data:`KINDS`) -> label."""
    location = places.join(folder, TABLE)
    try:
        data = places.read(location) if places.exists(location) else _unpacked(f"{location}.zip")
        rows = [*csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace")))]
    except Refusal as refusal:
        raise SourceError(f"{location} cannot be read ({refusal.detail}): download it again.") from None
    except (OSError, csv.Error) as error:
        raise SourceError(f"{location} cannot be read ({error}): download it again.") from None
    return {row["new_filename"]: {kind: row[kind].strip() for kind in KINDS if (row.get(kind) or "").strip()}
            for row in rows if row.get("new_filename")}  # fmt: skip


def _unpacked(location: str) -> bytes:
    """Return the table in an archive.

    Raises:
        Refusal: it cannot be read, or unpacks to far too much.
        SourceError: the archive is broken, or has none.
    """
    for entry in archives.zip_entries(location):
        if entry.name == TABLE:
            return entry.read()
    raise SourceError(f"{location} holds no {TABLE}: download it again.")
