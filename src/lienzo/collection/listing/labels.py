"""Labels from tables: which picture carries which, for several kinds at once."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from lienzo.collection.listing import places
from lienzo.errors import InputError, unknown

PATH_COLUMNS = ("file", "path", "file_name", "filename", "image", "source", "new_filename")
"""Names of the column that says which picture a row is about; failing these, it is the first column."""


def read(location: str, columns: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Read a table of labels: CSV, Parquet, or JSON with an object in each line.

    Args:
        location: path or URL of the table. One column holds each picture's path within its source, or
            its bare file name.
        columns: which others to take; by default all in which at least a quarter of the values repeat.

    Returns:
        path or name -> label kind -> name. Of several rows about one picture the first counts; empty cells are missing
        labels.

    Raises:
        InputError: no table, or a column that it does not have.
    """
    if not places.exists(location) or places.is_folder(location):
        raise InputError(f"there is no table at {location}: give a CSV, JSONL or Parquet file, 'folders' or 'none'.")
    data = places.read(location)
    suffix = PurePosixPath(location).suffix.lower()
    if suffix in (".parquet", ".pq"):
        header, rows = _parquet(location, data)
    else:
        header, rows = _jsonl(location, data) if suffix == ".jsonl" else _csv(location, data, suffix)
    key = next((name for name in PATH_COLUMNS if name in header), header[0])
    others = [name for name in header if name and name != key]
    for name in columns:
        if name not in others:
            raise InputError(unknown("column", name, others))
    if not columns:
        columns = [name for name in others if _repeats([row.get(name, "") for row in rows])]
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        name = row.get(key, "").strip().replace("\\", "/").removeprefix("./")
        if name:
            found.setdefault(name, {kind: value for kind in columns if (value := row.get(kind, "").strip())})
    return found


def of(name: str, table: Mapping[str, dict[str, str]]) -> dict[str, str]:
    """Return the labels of the picture ``name``: by its path, by the end of its path, or by its bare file name."""
    parts = name.split("/") if table else []
    for i in range(len(parts)):
        if (found := table.get("/".join(parts[i:]))) is not None:
            return found
    return {}


def _repeats(values: Sequence[str]) -> bool:
    given = [value.strip() for value in values if value.strip()]
    return bool(given) and 4 * len(set(given)) <= 3 * len(given)


def _csv(location: str, data: bytes, suffix: str) -> tuple[list[str], list[dict[str, str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t" if suffix == ".tsv" else ","))
    except csv.Error as error:
        raise InputError(f"{location} is no table ({error}): save it as CSV.") from None
    if not rows:
        raise InputError(f"{location} is empty: its first line names the columns.")
    header = [name.strip() for name in rows[0]]
    return header, [dict(zip(header, row, strict=False)) for row in rows[1:]]


def _parquet(location: str, data: bytes) -> tuple[list[str], list[dict[str, str]]]:
    try:
        table = pq.read_table(io.BytesIO(data))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{location} is no Parquet table ({error}): give a whole one.") from None
    rows = [{name: "" if value is None else str(value) for name, value in row.items()} for row in table.to_pylist()]
    return list(table.column_names), rows


def _jsonl(location: str, data: bytes) -> tuple[list[str], list[dict[str, str]]]:
    try:
        lines = [json.loads(line) for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except ValueError as error:
        raise InputError(f"{location} is no table ({error}): each of its lines has to be a JSON object.") from None
    rows = [
        {
            name: "" if value is None else str(value)
            for name, value in line.items()
            if not isinstance(value, dict | list)
        }
        for line in lines
        if isinstance(line, dict)
    ]
    if not rows:
        raise InputError(f"{location} is empty: each of its lines has to be a JSON object.")
    return list(dict.fromkeys(name for row in rows for name in row)), rows
