"""What a collection is made to look like: every choice of a preparation that changes the result."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lienzo.collection.screening.pictures import WHITE, Geometry
from lienzo.errors import InputError, unknown

SMALLEST, LARGEST = 16, 1024
"""Sides that a collection's pictures may have, in pixels."""

Conflicts = Literal["first", "all", "refuse"]
"""The same picture under different labels: keep the first, keep it once under each, or refuse all of them."""


@dataclass(frozen=True)
class Settings:
    """Every choice of a preparation that changes the collection. Workers and engines change nothing."""

    height: int = 64
    """Of the collection's pictures, in pixels, 16 to 1024."""
    width: int = 64
    """Of the collection's pictures, in pixels, 16 to 1024."""
    channels: int = 3
    """1 (grey), 3 (sRGB) or 4 (sRGB and alpha)."""
    geometry: Geometry = "crop"
    """crop scales the short side and cuts the centre out, squash ignores the aspect, pad fills up with background."""
    trim_borders: bool = False
    """Cut plain borders off first: letterboxes, the margins of scans."""
    background: tuple[int, int, int] = WHITE
    """sRGB colour that transparent pictures are composited on and padding is filled with."""
    enlarge: bool = False
    """Accept pictures smaller than the collection's, and enlarge them."""
    detect_damage: bool = True
    """Look at the content for what damaged downloads leave behind: grey rests, zeroed stretches."""
    max_pixels: int = 178_956_970
    """Pictures of more pixels are refused as decompression bombs; the default is Pillow's."""
    near_duplicates: int | None = None
    """Refuse pictures whose perceptual hash is within this many of 64 bits of an earlier one's, 0 to 16."""
    conflicts: Conflicts = "first"
    """The same picture under different labels: keep the first, keep it once under each, or refuse all of them."""
    holdout: float = 0.0
    """Share of the pictures to set aside for evaluation, 0 to 0.9, by their content."""

    def __post_init__(self) -> None:
        for side in (self.height, self.width):
            if not SMALLEST <= side <= LARGEST:
                raise InputError(f"size {self.height}x{self.width}: sides are from {SMALLEST} to {LARGEST} pixels.")
        if self.channels not in (1, 3, 4):
            raise InputError(f"channels are 1 (grey), 3 (colour) or 4 (with alpha), not {self.channels}.")
        if self.geometry not in get_args(Geometry):
            raise InputError(unknown("geometry", self.geometry, get_args(Geometry)))
        if self.conflicts not in get_args(Conflicts):
            raise InputError(unknown("policy for conflicting labels", self.conflicts, get_args(Conflicts)))
        if self.near_duplicates is not None and not 0 <= self.near_duplicates <= 16:
            raise InputError(f"near duplicates differ in 0 to 16 of 64 bits, not {self.near_duplicates}.")
        if not 0 <= self.holdout <= 0.9:
            raise InputError(f"the share to hold out is from 0 to 0.9, not {self.holdout}.")
        if self.max_pixels < 1:
            raise InputError(f"the limit of pixels is a positive number, not {self.max_pixels}.")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value
                for name, value in dataclasses.asdict(self).items()}  # fmt: skip


def parse_size(size: int | str | tuple[int, int]) -> tuple[int, int]:
    """Return height and width.

    >>> parse_size(64), parse_size("96x64")
    ((64, 64), (96, 64))
    """
    if isinstance(size, tuple):
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
    if isinstance(colour, tuple):
        return colour
    names = {"white": WHITE, "black": (0, 0, 0), "grey": (128, 128, 128)}
    if colour in names:
        return names[colour]
    if re.fullmatch(r"#[0-9a-fA-F]{6}", colour) is None:
        raise InputError(f"background '{colour}': give white, black, grey or six hexadecimal digits like '#ffe4c4'.")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
