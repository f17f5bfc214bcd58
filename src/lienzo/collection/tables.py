"""The Parquet tables of a collection: their columns, a writer that takes rows, and checks when they are opened."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from lienzo.errors import CollectionError
from lienzo.storage import memory

ROW_GROUP = 1024
"""Rows that are held in memory at a time."""

REJECTED = pa.schema([("source", pa.string()), ("reason", pa.string()), ("detail", pa.string()), ("bytes", pa.int64())])
"""Columns of ``rejected.parquet``."""

SOURCES = pa.schema(
    [
        ("source", pa.string()),
        ("bytes", pa.int64()),
        ("stamp", pa.string()),
        ("labels", pa.string()),
    ]
)
"""Columns that every ``sources.parquet`` has: the listed files, by which a later preparation finds new ones."""

LISTED = SOURCES.append(pa.field("sha256", pa.string()))
"""Columns that ``sources.parquet`` is written with. Only refused files have a SHA-256 here; that of pictures is in the
index."""

INDEX = pa.schema(
    [
        ("source", pa.string()),
        ("sha256", pa.string()),
        ("bytes", pa.int64()),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("notes", pa.list_(pa.string())),
        ("part", pa.string()),
        ("digest", pa.string()),
        ("perceptual_hash", pa.uint64()),
    ]
)
"""Columns of every shard's index, after which follows one for each kind of labels."""

LABEL = "label_"
"""Beginning of the names of the index's columns of labels."""


def label_column(kind: str) -> str:
    """Return the name of the index's column that holds labels of a kind."""
    return f"{LABEL}{kind}"


@contextmanager
def opened(path: Path, schema: pa.Schema, rows: int | None = None) -> Iterator[pq.ParquetFile]:
    """Open a table of a collection and check its columns.

    Args:
        path: path of the Parquet file.
        schema: columns that it has to have; columns of labels and others may follow.
        rows: number of rows that it has to have; None for any.

    Raises:
        CollectionError: the file is missing or damaged, or has other columns or another number of rows.
    """
    try:
        with pq.ParquetFile(path) as table:
            found = table.schema_arrow
            for field in schema:
                if found.names.count(field.name) != 1 or not found.field(field.name).type.equals(field.type):
                    raise ValueError(f"its column {field.name} is missing, or of another type")
            for name in found.names:
                if name.startswith(LABEL) and not found.field(found.names.index(name)).type.equals(pa.string()):
                    raise ValueError(f"its column {name} is of another type")
            if rows is not None and table.metadata.num_rows != rows:
                raise ValueError(f"it has {table.metadata.num_rows} rows instead of {rows}")
            yield table
    except CollectionError:
        raise
    except (OSError, pa.ArrowException, ValueError) as error:
        text = " ".join(str(error).split())[:200]
        raise CollectionError(f"{path} is damaged ({text}): delete the collection, and prepare it again.") from None


def batches(table: pq.ParquetFile, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield :data:`ROW_GROUP` rows of an opened table at a time; memory does not grow with the table.

    A single thread reads, since each of Arrow's threads keeps some MB of its own.

    Args:
        table: from :func:`opened`.
        columns: names of those to read; none for all.

    Raises:
        ValueError: the rows unpack to far more than the file has bytes.
    """
    found = table.iter_batches(ROW_GROUP, columns=columns, use_threads=False)
    while True:
        try:
            with memory.limited(0):
                batch = next(found, None)
        except MemoryError:
            raise ValueError("it unpacks to far more than it has bytes") from None
        if batch is None:
            return
        yield batch


class Writer:
    """A Parquet file that is written row by row, so that memory does not grow with it."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(_Sink(file), schema)
        self._schema = schema
        self._rows: list[tuple[Any, ...]] = []

    def add(self, *row: Any) -> None:
        """Append a row: a value for each column."""
        self._rows.append(row)
        if len(self._rows) == ROW_GROUP:
            self._write()

    def extend(self, path: Path) -> None:
        """Append the rows of a finished file with the same columns; one without SHA-256 counts as having null there."""
        with opened(path, pa.schema([field for field in self._schema if field.name != "sha256"])) as earlier:
            for batch in batches(earlier):
                for row in batch.to_pylist():
                    self.add(*(row.get(name) for name in self._schema.names))

    def _write(self) -> None:
        columns = [list(column) for column in zip(*self._rows, strict=True)] or [[] for _ in self._schema]
        self._writer.write_table(pa.table(columns, schema=self._schema))
        self._rows.clear()

    def close(self) -> None:
        """Write the remaining rows and the end of the Parquet file; the file object stays open."""
        self._write()
        self._writer.close()


class _Sink:
    """A file to which nothing more is written once a write has failed.

    PyArrow's writer writes the end of its file when it is deleted, which after a failure would raise a second error.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._failed = file, False

    def write(self, data: bytes) -> int:
        if self._failed or self._file.closed:
            return len(data)
        try:
            return self._file.write(data)
        except OSError:
            self._failed = True
            raise

    def flush(self) -> None:
        pass

    @property
    def closed(self) -> bool:
        return False

    def close(self) -> None:
        pass
