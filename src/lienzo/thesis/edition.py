"""What one edition of the thesis is written with: its language and the reader's collection."""

from dataclasses import dataclass
from typing import Literal

from lienzo.collection.collection import Collection

Language = Literal["en", "es"]

LANGUAGES: tuple[Language, ...] = ("en", "es")
"""Languages in which every chapter is written, as BCP 47 tags."""


@dataclass(frozen=True)
class Edition:
    """What every figure is told of the pages that it is drawn for."""

    language: Language = "en"
    """Language of the words within it."""

    collection: Collection | None = None
    """The reader's pictures; without any, a figure takes pictures of the procedural painter."""
