"""Tables as people have them become rows of text: CSV and its relatives, text in columns, JSON, Parquet."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lienzo.errors import InputError
from lienzo.storage import memory, schemas

DELIMITERS = ",;\t|"
"""What stands between the cells of a line, the most usual first."""

SAMPLE = 50
"""Number of lines that show what stands between cells."""

NAME, LABEL = "file", "label"
"""Columns that are made where a file has no names for them, such as StyleGAN's ``dataset.json``."""


@dataclass(frozen=True)
class Rows:
    """A table of text."""

    header: list[str] | None
    """Names of the columns; none where the first row may be a header or not."""
    cells: list[list[str]]
    """Row by row; a row may be shorter than the header."""
    kinds: list[str] | None = None
    """Names of the columns that are labels, where the table says so, as one that lienzo exported does."""


def parse(location: str, data: bytes) -> Rows:
    """Return a table's rows.

    Args:
        location: path or URL of the table, for its ending and for messages.
        data: its bytes.

    Raises:
        InputError: it is no table, or one of a kind that is not read.
    """
    suffix = PurePosixPath(location).suffix.lower()
    if suffix in (".xlsx", ".xls", ".ods") or data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(f"{location} is a spreadsheet: save it as CSV, and give that.")
    if suffix in (".parquet", ".pq") or data.startswith(b"PAR1"):
        return _parquet(location, data)
    text = decode(data)
    if suffix in (".json", ".jsonl", ".ndjson") or text.lstrip()[:1] in ("{", "["):
        return _json(location, text, lines=suffix in (".jsonl", ".ndjson"))
    found = _text(location, text)
    if not found.cells:
        raise InputError(f"{location} is empty: give a table with a row for each picture.")
    return found


def decode(data: bytes) -> str:
    """Return text in UTF-8, UTF-16 or, failing these, Windows' Latin alphabet."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data[1:40:2].count(0) > len(data[1:40:2]) // 2:
        return data.decode("utf-16-le", "replace")
    if data[0:40:2].count(0) > len(data[0:40:2]) // 2:
        return data.decode("utf-16-be", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def written(value: Any) -> str:
    """Return a cell's value as text; empty for what is missing, and for lists and objects.

    >>> written(3.0), written("cat"), written(None), written([1, 2])
    ('3', 'cat', '', '')
    """
    if value is None or isinstance(value, dict | list | tuple | bytes):
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    return str(value).encode("utf-8", "backslashreplace").decode()  # JSON can have halves of characters


def stylegan(values: Any) -> list[list[str]] | None:
    """Return names and labels of StyleGAN's ``dataset.json``, a number or one-hot numbers each; none if it is another.

    >>> stylegan({"labels": [["00000/img.png", 3], ["00001/img.png", [0.0, 1.0]]]})
    [['00000/img.png', '3'], ['00001/img.png', '1']]
    """
    pairs = values.get("labels") if isinstance(values, dict) else None
    if not isinstance(pairs, list) or not pairs:
        return None
    rows = []
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            return None
        label = pair[1]
        if isinstance(label, list):
            label = label.index(1) if label.count(1) == 1 and label.count(0) == len(label) - 1 else None
        rows.append([pair[0], written(label)])
    return rows


def _json(location: str, text: str, *, lines: bool) -> Rows:
    try:
        values = schemas.parse(text.encode())
    except ValueError as error:
        try:
            values = [schemas.parse(line.encode()) for line in text.splitlines() if line.strip()]
        except ValueError:
            mend = "each of its lines has to be a JSON object" if lines else "give whole JSON"
            raise InputError(f"{location} is no table ({error}): {mend}.") from None
    if lines and isinstance(values, dict):
        values = [values]
    if (pairs := stylegan(values)) is not None:
        return Rows([NAME, LABEL], pairs)
    if isinstance(values, dict):
        values = _named(values)
    if isinstance(values, list) and all(isinstance(value, list) and len(value) == 2 for value in values):
        values = [{NAME: name, LABEL: label} for name, label in values]
    objects = [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    if not objects:
        raise InputError(f"{location} is empty: each of its lines has to be a JSON object.")
    return _objects(objects)


def _named(values: Mapping[str, Any]) -> list[Any]:
    """Return an object of names as a list of objects: name -> label, name -> labels, or label -> names."""
    if len(values) == 1:
        (only,) = values.values()
        if isinstance(only, list) and all(isinstance(one, dict) for one in only):
            return only
        if isinstance(only, dict):
            return _named(only)
    rows: list[Any] = []
    for name, value in values.items():
        if isinstance(value, list):
            rows += [{NAME: one, LABEL: name} for one in value if isinstance(one, str)]
        elif isinstance(value, dict):
            rows.append({NAME: name, **value})
        else:
            rows.append({NAME: name, LABEL: value})
    return rows


def _objects(objects: Iterable[Mapping[str, Any]]) -> Rows:
    objects = list(objects)
    names = list(dict.fromkeys(name for row in objects for name in row))
    cells = [[written(row.get(name)) for name in names] for row in objects]
    kinds = exported_labels(objects[0]) if objects else None
    return Rows([written(name) for name in names], cells, None if kinds is None else list(kinds))


def exported_labels(values: Mapping[str, Any]) -> dict[str, str] | None:
    """Return label kind -> label of a picture that lienzo exported, by its metadata; none of that of another program.

    >>> exported_labels({"style": "cubism", "lienzo": {"labels": ["style"], "source": "a.jpg"}})
    {'style': 'cubism'}
    """
    provenance = values.get("lienzo")
    kinds = provenance.get("labels") if isinstance(provenance, dict) else None
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        return None
    return {kind: written(values.get(kind)) for kind in kinds if kind in values}


def _parquet(location: str, data: bytes) -> Rows:
    try:
        with memory.limited(len(data)):
            return _objects(pq.read_table(io.BytesIO(data), use_threads=False).to_pylist())
    except MemoryError:
        raise InputError(
            f"{location} unpacks to far more than its {len(data):,} bytes: give the table as CSV."
        ) from None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise InputError(f"{location} is no Parquet table ({error}): give a whole one.") from None


def _text(location: str, text: str) -> Rows:
    """Return lines of cells, whatever stands between these; the text of CelebA begins with the number of rows."""
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    given = ""
    if lines and lines[0].lower().startswith("sep="):  # Excel's remark on the delimiter
        given, lines = lines[0].strip()[4:5], lines[1:]
    filled = [line for line in lines if line.strip()]
    if filled and filled[0].strip().isdigit() and int(filled[0]) == len(filled) - (1 if _same(filled[1:]) else 2):
        lines = lines[lines.index(filled[0]) + 1 :]
    delimiter = given or _delimiter(lines)
    if delimiter == " ":
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    else:
        try:
            rows = list(csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter))
        except csv.Error as error:
            raise InputError(f"{location} is no table ({error}): save it as CSV.") from None
        rows = [row for row in rows if any(cell.strip() for cell in row)]
    cells = [[cell.strip() for cell in row] for row in rows]
    if len(cells) > 1 and _has_no_name_of_names(cells):
        return Rows([NAME, *cells[0]], cells[1:])
    return Rows(None, cells)


def _has_no_name_of_names(cells: list[list[str]]) -> bool:
    """Say whether the header has no name for the column of names: nearly all rows have one cell more, and some fill it.

    A separator at the end of every line makes an empty cell, and a cell that holds one unquoted two.
    """
    width = len(cells[0])
    sample = cells[1 : SAMPLE + 1]
    longer = [row for row in sample if len(row) == width + 1]
    return len(longer) >= 0.9 * len(sample) and any(row[width] for row in longer)


def _same(lines: list[str]) -> bool:
    """Say whether the first lines have as many words each."""
    return len({len(line.split()) for line in lines[:3]}) == 1


def _delimiter(lines: list[str]) -> str:
    """Return what stands between cells: what cuts the lines into the most cells, the same number in nearly all."""
    best, most = ",", 1
    sample = "".join(lines[: 4 * SAMPLE])
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row][:SAMPLE]
        except csv.Error:
            continue
        if (width := _width([len(row) for row in rows])) > most:
            best, most = delimiter, width
    if most > 1:
        return best
    words = [len(line.split()) for line in lines[:SAMPLE] if line.strip() and not line.startswith("#")]
    return " " if _width(words) > 1 else ","


def _width(widths: list[int]) -> int:
    """Return how many cells nearly all lines have, if the first has as many, or one fewer; else 1."""
    if not widths:
        return 1
    width, number = Counter(widths).most_common(1)[0]
    usual = number >= 0.9 * len(widths) or number >= len(widths) - 1
    return width if usual and widths[0] in (width, width - 1) else 1
