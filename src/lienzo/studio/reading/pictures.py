"""The pictures of a collection and what was refused: rows that a filter finds, read a page at a time.

A filter looks through one column of the index, or through the table of what was refused, in parts. The rows that it
found are remembered, so that the next page reads nothing but its own rows.
"""

import functools
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lienzo.collection import manifest, tables
from lienzo.collection.collection import Collection
from lienzo.collection.reasons import EXPLANATIONS, Reason
from lienzo.errors import InputError, unknown

KEEPABLE = (
    Reason.TRUNCATED,
    Reason.DAMAGED,
    Reason.TOO_SMALL,
    Reason.FEATURELESS,
    Reason.DUPLICATE,
    Reason.NEAR_DUPLICATE,
    Reason.CONFLICT,
    Reason.LEFT_OUT,
)
"""Reasons of files that a choice can keep after all; of what is cut off, as far as it decodes."""

REMEMBERED = 16
"""Filters whose rows are remembered."""

REPORT_BYTES = 64 << 20
"""Bytes of a preparation's report at most, which holds the thumbnails of refused pictures."""

Rows = NDArray[np.int64]


@functools.lru_cache(REMEMBERED)
def _kept(path: Path, fingerprint: str, kind: str, label: str, search: str) -> Rows:  # noqa: ARG001  the key
    """Return the rows of a collection's pictures that a filter finds."""
    collection = Collection.open(path)
    rows = np.arange(collection.count, dtype=np.int64)
    if kind:
        names = collection.vocabularies.get(kind)
        if names is None:
            raise InputError(unknown("label kind", kind, collection.vocabularies))
        if label and label not in names:
            raise InputError(unknown(kind, label, names))
        rows = np.flatnonzero(collection.labels(kind) == (names.index(label) if label else -1)).astype(np.int64)
    if search:
        found = pc.match_substring(collection.column("source"), search, ignore_case=True)
        rows = rows[np.asarray(found.combine_chunks())[rows]]
    rows.flags.writeable = False
    return rows


def kept(collection: Collection, *, kind: str = "", label: str = "", search: str = "") -> Rows:
    """Return the rows of the pictures with a label of a kind, or without one of it, whose source has some text in it.

    Args:
        collection: whose pictures.
        kind: of the label; none for all pictures.
        label: the label; none for pictures without one of the kind.
        search: text in the source, in upper or lower case.

    Raises:
        InputError: an unknown kind or label.
    """
    return _kept(collection.path, collection.fingerprint, kind, label, search)


def described(collection: Collection, rows: Rows) -> list[dict[str, Any]]:
    """Return what the index says of some rows: source, original size, part, notes, and a label of each kind.

    Only the groups of rows are read that these are in.
    """
    kinds = list(collection.vocabularies)
    columns = ["source", "width", "height", "part", "notes", *map(tables.label_column, kinds)]
    found: dict[int, dict[str, Any]] = {}
    first = 0
    for shard in collection.shards:
        here = rows[(rows >= first) & (rows < first + shard.count)]
        if len(here):
            with tables.opened(collection.path / shard.index, tables.INDEX, shard.count) as index:
                found |= {first + row: one for row, one in _rows(index, here - first, columns)}
        first += shard.count
    return [
        {
            "row": int(row),
            **{name: found[int(row)].get(name) for name in columns[:5]},
            "labels": {kind: found[int(row)].get(tables.label_column(kind)) for kind in kinds},
        }
        for row in rows
    ]


def _rows(table: Any, wanted: Rows, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of these numbers of a Parquet file, from the groups that they are in."""
    there = [name for name in columns if name in table.schema_arrow.names]
    first = 0
    for group in range(table.num_row_groups):
        count = table.metadata.row_group(group).num_rows
        here = wanted[(wanted >= first) & (wanted < first + count)]
        if len(here):
            read = table.read_row_group(group, columns=there, use_threads=False)
            yield from zip(here.tolist(), read.take(pa.array(here - first)).to_pylist(), strict=True)
        first += count


@functools.lru_cache(REMEMBERED)
def _refused(path: Path, written: int, name: str, reason: str, search: str) -> Rows:  # noqa: ARG001  the key
    """Return the rows of the table of refused files that a filter finds."""
    found: list[Rows] = []
    first = 0
    with tables.opened(path / name, tables.REJECTED) as rejected:
        for batch in tables.batches(rejected, ["source", "reason"]):
            wanted = pc.equal(batch["reason"], reason) if reason else pa.array([True] * batch.num_rows)
            if search:
                wanted = pc.and_(wanted, pc.match_substring(batch["source"], search, ignore_case=True))
            found.append(first + np.flatnonzero(np.asarray(wanted)).astype(np.int64))
            first += batch.num_rows
    rows = np.concatenate(found) if found else np.zeros(0, np.int64)
    rows.flags.writeable = False
    return rows


def refused(collection: Collection, *, reason: str = "", search: str = "") -> Rows:
    """Return the rows of the refused files, of one reason or of all, whose source has some text in it."""
    if reason and reason not in collection.refused:
        raise InputError(unknown("reason", reason, collection.refused))
    return _refused(collection.path, stamp(collection), collection.tables.rejected, reason, search)


def refusals(collection: Collection, rows: Rows) -> list[dict[str, Any]]:
    """Return some rows of the refused files: source, reason, detail, bytes, and whether a choice can keep it."""
    with tables.opened(collection.path / collection.tables.rejected, tables.REJECTED) as rejected:
        found = dict(_rows(rejected, rows, tables.REJECTED.names))
    pictures = thumbnails(collection)
    return [
        {**one, "keepable": one["reason"] in KEEPABLE, "thumbnail": pictures.get(one["source"])}
        for one in (found[int(row)] for row in rows)
    ]


def reasons(collection: Collection) -> list[dict[str, Any]]:
    """Return why files were refused: each reason, how many, what it means; the most frequent first."""
    return [
        {"reason": reason, "files": number, "meaning": EXPLANATIONS.get(Reason(reason), "")}
        for reason, number in Counter(collection.refused).most_common()
        if reason in set(Reason)
    ]


def labels(collection: Collection) -> list[dict[str, Any]]:
    """Return the kinds of labels with how many pictures have each, the most frequent first, and how many have none."""
    return _labels(collection.path, collection.fingerprint)


@functools.lru_cache(REMEMBERED)
def _labels(path: Path, fingerprint: str) -> list[dict[str, Any]]:  # noqa: ARG001  the key
    told, collection = [], Collection.open(path)
    for kind, names in collection.vocabularies.items():
        codes = collection.labels(kind)
        counts = np.bincount(codes[codes >= 0], minlength=len(names))
        order = np.argsort(-counts, kind="stable")
        listed = [{"label": names[i], "pictures": int(counts[i])} for i in order]
        told.append({"kind": kind, "labels": listed, "without": int((codes < 0).sum())})
    return told


def parts(collection: Collection) -> dict[str, int]:
    """Return how many pictures there are to train on, and how many are held out."""
    return _parts(collection.path, collection.fingerprint)


@functools.lru_cache(REMEMBERED)
def _parts(path: Path, fingerprint: str) -> dict[str, int]:  # noqa: ARG001  the key
    collection = Collection.open(path)
    held_out = len(collection.rows("holdout"))
    return {"train": collection.count - held_out, "holdout": held_out}


def thumbnails(collection: Collection) -> dict[str, str]:
    """Return the pictures of refused files that the preparation's report shows, as data URLs, by their source.

    The report shows some of each reason. Nothing else is read of the originals, which may lie anywhere.
    """
    path = collection.path / manifest.REPORT
    try:
        written, size = path.stat().st_mtime_ns, path.stat().st_size
    except OSError:
        return {}
    return {} if size > REPORT_BYTES or path.is_symlink() else _thumbnails(path, written)


@functools.lru_cache(4)
def _thumbnails(path: Path, written: int) -> dict[str, str]:  # noqa: ARG001  the key
    reader = _Pictures()
    reader.feed(path.read_text(encoding="utf-8", errors="replace"))
    return reader.found


class _Pictures(HTMLParser):
    """A reader of the pictures of a report: what stands in for each, and its data."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a picture with its bytes in the page; anything else is passed over."""
        given = dict(attrs)
        source, name = given.get("src") or "", given.get("alt") or ""
        if tag == "img" and name and source.startswith(("data:image/jpeg;base64,", "data:image/png;base64,")):
            self.found.setdefault(name, source)


def stamp(collection: Collection) -> int:
    """Return when the table of refused files was written, by which what was found in it is remembered."""
    return (collection.path / collection.tables.rejected).stat().st_mtime_ns
