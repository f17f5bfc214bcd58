"""Listing tables: CSV or Parquet with a column of paths, Parquet that holds the pictures (as Hugging Face does)."""

import json
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lienzo.collection.listing import labels, places
from lienzo.collection.listing.archives import USUAL_KINDS
from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason
from lienzo.errors import SourceError

PICTURE_COLUMNS = ("image", "img", "picture", "jpg", "png", "webp", "bytes")
"""Names of binary columns that hold pictures."""


def path_entries(location: str, columns: Sequence[str]) -> Iterator[Entry]:
    """List the pictures that a table names, in its order, each with its row's labels; a path counts once.

    Relative paths are relative to the table's folder.
    """
    folder = location.rpartition("/")[0] if places.is_url(location) else str(PurePosixPath(location).parent)
    for name, found in labels.read(location, columns).items():
        location = name if places.is_url(name) else places.join(folder, name)
        try:
            size, stamp = places.stamp_of(location)
        except OSError:
            refusal = (Reason.UNREADABLE, "the table names it, but it is not there")
            yield Entry(name, location, 0, labels=found, refusal=refusal)
        else:
            yield Entry(name, location, size, stamp, labels=found)


def holds_pictures(location: str) -> bool:
    """Say whether a Parquet file has a column of pictures."""
    with places.opened(location) as file:
        return _picture_column(_parquet(location, file).schema_arrow) is not None


def embedded_entries(location: str, columns: Sequence[str]) -> Iterator[Entry]:
    """List the pictures in a Parquet file, row by row; their bytes come with the entries.

    Raises:
        SourceError: it is broken.
    """
    stem = PurePosixPath(location).stem
    with places.opened(location) as file:
        table = _parquet(location, file)
        schema = table.schema_arrow
        column = _picture_column(schema)
        assert column is not None
        classes = _classes(schema)
        kinds = list(columns) or [name for name in schema.names if name in classes or name in USUAL_KINDS]
        row = 0
        try:
            for batch in table.iter_batches(64, columns=[column, *kinds]):
                for values in batch.to_pylist():
                    yield _entry(values, column, f"{stem}-{row:08d}", location, classes)
                    row += 1
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{location} is damaged ({error}): download it again.") from None


def _entry(values: dict[str, Any], column: str, name: str, location: str, classes: dict[str, list[str]]) -> Entry:
    picture = values.pop(column)
    data = picture.get("bytes") if isinstance(picture, dict) else picture
    if isinstance(picture, dict) and picture.get("path"):
        name = f"{name}-{PurePosixPath(str(picture['path'])).name}"
    found = {}
    for kind, value in values.items():
        names = classes.get(kind)
        if names is not None and isinstance(value, int) and 0 <= value < len(names):
            found[kind] = names[value]
        elif names is None and isinstance(value, str | int):
            found[kind] = str(value)
    if data is None:
        return Entry(name, location, 0, labels=found, refusal=(Reason.EMPTY, "no picture in this row"))
    return Entry(name, location, len(data), data=data, labels=found)


def _parquet(location: str, file: Any) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{location} cannot be read as Parquet ({error}): download it again.") from None


def _picture_column(schema: pa.Schema) -> str | None:
    for field in schema:
        kind = field.type
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            return str(field.name)
        if field.name in PICTURE_COLUMNS and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            return str(field.name)
    return None


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the names of the classes of columns that Hugging Face's metadata describes."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: list(feature["names"]) for name, feature in features.items()
                if feature.get("_type") == "ClassLabel" and "names" in feature}  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
