"""What to prepare and how: every choice of a preparation, each declared once for function, command and collection."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from lienzo.errors import InputError, unknown

SMALLEST, LARGEST = 16, 1024
"""Sides that a collection's pictures may have, in pixels."""

WHITE = (255, 255, 255)
"""Pure white in sRGB."""

Part = Literal["train", "holdout", "all"]
"""Which pictures of a collection: those to train on, those set aside, or both."""

Channels = Literal[1, 3, 4]
"""Grey, sRGB, or sRGB and alpha."""

Geometry = Literal["crop", "squash", "pad"]
"""How a picture gets the collection's shape."""

Resample = Literal["lanczos", "nearest"]
"""How pixels are made when the size changes: of many around them, or of the nearest alone."""

Conflicts = Literal["first", "all", "refuse"]
"""The same picture under different labels: keep the first, keep it once under each, or refuse all of them."""

Engine = Literal["local", "ray"]
"""What screens pictures: processes on this machine, or a Ray cluster."""

NOT_STORED = ("size", "labels", "label_columns", "choices", "workers", "engine")
"""Fields that stand in no ``collection.json`` as they are: height and width stand for the size, the preparation adds
where labels came from and which columns were named, and processes change nothing."""

LATER = ("resample", "curate")
"""Fields that stand in no ``collection.json`` if they have their default, as they came after the first collections."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to prepare a collection. The fields are the options of ``lienzo prepare`` and of :func:`lienzo.prepare`."""

    size: int | str | tuple[int, int] = 64
    """Size of the pictures in pixels, 16 to 1024: one number, or height by width such as 96x64."""
    labels: str | Path = "folders"
    """Where labels come from: folders (or what the source itself knows), a table FILE.csv, or none."""
    label_columns: Sequence[str] = ()
    """Columns of tables that are labels; by default those in which values repeat."""
    choices: str | Path | None = None
    """Table of pictures to leave out or to keep after all: the columns source, and keep or drop."""
    channels: Channels = 3
    """1 is grey, 3 sRGB, 4 sRGB and alpha."""
    geometry: Geometry = "crop"
    """How pictures get their shape: crop scales the short side and cuts the centre out, squash ignores the aspect
    ratio, pad fills up with the background."""
    resample: Resample = "lanczos"
    """How pictures are brought to size: lanczos averages as it shrinks, nearest takes single pixels, for pixel art."""
    trim_borders: bool = False
    """Cut plain borders off first: letterboxes and the margins of scans."""
    background: str | tuple[int, int, int] = "white"
    """Colour behind transparent pictures and padding: white, black, grey or '#rrggbb'."""
    enlarge: bool = False
    """Accept pictures smaller than the size, and enlarge them."""
    detect_damage: bool = True
    """Refuse pictures of which part of the file was lost; without, they are kept as far as they can be decoded."""
    max_pixels: int = 178_956_970
    """Refuse pictures of which more pixels would have to be decoded. Large JPEGs are decoded at a fraction of it."""
    near_duplicates: int | None = None
    """Refuse pictures whose perceptual hash differs in at most this many of 64 bits from an earlier one's, 0 to 16."""
    conflicts: Conflicts = "first"
    """What to keep of one picture under different labels: the first, the picture once under each (all), or nothing
    (refuse)."""
    curate: bool = True
    """Refuse pictures that repeat others or show nothing; without, they are kept, as when a generator's pictures are
    scored."""
    holdout: float = 0.0
    """Share of the pictures to set aside for evaluation, 0 to 0.9, chosen by their content."""
    workers: int | None = None
    """Processes that screen pictures; by default one for each core of this machine, or of the cluster."""
    engine: Engine = "local"
    """Where they run: on this machine (local), or on the Ray cluster that RAY_ADDRESS names (ray)."""

    def __post_init__(self) -> None:
        for side in (self.height, self.width):
            if not SMALLEST <= side <= LARGEST:
                raise InputError(f"size {self.height}x{self.width}: sides are from {SMALLEST} to {LARGEST} pixels.")
        if self.channels not in get_args(Channels):
            raise InputError(f"channels are 1 (grey), 3 (colour) or 4 (with alpha), not {self.channels}.")
        if self.geometry not in get_args(Geometry):
            raise InputError(unknown("geometry", self.geometry, get_args(Geometry)))
        if self.resample not in get_args(Resample):
            raise InputError(unknown("way to resample", self.resample, get_args(Resample)))
        if self.conflicts not in get_args(Conflicts):
            raise InputError(unknown("policy for conflicting labels", self.conflicts, get_args(Conflicts)))
        if self.engine not in get_args(Engine):
            raise InputError(unknown("engine", self.engine, get_args(Engine)))
        bits = self.near_duplicates
        if bits is not None and (not isinstance(bits, int) or not 0 <= bits <= 16):
            raise InputError(f"near duplicates differ in 0 to 16 of 64 bits, not {bits}.")
        if not isinstance(self.holdout, int | float) or not 0 <= self.holdout <= 0.9:
            raise InputError(f"the share to hold out is from 0 to 0.9, not {self.holdout}.")
        if not isinstance(self.max_pixels, int | float) or not self.max_pixels >= 1:
            raise InputError(f"the limit of pixels is a positive number, not {self.max_pixels}.")
        if self.workers is not None and (not isinstance(self.workers, int) or self.workers < 1):
            raise InputError(f"at least one worker is needed, and a whole number of them, not {self.workers}.")
        if isinstance(self.label_columns, str):
            raise InputError(f"label columns are a list of names, not a text: give ['{self.label_columns}'].")
        self._refuse_idle()
        _ = self.colour

    def _refuse_idle(self) -> None:
        """Refuse settings that would change nothing."""
        if not self.curate and (self.near_duplicates is not None or self.conflicts != "first"):
            raise InputError(
                "near duplicates and conflicting labels are kept if pictures are not curated: leave near_duplicates "
                "and conflicts out, or curate."
            )
        if self.labels == "none" and self.label_columns:
            raise InputError("label columns are those of a table, and labels are none: leave one of the two out.")

    @property
    def height(self) -> int:
        """Height of the collection's pictures, in pixels."""
        return self._sides[0]

    @property
    def width(self) -> int:
        """Width of the collection's pictures, in pixels."""
        return self._sides[1]

    @cached_property
    def _sides(self) -> tuple[int, int]:
        return parse_size(self.size)

    @cached_property
    def colour(self) -> tuple[int, int, int]:
        """The background as red, green and blue, 0 to 255 each."""
        return parse_colour(self.background)

    def to_json(self) -> dict[str, Any]:
        """Return what changes the pictures, as JSON values; it stands in ``collection.json``."""
        stored = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in NOT_STORED
        }
        for name in LATER:  # as it was before they could be chosen
            if stored[name] == getattr(type(self), name):
                del stored[name]
        return {"height": self.height, "width": self.width, **stored, "background": list(self.colour)}

    @classmethod
    def from_json(cls, values: dict[str, Any], *, size: tuple[int, int], labels: str) -> "Settings":
        """Return the settings that a ``collection.json`` tells, for pictures of another size (height, width)."""
        stored = {key: value for key, value in values.items() if key not in ("height", "width", "sources", "labels")}
        return cls(**stored | {"background": tuple(values["background"])}, size=size, labels=labels)


def parse_size(size: int | str | tuple[int, int]) -> tuple[int, int]:
    """Return height and width.

    >>> parse_size(64), parse_size("96x64")
    ((64, 64), (96, 64))
    """
    if isinstance(size, tuple):
        if len(size) != 2 or not all(isinstance(side, int) for side in size):
            raise InputError(f"size {size}: give height and width as whole numbers of pixels.")
        return size
    match = re.fullmatch(r"(\d{1,6})(?:[x×](\d{1,6}))?", str(size).strip().lower())
    if match is None:
        raise InputError(f"size '{size}': give one number of pixels (64) or height by width (96x64).")
    return int(match[1]), int(match[2] or match[1])


def parse_colour(colour: str | tuple[int, int, int]) -> tuple[int, int, int]:
    """Return red, green and blue.

    >>> parse_colour("#ff8000"), parse_colour("white")
    ((255, 128, 0), (255, 255, 255))
    """
    if not isinstance(colour, str):
        three = isinstance(colour, tuple | list) and len(colour) == 3
        if not three or not all(isinstance(value, int) and 0 <= value <= 255 for value in colour):
            raise InputError(f"background {colour}: give red, green and blue as whole numbers from 0 to 255.")
        red, green, blue = colour
        return red, green, blue
    names = {"white": WHITE, "black": (0, 0, 0), "grey": (128, 128, 128)}
    if colour in names:
        return names[colour]
    if re.fullmatch(r"#[0-9a-fA-F]{6}", colour) is None:
        raise InputError(f"background '{colour}': give white, black, grey or six hexadecimal digits like '#ffe4c4'.")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
