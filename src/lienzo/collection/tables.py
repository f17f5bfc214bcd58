"""The Parquet tables of a collection: their columns, written row by row, checked where they are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from lienzo.errors import CollectionError

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
"""Columns of every ``sources.parquet``: what was listed, so that a later preparation finds what is new."""

LISTED = SOURCES.append(pa.field("sha256", pa.string()))
"""Columns that it is written with. The SHA-256 is that of refused files; that of pictures stands in the index."""

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
"""Columns of every shard's index; one for each kind of labels follows."""

LABEL = "label_"
"""How the names of the index's columns of labels begin."""


def label_column(kind: str) -> str:
    """Return the name of the index's column that holds labels of a kind."""
    return f"{LABEL}{kind}"


@contextmanager
def opened(path: Path, schema: pa.Schema, rows: int | None = None) -> Iterator[pq.ParquetFile]:
    """Open a table whose columns are those of the schema, and labels.

    Args:
        path: of the Parquet file.
        schema: columns that have to be there.
        rows: how many it has to have.

    Raises:
        CollectionError: there is none, it is damaged, or it is another table.
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
        raise CollectionError(f"{path} is damaged ({text}): prepare the collection again.") from None


class Writer:
    """A Parquet file written row by row: memory does not grow with it."""

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
        """Append the rows of a finished file of the same columns."""
        with opened(path, pa.schema([field for field in self._schema if field.name != "sha256"])) as earlier:
            for batch in earlier.iter_batches(ROW_GROUP):
                for row in batch.to_pylist():
                    self.add(*(row.get(name) for name in self._schema.names))

    def _write(self) -> None:
        columns = [list(column) for column in zip(*self._rows, strict=True)] or [[] for _ in self._schema]
        self._writer.write_table(pa.table(columns, schema=self._schema))
        self._rows.clear()

    def close(self) -> None:
        """Write what is left, and the end of the file; the file itself stays open."""
        self._write()
        self._writer.close()


class _Sink:
    """A file to which nothing more is written once a write has failed, so that its writer can be let go in silence."""

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
