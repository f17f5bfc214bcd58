"""What sources hold that a finished collection does not: the files that the next preparation adds."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lienzo.collection import tables
from lienzo.collection.collection import Collection
from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.listing import Listing
from lienzo.collection.reasons import Refusal
from lienzo.errors import CollectionError
from lienzo.storage import files


class Identity(NamedTuple):
    """What a collection records of a listed file, to notice later whether the file or its labels have changed."""

    size: int
    """Size of the file in bytes."""
    stamp: str
    """The entry's stamp."""
    labels: str
    """Fingerprint of its labels."""
    sha256: str | None = None
    """SHA-256 of its bytes, if it was refused; for pictures, it is in the index."""


def known_files(earlier: Collection | None) -> dict[str, Identity]:
    """Return entry name -> record, for every file that the collection was made of, refused ones too."""
    if earlier is None:
        return {}
    known: dict[str, Identity] = {}
    path = earlier.path / earlier.tables.sources
    with tables.opened(path, tables.SOURCES) as listed:
        columns = [field.name for field in tables.LISTED if field.name in listed.schema_arrow.names]
        for batch in tables.batches(listed, columns):
            for name, *identity in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                known[name] = Identity(*identity)
    return known


def compare(
    listing: Listing, known: Mapping[str, Identity], earlier: Collection | None, folder: Path
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


def _sha256(entry: Entry) -> str:
    """Return the SHA-256 of an entry's bytes, or nothing if they cannot be read, as stands in a collection then."""
    try:
        return hashlib.sha256(entry.read()).hexdigest()
    except Refusal:
        return ""
