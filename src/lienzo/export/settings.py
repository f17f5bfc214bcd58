"""What can be asked of an export. It is read without PyTorch, so that the command's help is quick."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lienzo.collection.settings import Part

Kind = Literal["safetensors", "onnx", "page", "card", "folder", "zip", "webdataset"]

ENDINGS: dict[Kind, str] = {
    "page": ".html",
    "safetensors": ".safetensors",
    "onnx": ".onnx",
    "card": "-card",
    "folder": "-pictures",
    "zip": ".zip",
    "webdataset": "-webdataset",
}
"""Every kind, and what is added to the name of a run or collection where no ``out`` is given."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is exported, and how.

    ``to`` and ``out`` are asked of every kind. Of the others each kind takes those that its function has as keyword
    arguments. One that it does not take is refused.
    """

    to: Kind | None = None
    """What to export to."""

    out: str | Path | None = None
    """File or folder to write, which may not exist yet; by default the name of what is exported, in this folder."""

    float16: bool = False
    """Write the weights as float16: half the size, and pictures that differ by at most 1 of 255."""

    floats: bool = False
    """Let the pictures stay numbers, (N, channels, height, width) in [-1, 1], instead of bytes."""

    licence: str | None = None
    """Licence under which you give the generator or the pictures to others, such as cc-by-4.0; it stands in the card,
    or beside every picture."""

    push: str | None = None
    """Upload the folder to this repository on the Hugging Face Hub, which is made where there is none."""

    labels: str | None = None
    """Kind of the labels that become folders and numbers of classes; all kinds stand in the metadata in any case."""

    part: Part = "all"
    """Which pictures of a collection: train, holdout or all."""

    title: str | None = None
    """Heading of the page; by default the name of the run or file."""

    directions: Path | None = None
    """File of the generator's directions: the page has a slider for each."""

    walk: Path | None = None
    """Path file of a walk, which the page replays."""
