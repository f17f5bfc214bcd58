"""Labels from tables: which picture carries which, for several kinds at once."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from lienzo.errors import InputError, unknown

PATH_COLUMNS = ("file", "path", "file_name", "filename", "image", "source", "new_filename")
"""Names of the column that says which picture a row is about; failing these, it is the first column."""


def read(path: Path, columns: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Read a CSV or Parquet table of labels.

    Args:
        path: the table. One column holds each picture's path within its source, or its bare file name.
        columns: which others to take; by default all in which values repeat, at two pictures for a value on average.

    Returns:
        path or name -> label kind -> name. Of several rows about one picture the first counts; empty cells are missing
        labels.

    Raises:
        InputError: no table, or a column that it does not have.
    """
    if not path.is_file():
        raise InputError(f"there is no table of labels at {path}: give a CSV or Parquet file, 'folders' or 'none'.")
    header, rows = _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path)
    if len(header) < 2:
        raise InputError(f"{path} has no column of labels: it needs one of paths and at least one of labels.")
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
    parts = PurePosixPath(name).parts
    for i in range(len(parts)):
        if (found := table.get("/".join(parts[i:]))) is not None:
            return found
    return {}


def _repeats(values: Sequence[str]) -> bool:
    given = [value.strip() for value in values if value.strip()]
    return bool(given) and 2 * len(set(given)) <= len(given)


def _csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): mend its permissions.") from None
    try:
        rows = list(csv.reader(text.splitlines(), delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    except csv.Error as error:
        raise InputError(f"{path} is no table ({error}): save it as CSV.") from None
    if not rows:
        raise InputError(f"{path} is empty: its first line names the columns.")
    header = [name.strip() for name in rows[0]]
    return header, [dict(zip(header, row, strict=False)) for row in rows[1:]]


def _parquet(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    import pyarrow as pa  # noqa: PLC0415  CSV needs no Arrow
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} is no Parquet table ({error}): give a whole one.") from None
    rows = [{name: "" if value is None else str(value) for name, value in row.items()} for row in table.to_pylist()]
    return table.column_names, rows
