"""Choices about single pictures: which to leave out, and which to keep after all."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lienzo.collection.listing import places, rows
from lienzo.collection.listing.entries import Entry
from lienzo.collection.reasons import Reason
from lienzo.display.wording import counted, examples
from lienzo.errors import InputError
from lienzo.storage import files

SOURCE = "source"
"""The column of names: those in a collection's index and in its table of what was refused."""

KEEP, DROP = "keep", "drop"
"""What a row may say, in a column of any name; or the columns, in which any of :data:`YES` says so."""

YES = frozenset({"1", "true", "yes", "y", "x"})


@dataclass
class Choices:
    """What a table says about single pictures, and which of these were met."""

    location: str
    """Path or URL of the table."""
    choices: dict[str, str]
    """Name of a picture -> ``keep`` or ``drop``."""
    met: set[str] = field(default_factory=set)
    """Names that a listing has."""

    @property
    def fingerprint(self) -> str:
        """Changes with what the table says, whatever the order of its rows."""
        return files.fingerprint(self.choices)

    @property
    def kept(self) -> set[str]:
        """Names of the pictures that are to be kept."""
        return {name for name, choice in self.choices.items() if choice == KEEP}

    def applied(self, entry: Entry) -> Entry:
        """Return an entry as the table wants it: refused, kept after all, or as it is."""
        choice = self.choices.get(entry.name)
        if choice is None:
            return entry
        self.met.add(entry.name)
        if choice == KEEP:
            return replace(entry, wanted=True)
        return replace(entry, refusal=(Reason.LEFT_OUT, "the table of choices says so"))

    def check(self) -> str:
        """Say how many of the rows are about listed files.

        Raises:
            InputError: none is.
        """
        left = [name for name in self.choices if name not in self.met]
        if not self.met:
            raise InputError(
                f"no row of {self.location} is about a picture of the sources ({examples(left)}): "
                f"its column {SOURCE} has to hold names as the collection's index does."
            )
        unmet = f"; {counted(len(left), 'row')} about none ({examples(left)})" if left else ""
        return f"{self.location} chooses about {counted(len(self.met), 'picture')}{unmet}."


def read(location: str) -> Choices:
    """Read a table of choices: a column ``source``, and one whose values are keep or drop.

    Raises:
        InputError: there is no such table.
    """
    if not places.exists(location) or places.is_folder(location):
        raise InputError(f"there is no table of choices at {location}: give a CSV file with a column source.")
    table = rows.parse(location, places.read(location))
    header, *cells = [table.header, *table.cells] if table.header is not None else table.cells
    names = [name.lower() for name in header]
    if SOURCE not in names:
        raise InputError(f"{location} has no column {SOURCE}: name it, and a column whose values are keep or drop.")
    key = names.index(SOURCE)
    choices: dict[str, str] = {}
    for row in cells:
        if any(row[len(names) :]):
            raise InputError(
                f"{location} has a row with more cells than there are columns, that of {row[key]}: "
                "write cells that hold a separator in quotes."
            )
        choice = _choice((names[i], row[i].strip().lower()) for i in range(min(len(row), len(names))) if i != key)
        if not choice or key >= len(row) or not row[key]:
            continue
        if choices.setdefault(row[key], choice) != choice:
            raise InputError(f"{location} says both keep and drop of {row[key]}: leave one row.")
    if not choices:
        raise InputError(f"{location} chooses nothing: a column has to say keep or drop.")
    return Choices(location, choices)


def _choice(cells: Iterable[tuple[str, str]]) -> str:
    for name, value in cells:
        if value in (KEEP, DROP):
            return value
        if name in (KEEP, DROP) and value in YES:
            return name
    return ""
