"""Listing of tables: CSV or Parquet with a column of paths, Parquet or Arrow with the pictures (as Hugging Face's)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lienzo.collection.listing import labels, places
from lienzo.collection.listing.entries import Entry
from lienzo.collection.listing.labels import USUAL_KINDS
from lienzo.collection.listing.rows import written
from lienzo.collection.reasons import Reason
from lienzo.errors import InputError, SourceError, StoreError, unknown
from lienzo.storage import memory

PICTURE_COLUMNS = ("image", "img", "picture", "jpg", "png", "webp", "bytes")
"""Names of binary columns that are taken for pictures."""

ROWS = 16
"""Number of rows, with their pictures, that are held in memory at a time."""


def path_entries(location: str, columns: Sequence[str], remarks: list[str]) -> Iterator[Entry]:
    """List the pictures whose paths stand in a table, in its order, each with the labels of its row.

    A path that occurs in several rows is listed once, with the labels of the first. Relative paths are relative to the
    table's folder.

    Args:
        location: path or URL of the table.
        columns: names of the columns that are labels; none for the usual ones.
        remarks: gets sentences about how the labels were read, if there are any.
    """
    folder = location.rpartition("/")[0] if places.is_url(location) else str(PurePosixPath(location).parent)
    table = labels.read(location, columns)
    remarks += table.remarks if any(table.labels) else []
    rows: dict[str, dict[str, str]] = {}
    for name, found in zip(table.names, table.labels, strict=True):
        rows.setdefault(name.replace("\\", "/").removeprefix("./"), found)
    locations = {path: path if places.is_url(path) else places.join(folder, path) for path in rows}
    if locations and not any(map(places.exists, locations.values())):
        raise SourceError(
            f"none of the pictures that {location} names is there, such as {next(iter(locations.values()))}: write "
            f"paths as they are seen from the table's folder, {folder}."
        )
    for path, found in rows.items():
        entry = Entry(path, locations[path], 0, labels=found, named=True)
        try:
            size, stamp = places.stamp_of(entry.location)
        except OSError:
            yield replace(entry, refusal=(Reason.UNREADABLE, "the table names it, but it is not there"))
        else:
            yield replace(entry, size=size, stamp=stamp)


def holds_pictures(location: str) -> bool:
    """Return whether a Parquet or Arrow file has a column of pictures."""
    try:
        with places.opened(location) as file:
            schema = _arrow(file).schema if location.endswith(".arrow") else pq.ParquetFile(file).schema_arrow
            return _picture_column(schema) is not None
    except StoreError:
        raise
    except (OSError, pa.ArrowException, ValueError):
        return False


def embedded_entries(location: str, columns: Sequence[str]) -> Iterator[Entry]:
    """List the pictures in a Parquet file, or in an Arrow file as ``save_to_disk`` of Hugging Face's datasets writes.

    Args:
        location: path or URL of the file.
        columns: names of the columns that are labels; none for the usual ones.

    Yields:
        an entry with the picture's bytes for each row, named after the file and the number of the row.

    Raises:
        InputError: there is no column of one of these names.
        SourceError: the file is damaged.
    """
    stem = PurePosixPath(location).stem
    try:
        with places.opened(location) as file:
            table: Any = _arrow(file) if location.endswith(".arrow") else pq.ParquetFile(file)
            schema = table.schema if location.endswith(".arrow") else table.schema_arrow
            kept = _columns(schema, columns)
            batches = iter(table) if location.endswith(".arrow") else table.iter_batches(ROWS, columns=kept)
            column, classes = _picture_column(schema), _classes(schema)
            assert column is not None
            size, stamp = places.stamp_of(location)
            for row, values in enumerate(_rows(batches, kept, size)):
                yield replace(_entry(values, column, f"{stem}-{row:08d}", location, classes), stamp=stamp)
    except MemoryError:
        raise SourceError(f"{location} unpacks to far more than its own size: pictures do not, look at it.") from None
    except InputError:  # a column that is not there, or a store that does not answer
        raise
    except (OSError, pa.ArrowException, ValueError) as error:
        raise SourceError(f"{location} is damaged ({error}): download it again.") from None


def _rows(batches: Iterator[Any], columns: Sequence[str], size: int) -> Iterator[dict[str, Any]]:
    """Yield rows, column -> value, of a file of ``size`` bytes.

    Raises:
        MemoryError: the file unpacks to far more than that.
    """
    while True:
        with memory.limited(size):
            batch = next(batches, None)
        if batch is None:
            return
        wanted = batch.select(columns)
        for start in range(0, wanted.num_rows, ROWS):
            with memory.limited(size):
                rows = wanted.slice(start, ROWS).to_pylist()
            yield from rows


def _columns(schema: pa.Schema, columns: Sequence[str]) -> list[str]:
    """Return the names of the columns to read: that of the pictures, then those of the labels."""
    classes, picture = _classes(schema), _picture_column(schema)
    wanted = list(columns) or [name for name in schema.names if name in classes or name.lower() in USUAL_KINDS]
    for name in wanted:
        if name not in schema.names:
            raise InputError(unknown("column", name, schema.names))
    return [str(picture), *(name for name in dict.fromkeys(wanted) if name != picture)]


def _arrow(file: Any) -> Any:
    """Open a stream of Arrow record batches, or failing that a file of them."""
    try:
        return pa.ipc.open_stream(file)
    except pa.ArrowInvalid:
        file.seek(0)
        return _Batches(pa.ipc.open_file(file))


class _Batches:
    """The record batches of an Arrow file, iterable like those of an Arrow stream."""

    def __init__(self, reader: Any) -> None:
        self._reader, self.schema = reader, reader.schema

    def __iter__(self) -> Iterator[Any]:
        return (self._reader.get_batch(i) for i in range(self._reader.num_record_batches))


def _entry(values: dict[str, Any], column: str, name: str, location: str, classes: dict[str, list[str]]) -> Entry:
    """Return the entry of one row.

    Args:
        values: column name -> value.
        column: name of the column of pictures.
        name: of the entry; a path that stands beside the picture is appended.
        location: path or URL of the file.
        classes: column name -> names of its classes, for columns of class numbers.
    """
    picture = values.pop(column)
    data = picture.get("bytes") if isinstance(picture, dict) else picture
    if isinstance(picture, dict) and picture.get("path"):
        name = f"{name}-{PurePosixPath(str(picture['path'])).name}"
    found = {}
    for kind, value in values.items():
        names = classes.get(kind)
        if names is not None and isinstance(value, int) and 0 <= value < len(names):
            found[kind] = names[value]
        elif names is None and (text := written(value)):
            found[kind] = text
    if data is None:
        return Entry(name, location, 0, labels=found, refusal=(Reason.EMPTY, "no picture in this row"))
    return Entry(name, location, len(data), data=data, labels=found)


def _picture_column(schema: pa.Schema) -> str | None:
    """Return the name of the first column that holds pictures, as bytes or as Hugging Face's struct with bytes."""
    for field in schema:
        kind = field.type
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            return str(field.name)
        if field.name in PICTURE_COLUMNS and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            return str(field.name)
    return None


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """Return column name -> names of its classes, for the columns of class numbers in Hugging Face's metadata."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: list(feature["names"]) for name, feature in features.items()
                if feature.get("_type") == "ClassLabel" and "names" in feature}  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
