"""Results of long experiments, kept in ``kept/``: numbers and drawings, with what they were computed by.

A result is ``NAME.json`` and its drawings, ``NAME-1.svg`` and so on.
"""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from lienzo.errors import InputError, unknown
from lienzo.storage import files, schemas
from lienzo.theory.finding import Drawing

FOLDER = Path(__file__).parent / "kept"
"""Where the results that come with lienzo are."""

Number = float | Literal["inf", "-inf", "nan"]
"""A number; JSON has no infinity."""

Ending = Literal["svg", "gif", "png"]


class KeptClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A claim: :class:`lienzo.theory.finding.Claim` as a file has it."""

    statement: str
    relation: Literal["=", "≤", "≥"]
    predicted: Number
    measured: Number
    error: Number
    tolerance: Number
    holds: bool


class KeptTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table: :class:`lienzo.theory.finding.Table` as a file has it."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headers) for row in self.rows):
            raise ValueError(f"the rows of the table '{self.title}' have other lengths than its headers")


class KeptDrawing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drawing, whose content is in a file beside."""

    caption: str
    ending: Ending


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A result of a long experiment, and what it was computed by."""

    title: str
    command: str
    """The command that computes it again."""
    processor: str
    """Processor or GPU, and how many cores or threads of it computed."""
    date: Annotated[str, msgspec.Meta(pattern=r"\A\d{4}-\d{2}-\d{2}\Z")]
    """The day, in UTC."""
    seeds: tuple[int, ...]
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    """How long it took."""
    claims: tuple[KeptClaim, ...] = ()
    tables: tuple[KeptTable, ...] = ()
    drawings: tuple[KeptDrawing, ...] = ()


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the results in a folder."""
    return sorted(path.stem for path in folder.glob("*.json"))


def read(name: str, folder: Path = FOLDER) -> Kept:
    """Read a result.

    Raises:
        InputError: there is none of this name, or its file does not say what a result has to.
    """
    if name not in names(folder):
        raise InputError(unknown("kept result", name, names(folder)))
    path = folder / f"{name}.json"
    try:
        return schemas.decode(path.read_bytes(), Kept)
    except ValueError as error:
        raise InputError(f"{path} is no result of an experiment: {error}.") from None


def drawing(name: str, number: int, folder: Path = FOLDER) -> Drawing:
    """Read a drawing of a result.

    Args:
        name: of the result.
        number: of the drawing, from 1.
        folder: where the result is.

    Raises:
        InputError: the result has fewer drawings.
    """
    drawings = read(name, folder).drawings
    if not 1 <= number <= len(drawings):
        raise InputError(f"the result '{name}' has {len(drawings)} drawings, and none with the number {number}.")
    described = drawings[number - 1]
    content = (folder / f"{name}-{number}.{described.ending}").read_bytes()
    return Drawing(content.decode() if described.ending == "svg" else content, described.caption)


def write(name: str, result: Kept, drawings: Sequence[Drawing], folder: Path) -> None:
    """Write a result and its drawings into a folder; the numbers come last, so that what they name is there."""
    for number, drawn in enumerate(drawings, 1):
        path = folder / f"{name}-{number}.{ending(drawn)}"
        files.write_bytes(path, drawn.content.encode() if isinstance(drawn.content, str) else drawn.content)
    files.write_json(folder / f"{name}.json", msgspec.to_builtins(result))


def ending(drawn: Drawing) -> Ending:
    """Return the ending of the file that a drawing is written to."""
    if isinstance(drawn.content, str):
        return "svg"
    return "gif" if drawn.content.startswith(b"GIF8") else "png"


def today() -> str:
    """Return the day in UTC, as a result has it."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
