"""Labels from tables: which picture carries which, for several kinds at once."""

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from lienzo.collection.listing import places, rows
from lienzo.display.wording import SHOWN, counted, examples
from lienzo.errors import InputError, unknown
from lienzo.storage import schemas

PATH_COLUMNS = (
    *(
        "file",
        "path",
        "file_name",
        "filename",
        "image",
        "source",
        "new_filename",
        "image_path",
        "img_path",
        "file_path",
    ),
    *("filepath", "image_name", "img", "image_id", "img_id", "picture", "photo", "name", "id", "key"),
)
"""Names of the column that says which picture a row is about, the surest first."""

USUAL_KINDS = ("label", "class", "style", "artist", "genre", "category")
"""Columns, and keys of a sample's JSON, that are labels in any case."""

ENDING = re.compile(
    r"\.(jpe?g|jpe|jfif|png|apng|webp|gif|tiff?|bmp|dib|avif|jp2|j2k|heic|heif|jxl|tga|pcx|qoi|ppm|pgm|pnm|ico)$", re.I
)
"""How the names of picture files end."""


@dataclass
class LabelTable:
    """A table of labels, and how much of it was used."""

    location: str
    """Path or URL of the table."""
    labels: list[dict[str, str]]
    """For each row, label kind -> name. Empty cells are missing labels."""
    names: list[str]
    """For each row, the name of its picture as the table writes it."""
    remarks: list[str] = field(default_factory=list)
    """What was taken for what, where the table does not say so."""
    complete: bool = False
    """Whether a row without labels says that its picture has none, as one that lienzo exported does."""
    matched: set[int] = field(default_factory=set)
    """Rows that belong to a picture that was looked up."""
    pictures: int = 0
    """Pictures that were looked up."""
    found: int = 0
    """Those of them that have a row."""
    labelled: int = 0
    """Those of them whose row has labels."""
    unfound: list[str] = field(default_factory=list)
    """The first pictures that have no row, one more than a message shows."""

    def __post_init__(self) -> None:
        self._paths: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        for row, name in enumerate(self.names):
            parts = canonical(name)
            self._paths.setdefault("/".join(parts), []).append(row)
            if len(parts) > 1:
                self._ends.setdefault(parts[-1], []).append(row)
                self._ends.setdefault("/".join(parts[-2:]), []).append(row)

    def find(self, name: str, location: str = "") -> int | None:
        """Return the row about a picture, or none.

        A row's name may be the end of the picture's path, down to the bare file name, or a longer path that ends with
        the picture's. Neither case, nor the composition of accents, nor an ending such as .jpg makes a difference.

        Args:
            name: path of the picture within its source.
            location: its whole path, for names that begin above the source.
        """
        own = canonical(name)
        full = canonical(location) if location else own
        for i in range(len(full)):
            found = self._paths.get("/".join(full[i:]))
            if found:
                return self._best(found, name)
        longer = [
            row for row in self._ends.get("/".join(own[-2:]), ()) if canonical(self.names[row])[-len(own) :] == own
        ]
        return self._best(longer, name) if len({"/".join(canonical(self.names[row])) for row in longer}) == 1 else None

    def _best(self, found: Sequence[int], name: str) -> int:
        """Return the row whose name is written as the picture's, or the first."""
        last = PurePosixPath(name).name
        same = [row for row in found if _plain(self.names[row]).rpartition("/")[2] == last]
        return same[0] if same else found[0]

    def look_up(self, name: str, location: str = "", *, count: bool = False) -> dict[str, str] | None:
        """Return a picture's labels, or none where the table says nothing of them; ``count`` notes that this was so."""
        row = self.find(name, location)
        labels = {} if row is None else self.labels[row]
        if count:
            self.pictures += 1
            self.labelled += bool(labels)
            if row is not None:
                self.found += 1
                self.matched.add(row)
            elif len(self.unfound) <= SHOWN:
                self.unfound.append(name)
        return labels if labels or (self.complete and row is not None) else None

    def summary(self) -> str:
        """Say in one sentence how much of the pictures and of the table belong together."""
        left = len(self.names) - len(self.matched)
        said = f"{self.location} labels {self.labelled:,} of {counted(self.pictures, 'picture')}"
        if left:
            said += f"; about none of them: {left:,} of its {counted(len(self.names), 'row')}"
            said += f" ({examples(self.unmatched())})"
        if shared := self.found - len(self.matched):
            said += f"; {shared:,} of them share a row with another picture of the same name"
        if self.labelled < self.found:
            said += f"; with a row that has no labels: {self.found - self.labelled:,}"
        if self.found < self.pictures:
            said += f"; without a row: {examples(self.unfound)}"
        return f"{said}."

    def unmatched(self) -> Iterator[str]:
        """Yield the rows' names that belong to no picture that was looked up."""
        return (name for row, name in enumerate(self.names) if row not in self.matched)


def canonical(name: str) -> list[str]:
    r"""Return the parts of a path so that two ways to write one name are equal; the last is without a picture's ending.

    >>> canonical("C:\\Art\\Café.JPG") == canonical("c:/art/cafe\u0301.jpg")
    True
    """
    plain = unicodedata.normalize("NFC", ENDING.sub("", _plain(name))).casefold()
    return [part for part in plain.split("/") if part not in ("", ".")] or [""]


def _plain(name: str) -> str:
    return name.strip().removeprefix("file://").replace("\\", "/")


def read(location: str, columns: Sequence[str] = (), pictures: Collection[str] = ()) -> LabelTable:
    """Read a table of labels: CSV and its relatives, JSON, Parquet.

    Args:
        location: path or URL of the table.
        columns: which columns are labels; by default those called label, class, style, artist, genre or category, and
            those in which at least a quarter of the values repeat.
        pictures: names of some pictures, to find the column of names, and whether the first row is a header.

    Raises:
        InputError: no table, or a column that it does not have.
    """
    if not places.exists(location) or places.is_folder(location):
        near = difflib.get_close_matches(location, ("folders", "none"), n=1, cutoff=0.7)
        hint = f"did you mean '{near[0]}'? Give" if near else "give"
        raise InputError(
            f"there is no table at {location}: {hint} a CSV, JSON or Parquet file of labels, 'folders' or 'none'."
        )
    return parse(location, places.read(location), columns, pictures)


def parse(location: str, data: bytes, columns: Sequence[str] = (), pictures: Collection[str] = ()) -> LabelTable:
    """Do what :func:`read` does, with the table's bytes."""
    table = rows.parse(location, data)
    known = {canonical(name)[-1] for name in pictures}
    remarks = []
    header, cells = table.header, table.cells
    if header is None:
        if _is_header(cells[0], known):
            header, cells = cells[0], cells[1:]
        else:
            header = [""] * max(map(len, cells))
    if not header:
        raise InputError(f"{location} is empty: give a table with a row for each picture.")
    key = _key(header, cells, known)
    if not any(header):
        others = [i for i in range(len(header)) if i != key]
        for i in others:
            header[i] = rows.LABEL if len(others) == 1 else f"column-{i + 1}"
        header[key] = rows.NAME
        taken = ", ".join(f"column {i + 1} as '{header[i]}'" for i in others)
        remarks.append(f"{location} has no header: column {key + 1} is taken for the file, {taken or 'and no other'}.")
    odd = [row for row in cells if any(row[len(header) :])]
    if odd:
        remarks.append(
            f"{location} has {counted(len(odd), 'row')} with more cells than there are columns, such as that of "
            f"{odd[0][key]}: write cells that hold a separator in quotes."
        )
    if columns or table.kinds is None:
        chosen = _kinds(header, cells, key, columns)
    else:
        chosen = [header.index(name) for name in table.kinds]
    names, labels, seen = [], [], set()
    for row in cells:
        name = row[key].strip() if key < len(row) else ""
        if name and name not in seen:
            seen.add(name)
            values = {header[i]: row[i].strip() for i in chosen if i < len(row)}
            labels.append({kind: value for kind, value in values.items() if value and value.casefold() != "nan"})
            names.append(name)
    if not chosen and table.kinds is None:
        named = ", ".join(name for i, name in enumerate(header) if name and i != key) or "none"
        remarks.append(f"{location} has no column in which values repeat, as labels do; its other columns: {named}.")
    return LabelTable(location, labels, names, remarks, complete=table.kinds is not None)


def is_stylegan(data: bytes) -> bool:
    """Say whether a file is StyleGAN's ``dataset.json``, with labels."""
    try:
        return rows.stylegan(schemas.parse(data)) is not None
    except ValueError:
        return False


def _is_header(first: Sequence[str], known: Collection[str]) -> bool:
    """Say whether a first row names columns: it names no picture, and is not all numbers."""
    if any(ENDING.search(cell) or (cell and canonical(cell)[-1] in known) for cell in first):
        return False
    return not all(re.fullmatch(r"[-+.\d]*", cell) for cell in first)


def _key(header: Sequence[str], cells: Sequence[Sequence[str]], known: Collection[str]) -> int:
    """Return the column that says which picture a row is about."""
    usual = {name: position for position, name in enumerate(PATH_COLUMNS)}

    def worth(column: int) -> tuple[int, int, int, int, int]:
        values = {row[column] for row in cells[:1000] if column < len(row) and row[column]}
        matching = sum(canonical(value)[-1] in known for value in values) if known else 0
        pictures = sum(bool(ENDING.search(value)) for value in values)
        name = re.sub(r"[\s-]+", "_", header[column].strip().lower())
        known_name = len(PATH_COLUMNS) - usual.get(name, len(PATH_COLUMNS))
        return matching, pictures, known_name, len(values) // 2 * bool(name), -column

    return max(range(len(header)), key=worth)


def _kinds(header: Sequence[str], cells: Sequence[Sequence[str]], key: int, columns: Sequence[str]) -> list[int]:
    """Return the columns that are labels."""
    others = {name: i for i, name in reversed(list(enumerate(header))) if name and i != key}
    for name in columns:
        if name not in others:
            raise InputError(unknown("column", name, others))
    if columns:
        return [others[name] for name in columns]

    def repeats(column: int) -> bool:
        given = [row[column] for row in cells if column < len(row) and row[column].strip()]
        return bool(given) and 4 * len(set(given)) <= 3 * len(given)

    return [i for name, i in sorted(others.items(), key=lambda item: item[1])
            if name.lower() in USUAL_KINDS or repeats(i)]  # fmt: skip
